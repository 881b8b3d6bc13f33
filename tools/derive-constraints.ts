/**
 * Writes `models/constraints/<service>.json`: what botocore's models know and the SDK's do not (min, max, pattern,
 * enum, number types, errors per operation).
 *
 * Run after `extract-models.ts`: `node tools/derive-constraints.ts <folder botocore/data>`. Walks both models together
 * from each operation, so that shapes which the two name differently still meet, and prints where they differ. Types that
 * no input reaches are never validated: of those only the number types are kept. Enumerations are botocore's, in its
 * order, then the SDK's newer values. Only this tool needs botocore; its output is committed.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type {
  ConstraintsJson,
  ConstraintTypeJson,
  MemberJson,
  ServiceJson,
  ShapeJson,
} from "../src/wire/model-json.ts";
import { serviceNames } from "../src/wire/model-load.ts";
import { extractEnums, formatModel, requiredCount } from "./extract-models.ts";
import { newerShapes, withNewerShapes } from "./newer-shapes.ts";

const root = join(import.meta.dirname, "..");

/** botocore's folder, where it is not the SDK client's name. */
const folderByName: Readonly<Record<string, string>> = {
  "api-gateway": "apigateway",
  "cloudwatch-logs": "logs",
  "cognito-identity-provider": "cognito-idp",
  "dynamodb-streams": "dynamodbstreams",
  eventbridge: "events",
  "secrets-manager": "secretsmanager",
  sfn: "stepfunctions",
};

export interface BotocoreShape {
  readonly type: string;
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly required?: readonly string[];
  readonly members?: Readonly<Record<string, { readonly shape: string }>>;
  readonly member?: { readonly shape: string };
  readonly key?: { readonly shape: string };
  readonly value?: { readonly shape: string };
}

interface BotocoreOperation {
  readonly input?: { readonly shape: string };
  readonly output?: { readonly shape: string };
  readonly errors?: readonly { readonly shape: string }[];
}

export interface BotocoreModel {
  readonly operations: Readonly<Record<string, BotocoreOperation>>;
  readonly shapes: Readonly<Record<string, BotocoreShape>>;
}

export interface Derived {
  readonly constraints: Omit<ConstraintsJson, "generator" | "source">;
  /** Where the two models disagree, one line each. */
  readonly differences: readonly string[];
}

export function deriveConstraints(
  sdk: ServiceJson,
  botocore: BotocoreModel,
  enums: ReadonlyMap<string, readonly string[]>,
): Derived {
  const walk = new PairWalk(sdk, botocore, enums);
  for (const [name, operation] of Object.entries(sdk.operations)) {
    const other = botocore.operations[name];
    if (other === undefined) walk.differ(`operation ${name} is unknown to botocore`);
    else walk.pair(operation.input, other.input?.shape);
  }
  walk.isOutput = true;
  for (const [name, other] of Object.entries(botocore.operations)) {
    const operation = sdk.operations[name];
    if (operation === undefined) {
      walk.differ(`operation ${name} is unknown to the SDK`);
      continue;
    }
    walk.pair(operation.output, other.output?.shape);
    walk.errors[name] = (other.errors ?? []).map(({ shape }) => shape);
    for (const error of walk.errors[name]) {
      if (sdk.shapes[error]?.kind === "error") walk.pair(error, error);
      else walk.differ(`error ${error} of ${name} is unknown to the SDK`);
    }
  }
  return {
    constraints: { types: sorted(walk.types), members: sorted(walk.members), errors: sorted(walk.errors) },
    differences: walk.differences,
  };
}

class PairWalk {
  readonly types: Record<string, ConstraintTypeJson> = {};
  readonly members: Record<string, Record<string, string>> = {};
  readonly errors: Record<string, string[]> = {};
  readonly differences: string[] = [];
  /** Set once all inputs have been walked. */
  isOutput = false;
  readonly #sdk: ServiceJson;
  readonly #botocore: BotocoreModel;
  readonly #enums: ReadonlyMap<string, readonly string[]>;
  readonly #botocoreNameByPaired = new Map<string, string>();

  constructor(sdk: ServiceJson, botocore: BotocoreModel, enums: ReadonlyMap<string, readonly string[]>) {
    this.#sdk = sdk;
    this.#botocore = botocore;
    this.#enums = enums;
  }

  differ(line: string): void {
    this.differences.push(line);
  }

