/**
 * Loads service models: reads `models/<service>.json` and its constraints once, on first use, and resolves them into
 * the shapes of `model.ts`.
 *
 * Shapes resolve each other lazily (they may be recursive), and remember what they resolved, so that an invoke touches
 * only the few shapes that it needs. Reading is synchronous: it happens once per service and takes milliseconds.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { invariant } from "../base/invariant.ts";
import type {
  ConstraintsJson,
  ConstraintTypeJson,
  MemberJson,
  BoundMemberJson,
  OperationJson,
  ServiceJson,
  ShapeJson,
  StructureJson,
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
import { overrides } from "./overrides.ts";

/** Every service that has a model: names of the SDK's clients without "client-". */
export const serviceNames: readonly string[] = [
  "api-gateway",
  "apigatewayv2",
  "cloudformation",
  "cloudwatch",
  "cloudwatch-logs",
  "cognito-identity",
  "cognito-identity-provider",
  "dynamodb",
  "dynamodb-streams",
  "ecr",
  "eventbridge",
  "firehose",
  "iam",
  "kinesis",
  "kms",
  "lambda",
  "pipes",
  "s3",
  "scheduler",
  "secrets-manager",
  "ses",
  "sesv2",
  "sfn",
  "sns",
  "sqs",
  "ssm",
  "sts",
  "xray",
];

/** Found from `src/wire/` in a checkout and from `dist/wire/` in the package alike. */
const modelsFolder = join(import.meta.dirname, "../../models");

const modelByName = new Map<string, ServiceModel>();

/** The same object each time. `name` is one of `serviceNames`; any other breaks an invariant. */
export function loadModel(name: string): ServiceModel {
  const known = modelByName.get(name);
  if (known !== undefined) return known;
  invariant(serviceNames.includes(name), `there is a model called ${name}`);
  const json = readJson(`${name}.json`) as ServiceJson;
  const constraints = readJson(`constraints/${name}.json`) as ConstraintsJson;
  const model = resolveModel(name, json, constraints);
  modelByName.set(name, model);
  return model;
}

/** Of the two generated files, with our overrides. Pure; for tests and tools, everybody else calls `loadModel`. */
export function resolveModel(name: string, json: ServiceJson, constraints: ConstraintsJson): ServiceModel {
  const override = overrides[name] ?? {};
  const resolver = new Resolver(json, constraints, override.types ?? {});
  const operations = new Map<string, Operation>();
  const errors = new Map<string, Shape>();
  const model: ServiceModel = {
    name,
    serviceId: json.serviceId,
    apiVersion: json.apiVersion,
    signingName: json.signingName,
    endpointPrefix: json.endpointPrefix,
    targetPrefix: json.targetPrefix,
    protocols: json.protocols,
    xmlNamespace: override.xmlNamespace ?? json.xmlNamespace,
    queryCompatible: json.queryCompatible === true,
    operations,
    errors,
  };
  for (const [operation, operationJson] of Object.entries(json.operations)) {
    const errorNames = constraints.errors[operation] ?? [];
    operations.set(operation, new LazyOperation(model, operation, operationJson, errorNames, resolver));
  }
  for (const [shape, shapeJson] of Object.entries(json.shapes))
    if (shapeJson.kind === "error") errors.set(shape, resolver.shape(shape));
  return model;
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(join(modelsFolder, path), "utf8"));
}

class LazyOperation implements Operation {
  readonly service: ServiceModel;
  readonly name: string;
  readonly http: Operation["http"];
  readonly errors: readonly string[];
  readonly noAuth: boolean;
  readonly hostPrefix: string | undefined;
  readonly #json: OperationJson;
  readonly #resolver: Resolver;
  #input: Shape | undefined;
  #output: Shape | undefined;

  // oxlint-disable-next-line max-params -- made in one place
  constructor(
    service: ServiceModel,
    name: string,
    json: OperationJson,
    errors: readonly string[],
    resolver: Resolver,
  ) {
    const [method, uri, status] = json.http ?? [];
    this.service = service;
    this.name = name;
    this.http =
      method === undefined || uri === undefined || status === undefined ? undefined : { method, uri, status };
    this.errors = errors;
    this.noAuth = json.noAuth === true;
    this.hostPrefix = json.hostPrefix;
    this.#json = json;
    this.#resolver = resolver;
  }

