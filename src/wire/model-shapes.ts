/**
 * Shapes, members and operations of a model, made of its JSON when they are first asked for and then remembered: shapes
 * may be recursive, and an invoke needs only a few of Lambda's.
 *
 * The SDK names structures, but neither scalars nor lists and maps of them. So a shape is found by two names: its type
 * ("MemorySize" is just "number") and, for such a type, the name under which the constraints know it.
 */
import { invariant } from "../base/invariant.ts";
import type {
  BoundMemberJson,
  ConstraintsJson,
  ConstraintTypeJson,
  MemberJson,
  OperationJson,
  ServiceJson,
  ShapeJson,
} from "./model-json.ts";
import type {
  Binding,
  Constraint,
  ErrorTrait,
  Member,
  Operation,
  ServiceModel,
  Shape,
  ShapeKind,
  Traits,
} from "./model.ts";
import type { ServiceOverride } from "./overrides.ts";

/** Makes the shapes of one service, each once. */
export class ShapeResolver {
  readonly #json: ServiceJson;
  readonly #constraints: ConstraintsJson;
  readonly #overrides: ServiceOverride;
  readonly #shapeByKey = new Map<string, Shape>();

  constructor(json: ServiceJson, constraints: ConstraintsJson, overrides: ServiceOverride) {
    this.#json = json;
    this.#constraints = constraints;
    this.#overrides = overrides;
  }

