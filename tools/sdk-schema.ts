/**
 * Turns the schema tuples of one official SDK package into the JSON form of `src/wire/model-json.ts`.
 *
 * The tuples are the package's exports that end in "$"; their form is public in `@smithy/types` (schema/static-schemas)
 * but has changed three times in a year, so everything unexpected throws: never guess what an unknown code means.
 */
import type {
  BoundMemberJson,
  MemberJson,
  OperationJson,
  ShapeJson,
  StructureJson,
} from "../src/wire/model-json.ts";
import type { Traits } from "../src/wire/model.ts";

type Tuple = readonly unknown[];
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export interface Schemas {
  readonly operations: Record<string, OperationJson>;
  readonly shapes: Record<string, ShapeJson>;
}

const kindSimple = 0;
const kindList = 1;
const kindMap = 2;
const kindStructure = 3;
const kindUnion = 4;
const kindError = -3;
const kindOperation = 9;

const builtinByCode: Readonly<Record<number, string>> = {
  0: "string",
  1: "number",
  2: "boolean",
  4: "timestamp",
  5: "timestamp:date-time",
  6: "timestamp:http-date",
  7: "timestamp:epoch-seconds",
  15: "document",
  17: "big-integer",
  19: "big-decimal",
  21: "blob",
  42: "blob-stream",
};

/** `exports` of an SDK package; `noAuth` and greedy labels are the operations' own. */
export function readSchemas(
  exports: Readonly<Record<string, unknown>>,
  isNoAuth: (operation: string) => boolean,
): Schemas {
  const roots = Object.entries(exports)
    .filter(([name, value]) => name.endsWith("$") && Array.isArray(value))
    .map(([, value]) => tuple(value))
    .filter(([, namespace]) => !text(namespace).startsWith("smithy.ts.sdk.synthetic"));
  const reader = new SchemaReader();
  const operations: Record<string, OperationJson> = {};
  for (const root of roots.filter(([kind]) => kind === kindOperation)) {
    const [, , name, traits, input, output] = root;
    const operation = readOperation(text(name), traits, reader.typeName(input), reader.typeName(output));
    operations[text(name)] = isNoAuth(text(name)) ? { ...operation, noAuth: true } : operation;
  }
  // Errors hang off no operation in the SDK, and nothing else is left out by walking from operations and errors.
  for (const root of roots.filter(([kind]) => kind === kindError)) reader.typeName(root);
  const shapes = reader.shapes;
  for (const operation of Object.values(operations)) markGreedyLabels(operation, shapes);
  return { operations: sorted(operations), shapes: sorted(shapes) };
}

function readOperation(name: string, traits: unknown, input: string, output: string): OperationJson {
  const operation: Mutable<OperationJson> = { input, output };
  for (const [trait, value] of Object.entries(traitsOf(traits))) {
    switch (trait) {
      case "http": {
        const [method, uri, status] = tuple(value);
        operation.http = [text(method), text(uri), count(status)];
        break;
      }
      case "endpoint":
        operation.hostPrefix = text(tuple(value)[0]);
        break;
      case "httpChecksum": // S3: handled by its service
      case "idempotent":
        break;
      default:
        throw new Error(`operation ${name} has an unknown trait ${trait}`);
    }
  }
  return operation;
}

class SchemaReader {
  readonly shapes: Record<string, ShapeJson> = {};
  readonly #tupleByName = new Map<string, Tuple>();

  /** The name under which a schema reference is found: a builtin's, or that of a shape which is now in `shapes`. */
  typeName(reference: unknown): string {
    const schema = typeof reference === "function" ? reference() : reference;
    if (schema === "unit") return "unit";
    if (typeof schema === "number") return builtinName(schema);
    const shape = tuple(schema);
    const name = text(shape[2]);
    const known = this.#tupleByName.get(name);
    if (known === shape) return name;
    // The SDK writes the lists and maps that it names itself (`MapOfStringToList`) where they are used, equal each time.
    if (known !== undefined) {
      if (JSON.stringify(this.#shape(shape)) === JSON.stringify(this.shapes[name])) return name;
      throw new Error(`two different shapes are called ${name}`);
    }
    if (/^[a-z-]+(:[a-z-]+)?(\[\])?$/.test(name)) throw new Error(`shape ${name} is named like a builtin`);
    this.#tupleByName.set(name, shape);
    this.shapes[name] = this.#shape(shape);
    return name;
  }

  #shape(shape: Tuple): ShapeJson {
    const [kind, , name, traits] = shape;
    switch (kind) {
      case kindSimple:
        return { kind: "simple", type: this.typeName(shape[4]), ...withTraits(shapeTraits(traits)) };
      case kindList:
        return { kind: "list", element: this.#member(shape[4]), ...withTraits(shapeTraits(traits)) };
      case kindMap:
        return {
          kind: "map",
          key: this.#member(shape[4]),
          value: this.#member(shape[5]),
          ...withTraits(shapeTraits(traits)),
        };
      case kindStructure:
      case kindUnion:
      case kindError:
        return this.#structure(kind, shape);
      default:
        throw new Error(`shape ${text(name)} has an unknown kind ${String(kind)}`);
    }
  }

  #structure(kind: number, shape: Tuple): StructureJson {
    const [, , name, traits, names, schemas, required = 0] = shape;
    const memberNames = tuple(names).map(text);
    const memberSchemas = tuple(schemas);
    if (memberNames.length !== memberSchemas.length || count(required) > memberNames.length)
      throw new Error(`shape ${text(name)} is malformed`);
    const members: Record<string, MemberJson> = {};
    for (const [index, member] of memberNames.entries()) {
      // Such names would lose their place in a JSON object.
      if (/^\d|^__proto__$/.test(member)) throw new Error(`member ${member} of ${text(name)} can't be a key`);
      members[member] = this.#member(memberSchemas[index]);
    }
    return {
      kind: kind === kindError ? "error" : structureKind(kind),
      ...(kind === kindError ? errorTraits(text(name), traits) : withTraits(shapeTraits(traits))),
      ...(required === 0 ? {} : { required: count(required) }),
      members,
    };
  }

  #member(schema: unknown): MemberJson {
    // A member with traits is [schema, traits]; any other tuple begins with its kind and is longer.
    if (!Array.isArray(schema) || schema.length !== 2) return this.typeName(schema);
    const type = this.typeName(schema[0]);
    const own = boundMember(schema[1]);
    return Object.keys(own).length === 0 ? type : { type, ...own };
  }
}

