/** What message attributes may be, with AWS's refusals, and how many bytes they count. Pure. Source: map-sqs-sns-s3 2.4. */
import type { MessageAttribute } from "../../../events/ports.ts";
import { invalidParameterValue } from "../errors.ts";

/** As it comes over the wire. */
export interface GivenAttribute {
  readonly DataType?: string | undefined;
  readonly StringValue?: string | undefined;
  readonly BinaryValue?: Uint8Array | undefined;
}

/** By name; values of `Binary` in base64. */
export type AttributeMap = Readonly<Record<string, MessageAttribute>>;

/** Undefined: there are none. */
export function checkedAttributes(
  given: Readonly<Record<string, GivenAttribute>> | undefined,
): AttributeMap | undefined {
  const entries = Object.entries(given ?? {});
  if (entries.length === 0) return undefined;
  return Object.fromEntries(entries.map(([name, value]) => [name, checkedAttribute(name, value)]));
}

export function attributesBytes(attributes: AttributeMap | undefined): number {
  let total = 0;
  for (const [name, { type, value }] of Object.entries(attributes ?? {})) {
    const encoding = isBinary(type) ? "base64" : "utf8";
    total += Buffer.byteLength(name) + Buffer.byteLength(type) + Buffer.byteLength(value, encoding);
  }
  return total;
}

export function isBinary(type: string): boolean {
  return kindOf(type) === "Binary";
}

/** What a filter policy sees; undefined: an array that is none, which nothing matches. */
export function filteredValues(attributes: AttributeMap | undefined): object | undefined {
  const values: Record<string, unknown> = {};
  for (const [name, { type, value }] of Object.entries(attributes ?? {})) {
    if (type === "String.Array") {
      const list = arrayIn(value);
      if (!list) return undefined;
      values[name] = list;
    } else if (kindOf(type) === "Number") {
      values[name] = Number(value);
    } else if (kindOf(type) === "String") {
      values[name] = value;
    }
  }
  return values;
}

function arrayIn(json: string): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function checkedAttribute(name: string, { DataType: type = "", ...given }: GivenAttribute): MessageAttribute {
  checkName(name);
  const kind = kindOf(type);
  if (kind === undefined) {
    throw invalidParameterValue(
      `The message attribute '${name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.`,
    );
  }
  if (type.length > 256)
    throw invalidParameterValue("Length of message attribute type must be less than 256 bytes.");
  const { StringValue: text, BinaryValue: binary } = given;
  const wanted = kind === "Binary" ? "Binary" : "String";
  const hasOther = kind === "Binary" ? text !== undefined : binary !== undefined && binary.length > 0;
  if (kind === "Binary" ? binary && binary.length > 0 : text) {
    return {
      type,
      value: binary && kind === "Binary" ? Buffer.from(binary).toString("base64") : (text ?? ""),
    };
  }
  if (hasOther) {
    throw invalidParameterValue(
      `The message attribute '${name}' with type '${type}' must use field '${wanted}'.`,
    );
  }
  throw invalidParameterValue(
    `The message attribute '${name}' must contain non-empty message attribute value for message attribute type '${type}'.`,
  );
}

function checkName(name: string): void {
  if (name.length > 256)
    throw invalidParameterValue("Length of message attribute name must be less than 256 bytes.");
  if (name.startsWith(".")) {
    throw invalidParameterValue("Invalid message attribute name starting with character '.' was found.");
  }
  if (name.endsWith(".")) {
    throw invalidParameterValue("Invalid message attribute name ending with character '.' was found.");
  }
  if (name.includes("..")) {
    throw invalidParameterValue("Message attribute name can not have successive '.' character.");
  }
  const bad = /[^A-Za-z0-9_.-]/.exec(name)?.[0];
  if (bad === undefined) return;
  const code = (bad.codePointAt(0) ?? 0).toString(16).toUpperCase();
  throw invalidParameterValue(
    `Invalid non-alphanumeric character '#x${code}' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots.`,
  );
}

function kindOf(type: string): "String" | "Number" | "Binary" | undefined {
  const kind = type.split(".", 1)[0];
  const isKnown = kind === "String" || kind === "Number" || kind === "Binary";
  return isKnown && type !== `${kind}.` ? kind : undefined;
}
