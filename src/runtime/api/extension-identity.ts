/** Who of an environment's extensions a request comes from: the identifier that it got when it registered. */
import type { ExtensionRefusal, Extensions } from "../extensions.ts";
import { refused } from "../extensions.ts";
import type { Headers } from "./http1.ts";

export interface Identified {
  readonly kind: "identified";
  readonly id: string;
  readonly name: string;
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Source: lambda-map 5.2; the sentences as recalled from AWS's own emulator. */
export function identify(headers: Headers, extensions: Extensions): Identified | ExtensionRefusal {
  const id = headers.get("lambda-extension-identifier");
  if (!id) return refused("MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header");
  if (!uuid.test(id)) return refused("InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier");
  const name = extensions.nameOf(id.toLowerCase());
  if (name === undefined) return refused("UnknownExtensionIdentifier", `Unknown extension ${id}`);
  return { kind: "identified", id: id.toLowerCase(), name };
}
