/** What message attributes may be, with AWS's refusals, and how many bytes they count. Pure. Source: map-sqs-sns-s3 1.5. */
import { messageAttributesMax } from "../../../limits.ts";
import { invalidContents, invalidParameter } from "../errors.ts";
import type { AttributeValue } from "./message.ts";

/** As it comes over the wire. */
export interface GivenAttribute {
  readonly DataType?: string | undefined;
  readonly StringValue?: string | undefined;
  readonly BinaryValue?: Uint8Array | undefined;
  readonly StringListValues?: readonly string[] | undefined;
  readonly BinaryListValues?: readonly Uint8Array[] | undefined;
}

export type AttributeMap = Readonly<Record<string, AttributeValue>>;

/** Undefined: there are none. */
export function checkedAttributes(
  given: Readonly<Record<string, GivenAttribute>> | undefined,
): AttributeMap | undefined {
  const entries = Object.entries(given ?? {});
  if (entries.length === 0) return undefined;
  if (entries.length > messageAttributesMax) {
    throw invalidParameter(
      `Number of message attributes [${entries.length}] exceeds the allowed maximum [${messageAttributesMax}].`,
    );
  }
  return Object.fromEntries(entries.map(([name, value]) => [name, checkedAttribute(name, value)]));
}

/** Of the names, types and values; what SQS charges to the message's size. */
export function attributesBytes(attributes: AttributeMap | undefined): number {
  let total = 0;
  for (const [name, { type, text, binary }] of Object.entries(attributes ?? {})) {
    const value = binary === undefined ? Buffer.byteLength(text ?? "") : Buffer.byteLength(binary, "base64");
    total += Buffer.byteLength(name) + Buffer.byteLength(type) + value;
  }
  return total;
}

/** Whether SQS carries this text. */
export function checkCharacters(text: string): void {
  if (!isCarried(text)) throw invalidContents();
}

/** The only one that a sender may set. */
export function checkedTraceHeader(
  given: Readonly<Record<string, GivenAttribute>> | undefined,
): AttributeMap | undefined {
  const entries = Object.entries(given ?? {});
  for (const [name, { DataType: type, StringValue: text }] of entries) {
    // inferred: the texts.
    if (name !== "AWSTraceHeader") {
      throw invalidParameter(`Message system attribute name '${name}' is invalid.`);
    }
    if (type !== "String") {
      throw invalidParameter("Message system attribute 'AWSTraceHeader' must be of type 'String'.");
    }
    if (!text) {
      throw invalidParameter(
        "Message (system) attribute 'AWSTraceHeader' must contain a non-empty value of type 'String'.",
      );
    }
    if (text.length > 1024 || !isCarried(text)) {
      throw invalidParameter("Message system attribute 'AWSTraceHeader' is not a valid trace header.");
    }
    return { AWSTraceHeader: { type, text } };
  }
  return undefined;
}

function checkedAttribute(name: string, given: GivenAttribute): AttributeValue {
  checkName(name);
  const type = given.DataType ?? "";
  const kind = kindOf(name, type);
  if ((given.StringListValues?.length ?? 0) > 0 || (given.BinaryListValues?.length ?? 0) > 0) {
    throw invalidParameter("Message attribute list values in SendMessage operation are not supported."); // inferred
  }
  const { StringValue: text, BinaryValue: binary } = given;
  if (kind === "Binary") {
    if (!binary || binary.length === 0) throw mustHaveValue(name, kind);
    return { type, binary: Buffer.from(binary).toString("base64") };
  }
  if (!text) throw mustHaveValue(name, kind);
  if (!isCarried(text)) {
    throw invalidParameter(`Message (user) attribute '${name}' value contains invalid characters.`); // inferred
  }
  if (kind === "Number" && !isNumber(text)) {
    throw invalidParameter(`Could not cast message (user) attribute '${name}' value to number.`);
  }
  return { type, text };
}

function checkName(name: string): void {
  // Accented letters are taken in practice.
  const hasForm = /^[\p{L}\p{N}_.-]{1,256}$/u.test(name) && !name.startsWith(".") && !name.endsWith(".");
  if (!hasForm || name.includes("..") || /^(aws|amazon)\./i.test(name)) {
    throw invalidParameter(`Message (user) attribute name '${name.slice(0, 256)}' is invalid.`); // inferred text
  }
}

function kindOf(name: string, type: string): "String" | "Number" | "Binary" {
  const kind = type.split(".", 1)[0];
  const isKnown = kind === "String" || kind === "Number" || kind === "Binary";
  if (isKnown && type.length <= 256 && type !== `${kind}.`) return kind;
  if (type === "") {
    throw invalidParameter(
      `Message (user) attribute '${name}' must contain a non-empty message attribute type.`,
    );
  }
  throw invalidParameter(
    `The type of message (user) attribute '${name}' is invalid. You must use only the following supported type prefixes: Binary, Number, String.`,
  );
}

function mustHaveValue(name: string, kind: string) {
  return invalidParameter(
    `Message (user) attribute '${name}' must contain a non-empty value of type '${kind}'.`,
  );
}

/** Up to 38 digits, from -10^128 to 10^126. */
function isNumber(text: string): boolean {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?$/.test(text)) return false;
  const digits = (text.split(/[eE]/, 1)[0] ?? "").replaceAll(/[^\d]/g, "").replace(/^0+/, "");
  const value = Number(text);
  return digits.length <= 38 && value >= -1e128 && value <= 1e126;
}

function isCarried(text: string): boolean {
  // eslint-disable-next-line no-control-regex -- which characters SQS does not carry is what it is about
  return text.isWellFormed() && !/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/.test(text);
}
