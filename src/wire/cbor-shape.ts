/**
 * CBOR bodies by the model: one codec for rpcv2Cbor (times in seconds) and one for amzCbor (in milliseconds).
 *
 * Writers are compiled per shape on first use, with the member names encoded once. Structures are written as maps of
 * open length, so that absent members need no counting.
 */
import { invariant } from "../base/invariant.ts";
import { CborWriter } from "./cbor-writer.ts";
import { decodeCbor, type TimestampUnit } from "./cbor.ts";
import type { Member, Shape, ShapeKind } from "./model.ts";
import { perShape } from "./per-shape.ts";
import type { Structure } from "./protocol.ts";
import { wrongType } from "./serialization.ts";
import { bytesOf, plainText } from "./text-value.ts";
import { dateOf } from "./timestamp.ts";
import { createShapeReaders, elementOf, type ScalarReader } from "./value-reader.ts";

export interface CborCodec {
  /** An empty body is an empty structure. */
  readonly readStructure: (shape: Shape, body: Uint8Array) => Structure;
  readonly writeStructure: (
    shape: Shape,
    value: Structure,
    extra?: Readonly<Record<string, string>>,
  ) => Uint8Array;
}

export function createCborCodec(unit: TimestampUnit): CborCodec {
  const readers = createShapeReaders({
    wireName: (member) => member.name,
    scalarReader: (member) => scalarReader(member, unit),
  });
  const writer = createMembersWriter(unit);
  return {
    readStructure(shape, body) {
      if (body.byteLength === 0) return {};
      return readers.structure(shape)(decodeCbor(body, unit), 0) as Structure;
    },
    writeStructure(shape, value, extra = {}) {
      const out = new CborWriter();
      out.openMap();
      for (const [name, text] of Object.entries(extra)) {
        out.text(name);
        out.text(text);
      }
      writer(shape)(value, out);
      out.end();
      return out.finish();
    },
  };
}

function scalarReader(member: Member, unit: TimestampUnit): ScalarReader {
  const kind = member.shape.kind;
  switch (kind) {
    case "string":
      return (raw) => (typeof raw === "string" ? raw : refuse(raw, kind));
    case "boolean":
      return (raw) => (typeof raw === "boolean" ? raw : refuse(raw, kind));
    case "integer":
    case "long":
    case "bigInteger":
      return (raw) => (isFiniteNumber(raw) ? Math.trunc(raw) : refuse(raw, kind));
    case "float":
    case "double":
    case "bigDecimal":
      return (raw) => (typeof raw === "number" ? raw : refuse(raw, kind));
    case "blob":
      return (raw) => (raw instanceof Uint8Array ? raw : refuse(raw, kind));
    default:
      return (raw) => readTimestamp(raw, unit);
  }
}

function refuse(raw: unknown, kind: ShapeKind): never {
  throw wrongType(raw, kind);
}

function isFiniteNumber(raw: unknown): raw is number {
  return typeof raw === "number" && Number.isFinite(raw);
}

/** Untagged numbers are accepted: old AWS SDKs leave the tag out. */
function readTimestamp(raw: unknown, unit: TimestampUnit): Date {
  if (raw instanceof Date) return raw;
  const date = typeof raw === "number" ? dateOf(unit === "seconds" ? raw * 1000 : raw) : undefined;
  if (!date) throw wrongType(raw, "timestamp");
  return date;
}

type MembersWriter = (structure: Structure, out: CborWriter) => void;
type ValueWriter = (value: unknown, out: CborWriter) => void;
interface Field {
  readonly name: string;
  readonly key: Uint8Array;
  readonly write: ValueWriter;
}

function createMembersWriter(unit: TimestampUnit): (shape: Shape) => MembersWriter {
  const membersWriter = perShape(compileStructure);

  function compileStructure(shape: Shape): MembersWriter {
    let fields: Field[] | undefined;
    return (structure, out) => {
      fields ??= shape.members.map((m) => ({
        name: m.name,
        key: encodedText(m.name),
        write: compileMember(m),
      }));
      for (const field of fields) {
        const value = structure[field.name];
        if (value === undefined || value === null) continue;
        out.raw(field.key);
        field.write(value, out);
      }
    };
  }

  function compileMember(member: Member): ValueWriter {
    const shape = member.shape;
    switch (shape.kind) {
      case "structure":
      case "union":
      case "unit": {
        const write = membersWriter(shape);
        return (value, out) => {
          out.openMap();
          write(value as Structure, out);
          out.end();
        };
      }
      case "list":
        return compileList(shape);
      case "map":
        return compileMap(shape);
      default:
        return scalarWriter(member, unit);
    }
  }

  function compileList(shape: Shape): ValueWriter {
    let writeElement: ValueWriter | undefined;
    return (value, out) => {
      const write = (writeElement ??= compileMember(elementOf(shape)));
      const items = value as readonly unknown[];
      out.list(items.length);
      for (const item of items) {
        if (item === null || item === undefined) out.null();
        else write(item, out);
      }
    };
  }

  function compileMap(shape: Shape): ValueWriter {
    let writeElement: ValueWriter | undefined;
    return (value, out) => {
      const write = (writeElement ??= compileMember(elementOf(shape)));
      out.openMap();
      for (const [key, item] of Object.entries(value as Structure)) {
        if (item === undefined || (item === null && !shape.sparse)) continue;
        out.text(key);
        if (item === null) out.null();
        else write(item, out);
      }
      out.end();
    };
  }

  return membersWriter;
}

function encodedText(text: string): Uint8Array {
  const out = new CborWriter();
  out.text(text);
  return out.finish();
}

function scalarWriter(member: Member, unit: TimestampUnit): ValueWriter {
  switch (member.shape.kind) {
    case "string":
      return (value, out) => out.text(plainText(value));
    case "boolean":
      return (value, out) => out.boolean(Boolean(value));
    case "blob":
      return (value, out) => out.bytes(bytesOf(value));
    case "timestamp":
      return (value, out) => {
        invariant(value instanceof Date, `the timestamp ${member.name} must be a Date`);
        out.tag(1);
        if (unit === "seconds") out.double(value.getTime() / 1000);
        else out.integer(value.getTime());
      };
    case "float":
    case "double":
    case "bigDecimal":
      return (value, out) => out.double(Number(value));
    case "document":
      return writeDocument;
    default:
      return writeInteger;
  }
}

function writeInteger(value: unknown, out: CborWriter): void {
  if (typeof value === "bigint") return out.integer(value);
  const number = Number(value);
  // -2^64 to 2^64 is all that CBOR's plain integers hold.
  if (Number.isInteger(number) && Math.abs(number) < 2 ** 64) out.integer(number);
  else out.double(number);
}

/** Documents have no shape: what JSON can hold. */
function writeDocument(value: unknown, out: CborWriter): void {
  if (value === null || value === undefined) out.null();
  else if (typeof value === "string") out.text(value);
  else if (typeof value === "boolean") out.boolean(value);
  else if (typeof value === "number" || typeof value === "bigint") writeInteger(value, out);
  else if (value instanceof Uint8Array) out.bytes(value);
  else if (Array.isArray(value)) {
    out.list(value.length);
    for (const item of value) writeDocument(item, out);
  } else {
    out.openMap();
    for (const [key, item] of Object.entries(value)) {
      out.text(key);
      writeDocument(item, out);
    }
    out.end();
  }
}
