/**
 * The errors that codecs throw for requests they cannot read, in the words of AWS's own (Coral) front ends.
 *
 * A value of the wrong JSON type is named by its token: "NUMBER_VALUE can not be converted to a String". Never put the
 * caller's bytes into a message beyond what the parser itself quotes.
 */
import { AwsError } from "./aws-error.ts";
import type { ShapeKind } from "./model.ts";

export function serializationError(message: string, cause?: unknown): AwsError {
  return new AwsError("SerializationException", message, { status: 400, cause });
}

/** A parsed value stands where the model has another kind. */
export function wrongType(raw: unknown, expected: ShapeKind): AwsError {
  if (Array.isArray(raw)) return serializationError("Start of list found where not expected");
  if (raw === null) return serializationError("NULL_VALUE found where not expected"); // inferred
  switch (expected) {
    case "list":
      return serializationError(isTree(raw) ? structureUnexpected : "Expected list or null");
    case "map":
    case "structure":
    case "union":
    case "unit":
      return serializationError("Expected map or null"); // recalled for maps; inferred for structures
    default:
      if (isTree(raw)) return serializationError(structureUnexpected);
      return serializationError(`${tokenOf(raw)} can not be converted to ${nounOf(expected)}`);
  }
}

/** Text (a header, a query parameter, XML) that is no value of its kind is worded like a JSON string. */
export function wrongText(expected: ShapeKind): AwsError {
  return serializationError(`STRING_VALUE can not be converted to ${nounOf(expected)}`);
}

const structureUnexpected = "Start of structure or map found where not expected.";

/** Blobs and dates come from CBOR, where they are scalars. */
function isTree(raw: unknown): boolean {
  return typeof raw === "object" && !(raw instanceof Uint8Array) && !(raw instanceof Date);
}

function tokenOf(raw: unknown): string {
  if (raw === true) return "TRUE_VALUE";
  if (raw === false) return "FALSE_VALUE";
  if (typeof raw === "string") return "STRING_VALUE";
  return typeof raw === "number" || typeof raw === "bigint" ? "NUMBER_VALUE" : "EMBEDDED_OBJECT";
}

function nounOf(kind: ShapeKind): string {
  const noun = kind.charAt(0).toUpperCase() + kind.slice(1);
  return kind === "integer" ? `an ${noun}` : `a ${noun}`;
}