  get input(): Shape {
    return (this.#input ??= this.#resolver.shape(this.#json.input));
  }

  get output(): Shape {
    return (this.#output ??= this.#resolver.shape(this.#json.output));
  }
}

/** Makes shapes of type names, each once. */
class Resolver {
  readonly #json: ServiceJson;
  readonly #constraints: ConstraintsJson;
  readonly #overrides: Readonly<Record<string, ConstraintTypeJson>>;
  readonly #shapeByKey = new Map<string, Shape>();

  constructor(
    json: ServiceJson,
    constraints: ConstraintsJson,
    typeOverrides: Readonly<Record<string, ConstraintTypeJson>>,
  ) {
    this.#json = json;
    this.#constraints = constraints;
    this.#overrides = typeOverrides;
  }

  /** `constraintType` names the constrained type of a builtin; named shapes are their own. */
  shape(type: string, constraintType?: string): Shape {
    const json = this.#json.shapes[type];
    const key = json !== undefined || constraintType === undefined ? type : `${type} ${constraintType}`;
    const known = this.#shapeByKey.get(key);
    if (known !== undefined) return known;
    const name = json === undefined ? constraintType : type;
    const made = new LazyShape(name ?? type, json ?? builtinJson(type), this.#constraint(name), this);
    this.#shapeByKey.set(key, made);
    return made;
  }

  member(name: string, json: MemberJson, options: { required: boolean; constraintType?: string }): Member {
    return new LazyMember(name, json, options, this);
  }

  /** The type of a structure's member, where the SDK leaves it anonymous. */
  constraintTypeOf(structure: string, member: string): string | undefined {
    return this.#constraints.members[structure]?.[member];
  }

  #constraint(type: string | undefined): ConstraintTypeJson | undefined {
    return type === undefined ? undefined : (this.#overrides[type] ?? this.#constraints.types[type]);
  }
}

const noMembers: readonly Member[] = [];
const noTraits: Traits = {};
const inBody: Binding = { in: "body" };

class LazyShape implements Shape {
  readonly kind: ShapeKind;
  readonly name: string;
  readonly traits: Traits;
  readonly constraint: Constraint | undefined;
  readonly sparse = false; // no schema of any SDK package says otherwise
  readonly isEventStream: boolean;
  readonly error: ErrorTrait | undefined;
  readonly #json: ShapeJson;
  readonly #type: ConstraintTypeJson;
  readonly #resolver: Resolver;
  #members: readonly Member[] | undefined;
  #memberByName: ReadonlyMap<string, Member> | undefined;
  #element: Member | undefined;
  #key: Member | undefined;

  // oxlint-disable-next-line max-params -- made in one place
  constructor(name: string, json: ShapeJson, type: ConstraintTypeJson = {}, resolver: Resolver) {
    this.kind = kindOf(json, type);
    this.name = name;
    this.traits = shapeTraits(json);
    this.constraint = constraintOf(type);
    this.isEventStream = json.kind === "union" && json.traits?.streaming === true;
    this.error = errorTrait(json);
    this.#json = json;
    this.#type = type;
    this.#resolver = resolver;
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
    return this.#resolver.member(name, json, { required: false, constraintType });
  }

  #resolveMembers(): readonly Member[] {
    const json = this.#json;
    if (!("members" in json)) return noMembers;
    const required = json.required ?? 0;
    return Object.entries(json.members).map(([name, member], index) =>
      this.#resolver.member(name, member, {
        required: index < required,
        constraintType: this.#resolver.constraintTypeOf(this.name, name),
      }),
    );
  }
}

class LazyMember implements Member {
  readonly name: string;
  readonly traits: Traits;
  readonly required: boolean;
  readonly jsonName: string;
  readonly binding: Binding;
  readonly #type: string;
  readonly #constraintType: string | undefined;
  readonly #resolver: Resolver;
  #shape: Shape | undefined;

  // oxlint-disable-next-line max-params -- made in one place
  constructor(
    name: string,
    json: MemberJson,
    options: { required: boolean; constraintType?: string },
    resolver: Resolver,
  ) {
    const isPlain = typeof json === "string";
    this.name = name;
    this.traits = isPlain ? noTraits : (json.traits ?? noTraits);
    this.required = options.required;
    this.jsonName = isPlain ? name : (json.jsonName ?? name);
    this.binding = isPlain ? inBody : bindingOf(json);
    this.#type = isPlain ? json : json.type;
    this.#constraintType = options.constraintType;
    this.#resolver = resolver;
  }

  get shape(): Shape {
    return (this.#shape ??= this.#resolver.shape(this.#type, this.#constraintType));
  }
}

/** "string[]" and "{string}" are lists and maps of builtins; "timestamp:date-time" has its format. */
function builtinJson(type: string): ShapeJson {
  if (type.endsWith("[]")) return { kind: "list", element: type.slice(0, -2) };
  if (type.startsWith("{")) return { kind: "map", key: "string", value: type.slice(1, -1) };
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
  const { fault, status, queryCode }: StructureJson = json;
  return { fault: fault ?? "client", status, queryCode };
}

function bindingOf(json: BoundMemberJson): Binding {
  if (json.label !== undefined) return { in: "label", greedy: json.label === "greedy" };
  if (json.query !== undefined) return { in: "query", name: json.query };
  if (json.queryParams === true) return { in: "query-params" };
  if (json.header !== undefined) return { in: "header", name: json.header };
  if (json.prefixHeaders !== undefined) return { in: "prefix-headers", prefix: json.prefixHeaders };
  if (json.payload === true) return { in: "payload" };
  return json.status === true ? { in: "status" } : inBody;
}
