/**
 * Scalars as plain text: URI labels, query parameters, headers, form fields, XML content.
 *
 * `textReader` and `textWriter` give the closure for one member, so that nothing about the model is looked up per
 * request. Text that is no value of the member's kind throws "SerializationException"; nothing is ever guessed.
 */
import { bufferOf } from "../base/bytes.ts";
import { invariant } from "../base/invariant.ts";
import type { Member, ShapeKind, TimestampFormat } from "./model.ts";
import { wrongText } from "./serialization.ts";
import { formatTimestamp, parseTimestamp, timestampFormatOf } from "./timestamp.ts";

export type TextReader = (text: string) => unknown;
export type TextWriter = (value: unknown) => string;

export function textReader(member: Member): TextReader {
  const kind = member.shape.kind;
  switch (kind) {
    case "string":
      return (text) => text;
    case "boolean":
      return readBoolean;
    case "integer":
    case "long":
    case "bigInteger":
      return (text) => readInteger(text, kind);
    case "float":
    case "double":
    case "bigDecimal":
      return (text) => readFloat(text, kind);
    case "timestamp":
      return readTimestamp;
    case "blob":
      return (text) => Buffer.from(text, "base64");
    default:
      return () => {
        throw wrongText(kind);
      };
  }
}

export function textWriter(member: Member, timestampFormat: TimestampFormat): TextWriter {
  switch (member.shape.kind) {
    case "timestamp": {
      const format = timestampFormatOf(member, timestampFormat);
      const { hasMilliseconds } = member.shape.traits;
      return (value) => {
        invariant(value instanceof Date, `the timestamp ${member.name} must be a Date`);
        return formatTimestamp(value, format, hasMilliseconds);
      };
    }
    case "blob":
      return (value) => base64(bytesOf(value));
    default:
      return plainText; // NaN and Infinity already print as the wire has them
  }
}

/** Text of a string, number or boolean that a service gave. */
export function plainText(value: unknown): string {
  return typeof value === "string" ? value : `${value as number | boolean | bigint}`;
}

/** Bytes of a blob that a service gave: binary, or text to be sent as UTF-8. */
export function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  invariant(typeof value === "string", "a blob must be bytes or text");
  return Buffer.from(value);
}

export function base64(bytes: Uint8Array): string {
  return bufferOf(bytes).toString("base64");
}

function readBoolean(text: string): boolean {
  if (text === "true" || text === "True" || text === "TRUE") return true; // boto sends Python's words to query services
  if (text === "false" || text === "False" || text === "FALSE") return false;
  throw wrongText("boolean");
}

const integerPattern = /^[+-]?\d{1,40}$/;
const floatPattern = /^[+-]?(?:\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})(?:[eE][+-]?\d{1,3})?$/;

function readInteger(text: string, kind: ShapeKind): number {
  if (!integerPattern.test(text)) throw wrongText(kind);
  return Number(text);
}

function readFloat(text: string, kind: ShapeKind): number {
  if (text === "NaN") return Number.NaN;
  if (text === "Infinity") return Number.POSITIVE_INFINITY;
  if (text === "-Infinity") return Number.NEGATIVE_INFINITY;
  if (!floatPattern.test(text)) throw wrongText(kind);
  return Number(text);
}

function readTimestamp(text: string): Date {
  const date = parseTimestamp(text);
  if (!date) throw wrongText("timestamp");
  return date;
}