function structureKind(kind: number): "structure" | "union" {
  return kind === kindUnion ? "union" : "structure";
}

function builtinName(code: number): string {
  const name = builtinByCode[code & 63];
  if (name === undefined || code >= 256) throw new Error(`unknown schema code ${code}`);
  if (code & 64) return `${name}[]`;
  return code & 128 ? `{${name}}` : name;
}

function errorTraits(name: string, traits: unknown): Pick<StructureJson, "fault" | "status" | "queryCode"> {
  const { error, httpError, awsQueryError, ...rest } = traitsOf(traits);
  if (error !== "client" && error !== "server") throw new Error(`error ${name} is nobody's fault`);
  if (Object.keys(rest).length > 0) throw new Error(`error ${name} has unknown traits`);
  const [queryCode, queryStatus] = awsQueryError === undefined ? [] : tuple(awsQueryError);
  const status = httpError ?? queryStatus;
  return {
    fault: error,
    ...(status === undefined ? {} : { status: count(status) }),
    ...(queryCode === undefined || queryCode === name ? {} : { queryCode: text(queryCode) }),
  };
}

function shapeTraits(traits: unknown): Traits {
  const { sensitive, streaming, xmlName, ...rest } = traitsOf(traits);
  if (Object.keys(rest).length > 0) throw new Error(`unknown shape traits ${Object.keys(rest).join()}`);
  return {
    ...(sensitive === undefined ? {} : { sensitive: true }),
    ...(streaming === undefined ? {} : { streaming: true }),
    ...(xmlName === undefined ? {} : { xmlName: text(xmlName) }),
  };
}

function boundMember(traits: unknown): Omit<BoundMemberJson, "type"> {
  const member: Mutable<Omit<BoundMemberJson, "type">> = {};
  const kept: Mutable<Traits> = {};
  for (const [trait, value] of Object.entries(traitsOf(traits))) {
    switch (trait) {
      case "jsonName":
        member.jsonName = text(value);
        break;
      case "httpLabel":
        member.label = "plain";
        break;
      case "httpQuery":
        member.query = text(value);
        break;
      case "httpQueryParams":
        member.queryParams = true;
        break;
      case "httpHeader":
        member.header = text(value);
        break;
      case "httpPrefixHeaders":
        member.prefixHeaders = text(value);
        break;
      case "httpPayload":
        member.payload = true;
        break;
      case "httpResponseCode":
        member.status = true;
        break;
      case "xmlNamespace": {
        const [prefix, uri] = tuple(value);
        kept.xmlNamespace = [text(prefix), text(uri)];
        break;
      }
      case "xmlName":
        kept.xmlName = text(value);
        break;
      case "xmlAttribute":
      case "xmlFlattened":
      case "eventPayload":
      case "eventHeader":
      case "idempotencyToken":
      case "hostLabel":
        kept[trait] = true;
        break;
      default:
        throw new Error(`unknown member trait ${trait}`);
    }
  }
  return { ...member, ...withTraits(kept) };
}

function withTraits(traits: Traits): { readonly traits?: Traits } {
  return Object.keys(traits).length === 0 ? {} : { traits };
}

/** Only the URI knows that a label is greedy. */
function markGreedyLabels(operation: OperationJson, shapes: Record<string, ShapeJson>): void {
  for (const [, label] of (operation.http?.[1] ?? "").matchAll(/\{(\w+)\+\}/g)) {
    const input = shapes[operation.input];
    if (input?.kind !== "structure" || label === undefined) throw new Error(`no input has label ${label}`);
    const member = input.members[label];
    if (member === undefined || typeof member === "string") throw new Error(`${label} is not a label`);
    shapes[operation.input] = {
      ...input,
      members: { ...input.members, [label]: { ...member, label: "greedy" } },
    };
  }
}

const traitByBit = [
  "httpLabel",
  "idempotent",
  "idempotencyToken",
  "sensitive",
  "httpPayload",
  "httpResponseCode",
  "httpQueryParams",
];

function traitsOf(traits: unknown): Record<string, unknown> {
  if (typeof traits === "number") {
    if (traits >= 1 << traitByBit.length) throw new Error(`unknown trait bits ${traits}`);
    return Object.fromEntries(traitByBit.filter((_, bit) => traits & (1 << bit)).map((name) => [name, 1]));
  }
  if (typeof traits !== "object" || traits === null) throw new Error("traits are neither bits nor an object");
  return { ...traits };
}

function tuple(value: unknown): Tuple {
  if (!Array.isArray(value)) throw new Error(`not a tuple: ${String(value)}`);
  return value;
}

function text(value: unknown): string {
  if (typeof value !== "string") throw new Error(`not a string: ${String(value)}`);
  return value;
}

function count(value: unknown): number {
  if (!Number.isInteger(value)) throw new Error(`not a number: ${String(value)}`);
  return Number(value);
}

function sorted<T>(record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
