/**
 * JSON bodies by the model: reads bytes into structures, writes structures as text.
 *
 * Reading is `JSON.parse` plus the shape's reader. Writing concatenates text with one closure per member, which is
 * faster than building an object for `JSON.stringify` and drops unknown members on the way. Never writes a value that
 * is not valid JSON, whatever a service returns.
 */
import { bufferOf } from "../base/bytes.ts";
import { invariant } from "../base/invariant.ts";
import type { Member, Shape, ShapeKind } from "./model.ts";
import { perShape } from "./per-shape.ts";
import type { Structure } from "./protocol.ts";
import { serializationError, wrongType } from "./serialization.ts";
import { base64, bytesOf, plainText } from "./text-value.ts";
import { dateOf, formatTimestamp, parseTimestamp, timestampFormatOf } from "./timestamp.ts";
import { createShapeReaders, elementOf, type ScalarReader, type TreeFormat } from "./value-reader.ts";

export interface JsonCodec {
  /** Structure or union from a body; an empty body is an empty structure. */
  readonly readStructure: (shape: Shape, body: Uint8Array) => Structure;
  readonly writeStructure: (shape: Shape, value: Structure) => string;
  /** The members alone, without braces: `"a":1,"b":2`. */
  readonly writeMembers: (shape: Shape, value: Structure) => string;
  /** A member of any kind as a whole body. */
  readonly readValue: (member: Member, body: Uint8Array) => unknown;
  readonly writeValue: (member: Member, value: unknown) => string;
}

/** restJson1 renames members by `jsonName`; the awsJson protocols ignore that trait. */
export function createJsonCodec(wireName: (member: Member) => string): JsonCodec {
  const readers = createShapeReaders({ wireName, scalarReader } satisfies TreeFormat);
  const writers = createWriters(wireName);
  return {
    readStructure(shape, body) {
      if (body.byteLength === 0) return {};
      return readers.structure(shape)(parseJson(body), 0) as Structure;
    },
    writeStructure: (shape, value) => `{${writers.structure(shape)(value)}}`,
    writeMembers: (shape, value) => writers.structure(shape)(value),
    readValue: (member, body) => readers.member(member)(parseJson(body), 0),
    writeValue: (member, value) => writers.member(member)(value),
  };
}

/** Throws "SerializationException" for malformed text. */
export function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(bufferOf(body).toString("utf8"));
  } catch (cause) {
    // inferred: the words are those of Lambda's Invoke; other front ends answer without a message.
    throw serializationError(`Could not parse request body into json: ${(cause as Error).message}`, cause);
  }
}

/** JSON string literal; the common short, plain string is not scanned by `JSON.stringify`. */
export function jsonString(text: string): string {
  if (text.length > 64) return JSON.stringify(text);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x22 || code === 0x5c || code >= 0xd800) return JSON.stringify(text);
  }
  return `"${text}"`;
}

function scalarReader(member: Member): ScalarReader {
  const kind = member.shape.kind;
  switch (kind) {
    case "string":
      return (raw) => (typeof raw === "string" ? raw : refuse(raw, kind));
    case "boolean":
      return (raw) => (typeof raw === "boolean" ? raw : refuse(raw, kind));
    case "integer":
    case "long":
    case "bigInteger":
      // AWS's reader truncates fractions (its class is called TruncatingBigNumber).
      return (raw) => (typeof raw === "number" ? Math.trunc(raw) : refuse(raw, kind));
    case "float":
    case "double":
    case "bigDecimal":
      return (raw) => (typeof raw === "number" ? raw : readSpecialNumber(raw, kind));
    case "blob":
      return (raw) => (typeof raw === "string" ? Buffer.from(raw, "base64") : refuse(raw, kind));
    default:
      return readTimestamp;
  }
}

function refuse(raw: unknown, kind: ShapeKind): never {
  throw wrongType(raw, kind);
}

function readSpecialNumber(raw: unknown, kind: ShapeKind): number {
  if (raw === "NaN" || raw === "Infinity" || raw === "-Infinity") return Number(raw);
  throw wrongType(raw, kind);
}

function readTimestamp(raw: unknown): Date {
  let date: Date | undefined;
  if (typeof raw === "number") date = dateOf(raw * 1000);
  else if (typeof raw === "string") date = parseTimestamp(raw);
  if (!date) throw wrongType(raw, "timestamp");
  return date;
}

type MembersWriter = (value: Structure) => string;
type ValueWriter = (value: unknown) => string;

function createWriters(wireName: (member: Member) => string): {
  structure: (shape: Shape) => MembersWriter;
  member: (member: Member) => ValueWriter;
} {
  const structureWriter = perShape(compileStructure);

  function compileStructure(shape: Shape): MembersWriter {
    let fields: { readonly name: string; readonly prefix: string; readonly write: ValueWriter }[] | undefined;
    return (structure) => {
      fields ??= shape.members.map((member) => ({
        name: member.name,
        prefix: `${jsonString(wireName(member))}:`,
        write: compileMember(member),
      }));
      let text = "";
      for (const field of fields) {
        const value = structure[field.name];
        if (value === undefined || value === null) continue;
        text += text === "" ? field.prefix : `,${field.prefix}`;
        text += field.write(value);
      }
      return text;
    };
  }

  function compileMember(member: Member): ValueWriter {
    const shape = member.shape;
    switch (shape.kind) {
      case "structure":
      case "union":
      case "unit": {
        const write = structureWriter(shape);
        return (value) => `{${write(value as Structure)}}`;
      }
      case "list":
        return compileList(shape);
      case "map":
        return compileMap(shape);
      default:
        return scalarWriter(member);
    }
  }

  function compileList(shape: Shape): ValueWriter {
    let writeElement: ValueWriter | undefined;
    return (value) => {
      const write = (writeElement ??= compileMember(elementOf(shape)));
      let text = "";
      for (const item of value as readonly unknown[]) {
        if (text !== "") text += ",";
        text += item === null || item === undefined ? "null" : write(item);
      }
      return `[${text}]`;
    };
  }

  function compileMap(shape: Shape): ValueWriter {
    let writeElement: ValueWriter | undefined;
    return (value) => {
      const write = (writeElement ??= compileMember(elementOf(shape)));
      let text = "";
      for (const [key, item] of Object.entries(value as Structure)) {
        if (item === undefined || (item === null && !shape.sparse)) continue;
        if (text !== "") text += ",";
        text += `${jsonString(key)}:${item === null ? "null" : write(item)}`;
      }
      return `{${text}}`;
    };
  }

  return { structure: structureWriter, member: compileMember };
}

function scalarWriter(member: Member): ValueWriter {
  switch (member.shape.kind) {
    case "string":
      return (value) => jsonString(plainText(value));
    case "boolean":
      return (value) => (value ? "true" : "false");
    case "blob":
      return (value) => `"${base64(bytesOf(value))}"`;
    case "timestamp": {
      const format = timestampFormatOf(member, "epoch-seconds");
      return (value) => {
        invariant(value instanceof Date, `the timestamp ${member.name} must be a Date`);
        const text = formatTimestamp(value, format);
        return format === "epoch-seconds" ? text : `"${text}"`;
      };
    }
    case "document":
      return (value) => JSON.stringify(value) ?? "null";
    default:
      return numberText;
  }
}

function numberText(value: unknown): string {
  if (typeof value === "bigint") return String(value);
  const number = Number(value);
  return Number.isFinite(number) ? String(number) : `"${number}"`;
}
