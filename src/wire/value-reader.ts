/**
 * Turns a parsed JSON or CBOR tree into a structure of the model: checks kinds, renames members, drops what the model
 * does not know.
 *
 * JSON and CBOR differ in how scalars look and in how members are named; `TreeFormat` says how. Each shape's reader is
 * compiled on first use and kept for the shape's life. Recursion follows the caller's nesting, so every level is counted
 * against `documentDepthMax`.
 */
import { documentDepthMax } from "../limits.ts";
import type { Member, Shape } from "./model.ts";
import { perShape } from "./per-shape.ts";
import { serializationError, wrongType } from "./serialization.ts";

/** `raw` is never null or undefined. */
export type ScalarReader = (raw: unknown) => unknown;
export type ShapeReader = (raw: unknown, depth: number) => unknown;

export interface TreeFormat {
  readonly wireName: (member: Member) => string;
  /** For string, boolean, numbers, blob and timestamp. */
  readonly scalarReader: (member: Member) => ScalarReader;
}

export interface ShapeReaders {
  /** Of a structure or union; 0 is the depth to start with. */
  readonly structure: (shape: Shape) => ShapeReader;
  /** Of a payload that may be anything. Not cached. */
  readonly member: (member: Member) => ShapeReader;
}

export function createShapeReaders(format: TreeFormat): ShapeReaders {
  const structureReader = perShape(compileStructure);

  function compileStructure(shape: Shape): ShapeReader {
    let fields: Map<string, { readonly name: string; readonly read: ShapeReader }> | undefined;
    return (raw, depth) => {
      if (!isObject(raw)) throw wrongType(raw, shape.kind);
      if (depth > documentDepthMax) throw tooDeep();
      // Compiled here, not outside: shapes are recursive.
      fields ??= new Map(
        shape.members.map((m) => [format.wireName(m), { name: m.name, read: compileMember(m) }]),
      );
      const structure: Record<string, unknown> = {};
      for (const key of Object.keys(raw)) {
        const field = fields.get(key);
        const value = raw[key];
        if (field && value !== null && value !== undefined) {
          structure[field.name] = field.read(value, depth + 1);
        }
      }
      return structure;
    };
  }

  function compileMember(member: Member): ShapeReader {
    const shape = member.shape;
    switch (shape.kind) {
      case "structure":
      case "union":
      case "unit":
        return structureReader(shape);
      case "list":
        return compileList(shape);
      case "map":
        return compileMap(shape);
      case "document":
        return (raw, depth) => {
          checkDepth(raw, depth);
          return raw;
        };
      default:
        return format.scalarReader(member);
    }
  }

  function compileList(shape: Shape): ShapeReader {
    let readElement: ShapeReader | undefined;
    return (raw, depth) => {
      if (!Array.isArray(raw)) throw wrongType(raw, "list");
      if (depth > documentDepthMax) throw tooDeep();
      const read = (readElement ??= compileMember(elementOf(shape)));
      return raw.map((item: unknown) => readItem(item, shape, read, depth + 1));
    };
  }

  function compileMap(shape: Shape): ShapeReader {
    let readElement: ShapeReader | undefined;
    return (raw, depth) => {
      if (!isObject(raw)) throw wrongType(raw, "map");
      if (depth > documentDepthMax) throw tooDeep();
      const read = (readElement ??= compileMember(elementOf(shape)));
      const map: Record<string, unknown> = {};
      for (const key of Object.keys(raw)) {
        setEntry(map, key, readItem(raw[key], shape, read, depth + 1));
      }
      return map;
    };
  }

  return { structure: structureReader, member: compileMember };
}

/** Lists and maps have an element by construction of the model. */
export function elementOf(shape: Shape): Member {
  if (!shape.element) throw new TypeError(`${shape.name} has no element`);
  return shape.element;
}

/** Own property even for "__proto__", as `JSON.parse` does it. */
export function setEntry(map: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    map[key] = value;
  }
}

function readItem(raw: unknown, shape: Shape, read: ShapeReader, depth: number): unknown {
  if (raw !== null && raw !== undefined) return read(raw, depth);
  // Smithy's malformed-request tests: null in a dense collection is a SerializationException.
  if (!shape.sparse) throw wrongType(null, shape.kind);
  return null;
}

function isObject(raw: unknown): raw is Record<string, unknown> {
  return (
    typeof raw === "object" &&
    raw !== null &&
    !Array.isArray(raw) &&
    !(raw instanceof Uint8Array) &&
    !(raw instanceof Date)
  );
}

function checkDepth(raw: unknown, depth: number): void {
  if (typeof raw !== "object" || raw === null || raw instanceof Uint8Array) return;
  if (depth > documentDepthMax) throw tooDeep();
  for (const value of Object.values(raw)) checkDepth(value, depth + 1);
}

export function tooDeep(): Error {
  return serializationError(`The request is nested deeper than ${documentDepthMax} levels`); // ours
}
