/** The MD5s by which clients check what arrived: hex of bodies and of attributes. Pure. Source: map-sqs-sns-s3 1.5. */
import { createHash } from "node:crypto";
import type { AttributeValue } from "./message.ts";

export function md5OfText(text: string): string {
  return createHash("md5").update(text).digest("hex");
}

/** Undefined for no attributes. Each: length and bytes of name, of type, one byte for the kind, length and bytes of the value. */
export function md5OfAttributes(
  attributes: Readonly<Record<string, AttributeValue>> | undefined,
): string | undefined {
  const names = Object.keys(attributes ?? {}).toSorted(byCodeUnit);
  if (names.length === 0) return undefined;
  const hash = createHash("md5");
  const add = (bytes: Buffer): void => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hash.update(length).update(bytes);
  };
  for (const name of names) {
    const { type, text, binary } = attributes?.[name] ?? { type: "" };
    add(Buffer.from(name));
    add(Buffer.from(type));
    hash.update(Buffer.of(binary === undefined ? 1 : 2));
    add(binary === undefined ? Buffer.from(text ?? "") : Buffer.from(binary, "base64"));
  }
  return hash.digest("hex");
}

function byCodeUnit(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