  /** `noAuth`: it needs no signature, even if the model does not say so. */
  operation(service: ServiceModel, name: string, noAuth = false): Operation {
    const known = this.#json.operations[name];
    invariant(known !== undefined, `${service.name} has an operation ${name}`);
    const json: OperationJson = noAuth ? { ...known, noAuth } : known;
    return new LazyOperation(this, json, { service, name, errors: this.#constraints.errors[name] ?? [] });
  }

  /** `constraintType` names the constrained type of a builtin; named shapes are their own. */
  shape(type: string, constraintType?: string): Shape {
    const json = this.#json.shapes[type];
    const name = json === undefined ? constraintType : type;
    const key = json !== undefined || name === undefined ? type : `${type} ${name}`;
    const known = this.#shapeByKey.get(key);
    if (known !== undefined) return known;
    const constraint =
      name === undefined ? undefined : (this.#overrides.types?.[name] ?? this.#constraints.types[name]);
    const made = new LazyShape(this, json ?? builtinJson(type, this.#overrides), {
      name: name ?? type,
      type: constraint,
    });
    this.#shapeByKey.set(key, made);
    return made;
  }

  /** The type of a structure's member, where the SDK leaves it anonymous. */
  constraintTypeOf(structure: string, member: string): string | undefined {
    return this.#constraints.members[structure]?.[member];
  }
}

class LazyOperation implements Operation {
  readonly service: ServiceModel;
  readonly name: string;
  readonly http: Operation["http"];
  readonly errors: readonly string[];
  readonly noAuth: boolean;
  readonly hostPrefix: string | undefined;
  readonly #resolver: ShapeResolver;
  readonly #json: OperationJson;
  #input: Shape | undefined;
  #output: Shape | undefined;

  constructor(
    resolver: ShapeResolver,
    json: OperationJson,
    { service, name, errors }: Pick<Operation, "service" | "name" | "errors">,
  ) {
    this.service = service;
    this.name = name;
    this.errors = errors;
    this.http = json.http && { method: json.http[0], uri: json.http[1], status: json.http[2] };
    this.noAuth = json.noAuth === true;
    this.hostPrefix = json.hostPrefix;
    this.#resolver = resolver;
    this.#json = json;
  }

  get input(): Shape {
    return (this.#input ??= this.#resolver.shape(this.#json.input));
  }

  get output(): Shape {
    return (this.#output ??= this.#resolver.shape(this.#json.output));
  }
}

class LazyShape implements Shape {
  readonly kind: ShapeKind;
  readonly name: string;
  readonly traits: Traits;
  readonly constraint: Constraint | undefined;
  readonly sparse = false; // no schema of any SDK package says otherwise
  readonly isEventStream: boolean;
  readonly error: ErrorTrait | undefined;
  readonly #resolver: ShapeResolver;
  readonly #json: ShapeJson;
  readonly #type: ConstraintTypeJson;
  #members: readonly Member[] | undefined;
  #memberByName: ReadonlyMap<string, Member> | undefined;
  #element: Member | undefined;
  #key: Member | undefined;

  constructor(
    resolver: ShapeResolver,
    json: ShapeJson,
    { name, type = {} }: { readonly name: string; readonly type: ConstraintTypeJson | undefined },
  ) {
    this.kind = kindOf(json, type);
    this.name = name;
    this.traits = shapeTraits(json);
    this.constraint = constraintOf(type);
    this.isEventStream = json.kind === "union" && json.traits?.streaming === true;
    this.error = errorTrait(json);
    this.#resolver = resolver;
    this.#json = json;
    this.#type = type;
  }

  get members(): readonly Member[] {
    return (this.#members ??= this.#resolveMembers());
  }

  get memberByName(): ReadonlyMap<string, Member> {
    return (this.#memberByName ??= new Map(this.members.map((member) => [member.name, member])));
  }

  get element(): Member | undefined {
    const json = this.#json;
    if (json.kind !== "list" && json.kind !== "map") return undefined;
    const [name, held] = json.kind === "list" ? ["member", json.element] : ["value", json.value];
    return (this.#element ??= this.#held(name, held, this.#type.element));
  }

  get key(): Member | undefined {
    const json = this.#json;
    if (json.kind !== "map") return undefined;
    return (this.#key ??= this.#held("key", json.key, this.#type.key));
  }

  #held(name: string, json: MemberJson, constraintType: string | undefined): Member {
    return new LazyMember(this.#resolver, json, { name, required: false, constraintType });
  }

  #resolveMembers(): readonly Member[] {
    const json = this.#json;
    if (!("members" in json)) return noMembers;
    const { required = 0 } = json;
    return Object.entries(json.members).map(([name, member], index) => {
      const constraintType = this.#resolver.constraintTypeOf(this.name, name);
      return new LazyMember(this.#resolver, member, { name, required: index < required, constraintType });
    });
  }
}

class LazyMember implements Member {
  readonly name: string;
  readonly traits: Traits;
  readonly required: boolean;
  readonly jsonName: string;
  readonly binding: Binding;
  readonly #resolver: ShapeResolver;
  readonly #type: string;
  readonly #constraintType: string | undefined;
  #shape: Shape | undefined;

  constructor(
    resolver: ShapeResolver,
    json: MemberJson,
    {
      name,
      required,
      constraintType,
    }: { readonly name: string; readonly required: boolean; readonly constraintType: string | undefined },
  ) {
    const bound: BoundMemberJson = typeof json === "string" ? { type: json } : json;
    this.name = name;
    this.traits = bound.traits ?? noTraits;
    this.required = required;
    this.jsonName = bound.jsonName ?? name;
    this.binding = bindingOf(bound);
    this.#resolver = resolver;
    this.#type = bound.type;
    this.#constraintType = constraintType;
  }

  get shape(): Shape {
    return (this.#shape ??= this.#resolver.shape(this.#type, this.#constraintType));
  }
}

const noMembers: readonly Member[] = [];
const noTraits: Traits = {};

/** "string[]" and "{string}" are lists and maps of builtins; "timestamp:date-time" has its format. */
function builtinJson(type: string, { hasMilliseconds = false }: ServiceOverride): ShapeJson {
  if (type.endsWith("[]")) return { kind: "list", element: type.slice(0, -2) };
  if (type.startsWith("{")) return { kind: "map", key: "string", value: type.slice(1, -1) };
  if (hasMilliseconds && type.startsWith("timestamp")) {
    return { kind: "simple", type, traits: { hasMilliseconds } };
  }
  return { kind: "simple", type };
}

function kindOf(json: ShapeJson, type: ConstraintTypeJson): ShapeKind {
  if (json.kind === "error") return "structure";
  if (json.kind !== "simple") return json.kind;
  const kind = simpleKinds[json.type];
  invariant(kind !== undefined, `${json.type} is a builtin type`);
  // Unknown to botocore, so newer than it: the widest kind refuses nothing.
  return kind === "double" ? (type.kind ?? kind) : kind;
}

const simpleKinds: Readonly<Record<string, ShapeKind>> = {
  unit: "unit",
  string: "string",
  number: "double",
  boolean: "boolean",
  timestamp: "timestamp",
  "timestamp:date-time": "timestamp",
  "timestamp:http-date": "timestamp",
  "timestamp:epoch-seconds": "timestamp",
  document: "document",
  "big-integer": "bigInteger",
  "big-decimal": "bigDecimal",
  blob: "blob",
  "blob-stream": "blob",
};

function shapeTraits(json: ShapeJson): Traits {
  const builtin = json.kind === "simple" ? (builtinTraits[json.type] ?? noTraits) : noTraits;
  return json.traits === undefined ? builtin : { ...builtin, ...json.traits };
}

const builtinTraits: Readonly<Record<string, Traits>> = {
  "timestamp:date-time": { timestampFormat: "date-time" },
  "timestamp:http-date": { timestampFormat: "http-date" },
  "timestamp:epoch-seconds": { timestampFormat: "epoch-seconds" },
  "blob-stream": { streaming: true },
};

function constraintOf({ min, max, pattern, enum: values }: ConstraintTypeJson): Constraint | undefined {
  if (min === undefined && max === undefined && pattern === undefined && values === undefined)
    return undefined;
  return { min, max, pattern, enum: values };
}

function errorTrait(json: ShapeJson): ErrorTrait | undefined {
  if (json.kind !== "error") return undefined;
  const { fault = "client", status, queryCode } = json;
  return { fault, status, queryCode };
}

const inBody: Binding = { in: "body" };

function bindingOf(json: BoundMemberJson): Binding {
  if (json.label !== undefined) return { in: "label", greedy: json.label === "greedy" };
  if (json.query !== undefined) return { in: "query", name: json.query };
  if (json.queryParams === true) return { in: "query-params" };
  if (json.header !== undefined) return { in: "header", name: json.header };
  if (json.prefixHeaders !== undefined) return { in: "prefix-headers", prefix: json.prefixHeaders };
  if (json.payload === true) return { in: "payload" };
  return json.status === true ? { in: "status" } : inBody;
}
