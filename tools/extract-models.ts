/**
 * Writes `models/<service>.json` for every service from the installed `@aws-sdk/client-*` packages.
 *
 * Run: `node tools/extract-models.ts`. It imports each package through its public exports, reads the schemas
 * (`sdk-schema.ts`) and asks a constructed client for what schemas lack: protocol, signing name, endpoint.
 * Never edit its output; corrections to AWS's models go to `src/wire/overrides.ts`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ServiceJson, ShapeJson } from "../src/wire/model-json.ts";
import { serviceNames } from "../src/wire/model-load.ts";
import type { ProtocolId } from "../src/wire/model.ts";
import { readSchemas } from "./sdk-schema.ts";

const root = join(import.meta.dirname, "..");

/** Any region: hosts are cut at it. */
const region = "us-west-2";

const protocolByClass: Readonly<Record<string, ProtocolId>> = {
  AwsRestJsonProtocol: "restJson1",
  AwsRestXmlProtocol: "restXml",
  S3RestXmlProtocol: "restXml",
  AwsJson1_0Protocol: "awsJson1_0",
  AwsJson1_1Protocol: "awsJson1_1",
  AwsQueryProtocol: "awsQuery",
};

/** What AWS accepts besides the SDK's protocol and, for query-compatible services, awsQuery. Seen in clients. */
const furtherProtocols: Readonly<Record<string, readonly ProtocolId[]>> = {
  cloudwatch: ["rpcv2Cbor"], // botocore's first choice
  kinesis: ["amzCbor"], // AWS SDK for Java
};

/** Operations that must have these required members: the proof that the tuples still mean what we think. */
const requiredProof: Readonly<Record<string, readonly [shape: string, required: number]>> = {
  lambda: ["CreateFunctionRequest", 3],
  sqs: ["SendMessageRequest", 2],
  s3: ["PutObjectRequest", 2],
  dynamodb: ["PutItemInput", 2],
};

interface SdkClient {
  readonly config: {
    readonly serviceId: string;
    readonly defaultSigningName?: string;
    readonly signingName?: string;
    readonly protocol: object;
    readonly protocolSettings: {
      readonly version: string;
      readonly serviceTarget: string;
      readonly xmlNamespace?: string;
      readonly awsQueryCompatible?: boolean;
    };
    readonly endpointProvider: (parameters: object) => { readonly url: URL };
    readonly httpAuthSchemeProvider: (parameters: object) => readonly { readonly schemeId: string }[];
  };
}

/** The model of one service, from its SDK package. */
export async function extractModel(name: string): Promise<ServiceJson> {
  const sdk: Readonly<Record<string, unknown>> = await import(`@aws-sdk/client-${name}`);
  const { config } = newClient(sdk);
  const { protocolSettings: settings } = config;
  const endpoint = { Region: region, UseFIPS: false, UseDualStack: false, UseGlobalEndpoint: false };
  const isNoAuth = (operation: string): boolean =>
    config
      .httpAuthSchemeProvider({ operation, region, ...endpoint })
      .some(({ schemeId }) => schemeId === "smithy.api#noAuth");
  const queryCompatible = settings.awsQueryCompatible === true;
  const model: ServiceJson = {
    generator: "tools/extract-models.ts",
    source: `@aws-sdk/client-${name} ${packageVersion(name)}`,
    serviceId: config.serviceId,
    apiVersion: settings.version,
    signingName: required(config.defaultSigningName ?? config.signingName, "signing name"),
    endpointPrefix: config
      .endpointProvider(endpoint)
      .url.hostname.replace(/(\.us-west-2)?\.amazonaws\.com$/, ""),
    targetPrefix: settings.serviceTarget,
    protocols: [
      required(protocolByClass[config.protocol.constructor.name], config.protocol.constructor.name),
      ...(queryCompatible ? (["awsQuery"] as const) : []),
      ...(furtherProtocols[name] ?? []),
    ],
    ...(settings.xmlNamespace === undefined ? {} : { xmlNamespace: settings.xmlNamespace }),
    ...(queryCompatible ? { queryCompatible: true as const } : {}),
    ...readSchemas(sdk, isNoAuth),
  };
  checkModel(name, model, sdk);
  return model;
}

/** The enumerations that an SDK package exports: values by name of the type. */
export async function extractEnums(name: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const sdk: Readonly<Record<string, unknown>> = await import(`@aws-sdk/client-${name}`);
  const enums = new Map<string, readonly string[]>();
  for (const [type, value] of Object.entries(sdk)) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) continue;
    const values: readonly unknown[] = Object.values(value);
    const strings = values.filter((item) => typeof item === "string");
    if (strings.length > 0 && strings.length === values.length) enums.set(type, strings);
  }
  return enums;
}

/** One line per operation and shape, so that a change of the model reads well in a diff. */
export function formatModel(json: object): string {
  const lines = Object.entries(json).map(([key, value]) => `${JSON.stringify(key)}:${formatValue(value)}`);
  return `{\n${lines.join(",\n")}\n}\n`;
}

function formatValue(value: unknown): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return JSON.stringify(value);
  const lines = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${JSON.stringify(item)}`);
  return `{\n${lines.join(",\n")}\n}`;
}

function newClient(sdk: Readonly<Record<string, unknown>>): SdkClient {
  const found = Object.entries(sdk).find(([key]) => key.endsWith("Client") && key !== "__Client");
  const construct = found?.[1];
  if (typeof construct !== "function") throw new Error("the package exports no client");
  return Reflect.construct(construct, [{ region }]);
}

function packageVersion(name: string): string {
  const text = readFileSync(join(root, "node_modules/@aws-sdk", `client-${name}`, "package.json"), "utf8");
  return String(JSON.parse(text).version);
}

function checkModel(name: string, model: ServiceJson, sdk: Readonly<Record<string, unknown>>): void {
  const commands = Object.keys(sdk).filter((key) => /^[A-Z]\w+Command$/.test(key)).length;
  const operations = Object.keys(model.operations).length;
  if (operations !== commands) throw new Error(`${name}: ${operations} operations, ${commands} commands`);
  if (!Object.values(model.shapes).some(({ kind }) => kind === "error"))
    throw new Error(`${name}: no errors`);
  const proof = requiredProof[name];
  if (proof !== undefined && requiredCount(model.shapes[proof[0]]) !== proof[1])
    throw new Error(`${name}: ${proof[0]} should require ${proof[1]} members: has the tuple format changed?`);
}

export function requiredCount(shape: ShapeJson | undefined): number {
  return shape !== undefined && "members" in shape ? (shape.required ?? 0) : 0;
}

function required<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`unknown: ${what}`);
  return value;
}

if (import.meta.main) {
  for (const name of serviceNames) {
    const text = formatModel(await extractModel(name));
    writeFileSync(join(root, "models", `${name}.json`), text);
    console.log(`${name}: ${Math.round(text.length / 1024)} KB`);
  }
}
