/**
 * Requests for the fuzzer to begin with: for every operation of every service, in every protocol that it has, one
 * request with a plausible body, made from the models. They need not be valid; mutation starts from them.
 */
import { hash } from "node:crypto";
import type { Random } from "../../src/base/random.ts";
import { createCborCodec } from "../../src/wire/cbor-shape.ts";
import { createJsonCodec } from "../../src/wire/json.ts";
import { loadModel } from "../../src/wire/model-load.ts";
import type { Member, Operation, ProtocolId, ServiceModel, Shape } from "../../src/wire/model.ts";
import { partOfShape } from "../../src/wire/part-of-shape.ts";
import type { Structure } from "../../src/wire/protocol.ts";
import { textWriter } from "../../src/wire/text-value.ts";
import { itemNameOf, keyNameOf, rootNameOf, valueNameOf, xmlNameOf } from "../../src/wire/xml-names.ts";
import { writeXmlElement } from "../../src/wire/xml-writer.ts";
import { plausible, Words } from "./plausible.ts";

export interface Seed {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const restJson = createJsonCodec((member) => member.jsonName);
const awsJson = createJsonCodec((member) => member.name);
const cbor = { rpcv2Cbor: createCborCodec("seconds"), amzCbor: createCborCodec("milliseconds") };

export function gatewayCorpus(random: Random, names: readonly string[]): Seed[] {
  const words = new Words(random);
  return kindsOf(names).map((kind) => seedOf(kind, words));
}

/** An operation in one of its protocols. */
export interface Kind {
  readonly model: ServiceModel;
  readonly operation: Operation;
  readonly protocol: ProtocolId;
}

export function kindsOf(names: readonly string[]): Kind[] {
  return names
    .map(loadModel)
    .flatMap((model) =>
      [...model.operations.values()].flatMap((operation) =>
        model.protocols.map((protocol) => ({ model, operation, protocol })),
      ),
    );
}

/** Another one each time. */
export function seedOf({ model, operation, protocol }: Kind, words: Words): Seed {
  const scope = `AKID/20260101/us-east-1/${model.signingName}/aws4_request`;
  const headers = {
    authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=${"0".repeat(64)}`,
  };
  const input = plausible(operation.input, words) as Structure;
  const post = { method: "POST", path: "/", query: "" };
  const typed = (type: string, more = {}) => ({ ...headers, "content-type": type, ...more });
  switch (protocol) {
    case "restJson1":
    case "restXml":
      return restSeed(operation, input, headers, words);
    case "awsQuery":
    case "ec2Query": {
      const form = [
        `Action=${operation.name}`,
        `Version=${model.apiVersion}`,
        ...fields(operation.input, input),
      ];
      const type = "application/x-www-form-urlencoded; charset=utf-8";
      return { ...post, headers: typed(type), body: Buffer.from(form.join("&")) };
    }
    case "rpcv2Cbor":
      return {
        ...post,
        path: `/service/${model.targetPrefix}/operation/${operation.name}`,
        headers: typed("application/cbor", { "smithy-protocol": "rpc-v2-cbor" }),
        body: copyOf(cbor.rpcv2Cbor.writeStructure(operation.input, input)),
      };
    default: {
      const isCbor = protocol === "amzCbor";
      const version = protocol === "awsJson1_0" ? "json-1.0" : "json-1.1";
      const target = { "x-amz-target": `${model.targetPrefix}.${operation.name}` };
      return {
        ...post,
        headers: typed(`application/x-amz-${isCbor ? "cbor-1.1" : version}`, target),
        body: isCbor
          ? copyOf(cbor.amzCbor.writeStructure(operation.input, input))
          : Buffer.from(awsJson.writeStructure(operation.input, input)),
      };
    }
  }
}

/** What the codec answers is its own buffer. */
function copyOf(bytes: Uint8Array): Buffer {
  return Buffer.from(Uint8Array.from(bytes));
}

function restSeed(
  operation: Operation,
  input: Structure,
  signed: Record<string, string>,
  words: Words,
): Seed {
  const [template = "/", literals] = (operation.http?.uri ?? "/").split("?");
  const query = literals === undefined ? [] : [literals];
  const headers = { ...signed };
  for (const member of operation.input.members) {
    const { name, binding, shape } = member;
    if (!(name in input)) continue;
    const isScalar = !["list", "map", "structure", "blob"].includes(shape.kind);
    const word = isScalar ? textWriter(member, "http-date")(input[name]) : words.of(name);
    if (binding.in === "query") query.push(`${binding.name}=${encoded(word)}`);
    if (binding.in === "header") headers[binding.name.toLowerCase()] = headerValue(word);
    if (binding.in === "prefix-headers") headers[`${binding.prefix}x`.toLowerCase()] = "1";
  }
  const isS3 = operation.service.name === "s3";
  const path = template.replaceAll(/\{(\w+)\+?\}/g, (_, label: string) => encoded(words.of(label)));
  const body = restBody(operation, input, isS3);
  headers["content-length"] = String(body.length);
  if (isS3) headers["content-md5"] = hash("md5", body, "base64");
  return {
    method: operation.http?.method ?? "GET",
    path: (isS3 && !template.includes("{Bucket}") ? "/xxx" : "") + path,
    query: query.join("&"),
    headers,
    body,
  };
}

function restBody({ input: shape, service }: Operation, input: Structure, isXml: boolean): Buffer {
  const payload = shape.members.find(({ binding }) => binding.in === "payload");
  const value = payload && input[payload.name];
  if (payload && value === undefined) return Buffer.alloc(0);
  if (payload && (Buffer.isBuffer(value) || typeof value === "string")) return Buffer.from(value);
  const inBody = shape.members.filter(({ binding }) => binding.in === "body");
  const body = payload?.shape ?? partOfShape(shape, inBody);
  if (!payload && inBody.length === 0) return Buffer.alloc(0);
  const structure = (payload ? value : input) as Structure;
  if (!isXml) return Buffer.from(restJson.writeStructure(body, structure));
  const root = { name: rootNameOf(body, payload), namespace: service.xmlNamespace };
  return Buffer.from(writeXmlElement(body, structure, root));
}

/** Of a form, `Name.member.1=a`. */
function fields(shape: Shape, value: unknown, prefix = "", member?: Member): string[] {
  const below = (name: string) => (prefix === "" ? name : `${prefix}.${name}`);
  const isFlat = (member?.traits.xmlFlattened ?? shape.traits.xmlFlattened) === true;
  switch (shape.kind) {
    case "structure":
    case "union":
      return Object.entries(value ?? {}).flatMap(([name, item]) => {
        const of = shape.memberByName.get(name);
        return of ? fields(of.shape, item, below(xmlNameOf(of)), of) : [];
      });
    case "list":
      return (value as unknown[]).flatMap((item, at) =>
        fields(
          shape.element?.shape ?? shape,
          item,
          below(isFlat ? `${at + 1}` : `${itemNameOf(shape)}.${at + 1}`),
          shape.element,
        ),
      );
    case "map":
      return Object.entries(value as object).flatMap(([key, item], at) => {
        const entry = below(isFlat ? `${at + 1}` : `entry.${at + 1}`);
        const name = `${entry}.${keyNameOf(shape)}=${encoded(key)}`;
        return [
          name,
          ...fields(shape.element?.shape ?? shape, item, `${entry}.${valueNameOf(shape)}`, shape.element),
        ];
      });
    default:
      return [`${prefix}=${encoded(member ? textWriter(member, "date-time")(value) : String(value))}`];
  }
}

function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

/** As HTTP lets it through. */
function headerValue(text: string): string {
  // eslint-disable-next-line no-control-regex -- they are what it is about
  return Buffer.from(text.replaceAll(/[\0-\x08\x0a-\x1f\x7f]/g, ""))
    .toString("latin1")
    .trim();
}