  /**
   * Walks a type of the SDK and its counterpart in botocore; the result is the key in `types` under which the pair's
   * constraint is found, undefined where nothing in it is constrained.
   */
  pair(sdkType: string, botocoreName: string | undefined): string | undefined {
    const other = botocoreName === undefined ? undefined : this.#botocore.shapes[botocoreName];
    if (other === undefined || botocoreName === undefined) return undefined;
    const json = this.#sdk.shapes[sdkType] ?? builtinHolder(sdkType);
    const key = this.#sdk.shapes[sdkType] === undefined ? botocoreName : sdkType;
    const earlier = this.#botocoreNameByPaired.get(key);
    if (earlier !== undefined) {
      if (earlier !== botocoreName) this.differ(`${key} is both ${earlier} and ${botocoreName} in botocore`);
      return this.types[key] === undefined ? undefined : key;
    }
    this.#botocoreNameByPaired.set(key, botocoreName);
    if (json !== undefined && "members" in json) {
      this.#pairMembers(sdkType, json, other);
      return undefined;
    }
    const type = { ...this.#own(botocoreName, other), ...this.#held(json, other) };
    if (Object.keys(type).length === 0) return undefined;
    this.types[key] = type;
    return key;
  }

  #pairMembers(name: string, json: ShapeJson, other: BotocoreShape): void {
    const { members } = json as Extract<ShapeJson, { members: unknown }>;
    const required = requiredCount(json);
    for (const [index, [member, memberJson]] of Object.entries(members).entries()) {
      const counterpart = other.members?.[member];
      if (counterpart === undefined) {
        this.differ(`member ${name}.${member} is unknown to botocore`);
        continue;
      }
      if (json.kind === "structure" && index < required !== (other.required ?? []).includes(member))
        this.differ(`member ${name}.${member} is ${index < required ? "" : "not "}required in the SDK`);
      const type = typeOf(memberJson);
      const key = this.pair(type, counterpart.shape);
      if (key !== undefined && this.#sdk.shapes[type] === undefined)
        (this.members[name] ??= {})[member] = key;
    }
  }

  #own(name: string, shape: BotocoreShape): ConstraintTypeJson {
    const { min, max, pattern } = shape;
    const kind = numberKinds[shape.type];
    if (this.isOutput) return kind === undefined ? {} : { kind };
    const newer = this.#enums.get(name)?.filter((value) => !shape.enum?.includes(value)) ?? [];
    return {
      ...(kind === undefined ? {} : { kind }),
      ...(min === undefined ? {} : { min }),
      ...(max === undefined ? {} : { max }),
      ...(pattern === undefined ? {} : { pattern }),
      ...(shape.enum === undefined ? {} : { enum: [...shape.enum, ...newer] }),
    };
  }

  #held(json: ShapeJson | undefined, other: BotocoreShape): ConstraintTypeJson {
    if (json?.kind === "list") {
      const element = this.pair(typeOf(json.element), other.member?.shape);
      return element === undefined ? {} : { element };
    }
    if (json?.kind !== "map") return {};
    const key = this.pair(typeOf(json.key), other.key?.shape);
    const element = this.pair(typeOf(json.value), other.value?.shape);
    return { ...(key === undefined ? {} : { key }), ...(element === undefined ? {} : { element }) };
  }
}

const numberKinds: Readonly<Record<string, "integer" | "long" | "float" | "double">> = {
  integer: "integer",
  long: "long",
  float: "float",
  double: "double",
};

/** Lists and maps of builtins, which the SDK does not name. */
function builtinHolder(type: string): ShapeJson | undefined {
  if (type.endsWith("[]")) return { kind: "list", element: type.slice(0, -2) };
  return type.startsWith("{") ? { kind: "map", key: "string", value: type.slice(1, -1) } : undefined;
}

function typeOf(member: MemberJson): string {
  return typeof member === "string" ? member : member.type;
}

function sorted<T>(record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function readBotocore(folder: string, name: string): { model: BotocoreModel; source: string } {
  const service = folderByName[name] ?? name;
  const date = readdirSync(join(folder, service)).sort().at(-1) ?? "";
  const file = readdirSync(join(folder, service, date)).find((entry) => entry.startsWith("service-2.json"));
  const bytes = readFileSync(join(folder, service, date, file ?? "service-2.json"));
  const text = file?.endsWith(".gz") === true ? gunzipSync(bytes) : bytes;
  const version = /__version__ = '([\d.]+)'/.exec(readFileSync(join(folder, "../__init__.py"), "utf8"))?.[1];
  return {
    model: JSON.parse(text.toString("utf8")),
    source: `botocore ${version ?? "?"} ${service}/${date}`,
  };
}

if (import.meta.main) {
  const folder = process.argv[2];
  if (folder === undefined) throw new Error("usage: node tools/derive-constraints.ts <folder botocore/data>");
  mkdirSync(join(root, "models/constraints"), { recursive: true });
  for (const name of serviceNames) {
    const sdk: ServiceJson = JSON.parse(readFileSync(join(root, "models", `${name}.json`), "utf8"));
    const { model, source } = readBotocore(folder, name);
    const newest = withNewerShapes(model, newerShapes[name]);
    const { constraints, differences } = deriveConstraints(sdk, newest, await extractEnums(name));
    const json: ConstraintsJson = { generator: "tools/derive-constraints.ts", source, ...constraints };
    writeFileSync(join(root, "models/constraints", `${name}.json`), formatModel(json));
    for (const line of differences) console.log(`${name}: ${line}`);
  }
}
