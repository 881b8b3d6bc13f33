/** `POST /extension/register`: an extension says which events it wants, and learns whom it is with. */
import { extensionNameLengthMax } from "../../limits.ts";
import type { ExtensionEventType, ExtensionRefusal } from "../extensions.ts";
import { refused as refusal } from "../extensions.ts";
import { json, refused } from "./answers.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Body, Headers } from "./http1.ts";

export const register: Endpoint = ({ request, exchange, port }) => {
  const { headers, body } = request;
  const name = nameOf(headers);
  if (name === "" || name.length > extensionNameLengthMax)
    return exchange.answer(refused(refusal("InvalidExtensionName", "Empty extension name")));
  const events = eventsOf(body);
  if ("kind" in events) return exchange.answer(refused(events));
  const id = port.extensions.register(name, events);
  if (typeof id !== "string") return exchange.answer(refused(id));
  const { functionName, version: functionVersion, handler, account } = port.spec;
  const features = (headers.get("lambda-extension-accept-feature") ?? "").split(",");
  const wantsAccount = features.some((feature) => feature.trim() === "accountId");
  const facts = { functionName, functionVersion, handler, ...(wantsAccount && { accountId: account }) };
  exchange.answer(json(200, JSON.stringify(facts), `Lambda-Extension-Identifier: ${id}\r\n`));
};

/** An extension is called like its file, whose name is UTF-8; the parser has made a character of each byte. */
function nameOf(headers: Headers): string {
  const sent = headers.get("lambda-extension-name") ?? "";
  const name = Buffer.from(sent, "latin1").toString();
  // Some clients send Latin-1.
  return name.includes("\uFFFD") ? sent : name;
}

function eventsOf(body: Body): readonly ExtensionEventType[] | ExtensionRefusal {
  const request = body.kind === "whole" ? parsed(body.bytes) : undefined;
  if (typeof request !== "object" || request === null || Array.isArray(request))
    return invalidFormat("The request body is not a JSON object");
  const { events: asked, configurationKeys: keys } = request as Record<string, unknown>;
  // Go writes a list that was never filled as null.
  const [events, configurationKeys] = [asked ?? [], keys ?? []];
  if (!Array.isArray(configurationKeys) || configurationKeys.length > 0)
    return invalidFormat("configurationKeys are deprecated; use environment variables instead");
  if (!Array.isArray(events)) return invalidFormat("events is not a list");
  const unknown: unknown = events.find((event) => event !== "INVOKE" && event !== "SHUTDOWN");
  // inferred: the sentence.
  if (unknown !== undefined)
    return refusal("InvalidEventType", `${JSON.stringify(unknown).slice(0, 100)}: event type not supported`);
  return (["INVOKE", "SHUTDOWN"] as const).filter((event) => events.includes(event));
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
}

function invalidFormat(message: string): ExtensionRefusal {
  return { kind: "refused", errorType: "InvalidRequestFormat", message };
}
