/**
 * Requests for the fuzzer to begin with: for every operation of every service, in every protocol that it has, one
 * request with a plausible body, made from the models. They need not be valid; mutation starts from them.
 */
import { loadModel, serviceNames } from "../../src/wire/model-load.ts";
import type { Member, Operation, ProtocolId, ServiceModel, Shape } from "../../src/wire/model.ts";
import type { Random } from "../../src/base/random.ts";

export interface Seed {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export function gatewayCorpus(random: Random): Seed[] {
  return serviceNames
    .map(loadModel)
    .flatMap((model) =>
      [...model.operations.values()].flatMap((operation) =>
        model.protocols.map((protocol) => seedOf(model, operation, protocol, random)),
      ),
    );
}

function seedOf(model: ServiceModel, operation: Operation, protocol: ProtocolId, random: Random): Seed {
  const scope = `AKID/20260101/us-east-1/${model.signingName}/aws4_request`;
  const headers = {
    authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=${"0".repeat(64)}`,
  };
  const input = plausible(operation.input, random, 0);
  if (operation.http && protocol.startsWith("rest"))
    return restSeed(operation, protocol, input, headers, random);
  const post = { method: "POST", path: "/", query: "", headers };
  switch (protocol) {
    case "awsQuery": {
      const form = [`Action=${operation.name}`, `Version=${model.apiVersion}`, ...flattened("", input)];
      const type = "application/x-www-form-urlencoded; charset=utf-8";
      return {
        ...post,
        headers: { ...headers, "content-type": type },
        body: Buffer.from(form.join("&")),
      };
    }
    case "rpcv2Cbor":
      return {
        ...post,
        path: `/service/${model.targetPrefix}/operation/${operation.name}`,
        headers: { ...headers, "smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor" },
        body: cbor(input),
      };
    default: {
      const isCbor = protocol === "amzCbor";
      const target = `${model.targetPrefix}.${operation.name}`;
      return {
        ...post,
        headers: {
          ...headers,
          "x-amz-target": target,
          "content-type": `application/x-amz-${isCbor ? "cbor-1.1" : "json-1.1"}`,
        },
        body: isCbor ? cbor(input) : Buffer.from(JSON.stringify(input)),
      };
    }
  }
}

function restSeed(
  operation: Operation,
  protocol: ProtocolId,
  input: unknown,
  headers: Record<string, string>,
  random: Random,
): Seed {
  const [path = "/", literals] = (operation.http?.uri ?? "/").split("?");
  const query = literals === undefined ? [] : [literals];
  const given = { ...headers };
  for (const { binding } of operation.input.members) {
    if (random.float() < 0.5) continue;
    if (binding.in === "query") query.push(`${binding.name}=x`);
    if (binding.in === "header") given[binding.name.toLowerCase()] = "1";
    if (binding.in === "prefix-headers") given[`${binding.prefix}x`] = "1";
  }
  const bucket = operation.service.name === "s3" && !path.includes("{Bucket}") ? "/bucket" : "";
  const body = protocol === "restXml" ? `<R>${xml(input)}</R>` : JSON.stringify(input);
  return {
    method: operation.http?.method ?? "GET",
    path: bucket + path.replace(/\{[^}]+\}/g, "x"),
    query: query.join("&"),
    headers: given,
    body: Buffer.from(body),
  };
}

const depthMax = 4;

/** A value of the shape: required members always, others by chance. */
function plausible(shape: Shape, random: Random, depth: number): unknown {
  switch (shape.kind) {
    case "structure":
    case "union": {
      const wanted = (member: Member) => member.required || random.float() < 0.3;
      const members = shape.kind === "union" ? shape.members.slice(0, 1) : shape.members.filter(wanted);
      if (depth > depthMax) return {};
      return Object.fromEntries(members.map((m) => [m.jsonName, plausible(m.shape, random, depth + 1)]));
    }
    case "list":
      return shape.element && depth <= depthMax ? [plausible(shape.element.shape, random, depth + 1)] : [];
    case "map":
      return shape.element && depth <= depthMax
        ? { k: plausible(shape.element.shape, random, depth + 1) }
        : {};
    case "boolean":
      return random.float() < 0.5;
    case "integer":
    case "long":
    case "float":
    case "double":
    case "bigInteger":
    case "bigDecimal":
      return shape.constraint?.min ?? 1;
    case "timestamp":
      return 1_700_000_000;
    case "blob":
      return "AQID";
    case "document":
    case "unit":
      return {};
    case "string":
      return shape.constraint?.enum?.[0] ?? "x".repeat(Math.min(shape.constraint?.min ?? 1, 64));
  }
}

function flattened(prefix: string, value: unknown): string[] {
  if (Array.isArray(value)) {
    return value.flatMap((item, at) => flattened(`${prefix}.member.${at + 1}`, item));
  }
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).flatMap(([name, item]) =>
      flattened(prefix === "" ? name : `${prefix}.${name}`, item),
    );
  }
  return [`${prefix}=${encodeURIComponent(String(value))}`];
}

function xml(value: unknown): string {
  if (Array.isArray(value)) return value.map((item) => `<member>${xml(item)}</member>`).join("");
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value)
    .map(([name, item]) => `<${name}>${xml(item)}</${name}>`)
    .join("");
}

/** Enough CBOR for a beginning: maps, lists, text, small integers, booleans. */
function cbor(value: unknown): Buffer {
  if (typeof value === "boolean") return Buffer.from([value ? 0xf5 : 0xf4]);
  if (typeof value === "number") {
    const bytes = Buffer.alloc(9);
    bytes[0] = 0xfb;
    bytes.writeDoubleBE(value, 1);
    return bytes;
  }
  if (typeof value === "string") {
    const text = Buffer.from(value);
    return Buffer.concat([Buffer.from([0x78, text.length & 0xff]), text]);
  }
  if (Array.isArray(value)) return Buffer.concat([Buffer.from([0x9f]), ...value.map(cbor), end]);
  const entries = Object.entries(value ?? {}).flatMap(([name, item]) => [cbor(name), cbor(item)]);
  return Buffer.concat([Buffer.from([0xbf]), ...entries, end]);
}

const end = Buffer.from([0xff]);
