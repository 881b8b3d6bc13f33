/** Smithy's response vectors: what a service returns must be written as clients expect to read it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AwsError } from "../../../src/wire/aws-error.ts";
import { decodeCbor } from "../../../src/wire/cbor.ts";
import type { Operation, ProtocolId } from "../../../src/wire/model.ts";
import type { Structure, WireResponse } from "../../../src/wire/protocol.ts";
import { protocolById } from "../../../src/wire/protocols.ts";
import { parseXml, type XmlElement } from "../../../src/wire/xml.ts";
import { operationOf, protocolOf, valueOf } from "./botocore-model.ts";
import { absent, loadVectors, settle, type Vector, type VectorCase } from "./vectors.ts";

const groups = [
  { name: "response vectors", bar: 262, isIn: (v: Vector) => !isEc2(v) && !isError(v) },
  { name: "error response vectors", bar: 0, isIn: (v: Vector) => !isEc2(v) && isError(v) },
  { name: "ec2 response vectors", bar: 0, isIn: isEc2 },
];

for (const { name, bar, isIn } of groups) {
  test(`what services return by Smithy's ${name} is written as clients read it`, (t) => {
    const vectors = loadVectors("output");
    if (!vectors) return t.skip(absent);
    const passed = settle(t, { name, vectors: vectors.filter(isIn), check });
    assert.ok(passed >= bar, `${passed} is below the bar`);
  });
}

function isEc2(vector: Vector): boolean {
  return vector.key.startsWith("output/ec2#");
}

function isError(vector: Vector): boolean {
  return vector.case.errorCode !== undefined;
}

function check({ suite, case: vector }: Vector): void {
  const operation = operationOf(suite, vector.given);
  const id = protocolOf(suite.metadata);
  const expected = vector.response;
  assert.ok(expected);
  const requestId = expected.headers?.["X-Amzn-Requestid"] ?? "id";
  const written = isErrorCase(vector)
    ? protocolById(id).error(errorOf(operation, vector), requestId, operation.service, operation)
    : protocolById(id).write(operation, valueOf(operation.output, vector.result) as Structure, requestId);
  assert.equal(written.status, expected.status_code);
  const body = bodyOf(written);
  for (const [name, value] of Object.entries(expected.headers ?? {})) {
    const actual = name === "Content-Length" ? String(body.length) : written.headers[name.toLowerCase()];
    assert.equal(actual, value, `header ${name}`);
  }
  if (expected.body !== undefined) compareBodies(id, { written, body, expected: expected.body });
}

function isErrorCase(vector: VectorCase): boolean {
  return vector.errorCode !== undefined;
}

function errorOf(operation: Operation, vector: VectorCase): AwsError {
  const code = vector.given.errors?.[0]?.shape ?? "";
  const shape = operation.service.errors.get(code);
  assert.ok(shape);
  const members = valueOf(shape, vector.error) as Record<string, unknown>;
  const entries = Object.entries(members).filter(([name]) => name.toLowerCase() !== "message");
  return new AwsError(code, vector.errorMessage ?? "", { members: Object.fromEntries(entries) });
}

function bodyOf(response: WireResponse): Buffer {
  const { body } = response;
  assert.ok(body === undefined || typeof body === "string" || body instanceof Uint8Array);
  return Buffer.from(body ?? "");
}

function compareBodies(
  id: ProtocolId,
  {
    written,
    body,
    expected,
  }: { readonly written: WireResponse; readonly body: Buffer; readonly expected: string },
): void {
  if (id === "rpcv2Cbor") {
    const bytes = Buffer.from(expected, "base64");
    assert.equal(body.length === 0, bytes.length === 0, "one of the bodies is empty");
    if (bytes.length === 0) return;
    assert.deepEqual(decodeCbor(body, "seconds"), withShortType(decodeCbor(bytes, "seconds")));
  } else if (expected.trim() === "" || body.length === 0) {
    assert.equal(body.toString(), expected.trim());
  } else if (String(written.headers["content-type"]).includes("json")) {
    const revive = (_: string, value: unknown): unknown => instantOf(value);
    assert.deepEqual(JSON.parse(body.toString(), revive), withShortType(JSON.parse(expected, revive)));
  } else if (String(written.headers["content-type"]).includes("xml")) {
    assert.deepEqual(canonical(parseXml(body.toString())), canonical(parseXml(expected)));
  } else {
    assert.equal(body.toString(), expected);
  }
}

/** Clients cut the namespace of `__type`; AWS's services mostly leave it out, and so do we. */
function withShortType(body: unknown): unknown {
  if (typeof body !== "object" || body === null || !("__type" in body)) return body;
  return { ...body, __type: String(body.__type).replace(/^.*#/, "") };
}

/**
 * Elements of one name in their order, names sorted; without request ids, which have no fixed value, without text
 * between elements, and without the namespace of errors, which the vectors leave out and AWS's services have.
 */
function canonical(element: XmlElement): unknown {
  const children = element.children.filter((child) => !/^(requestid|responsemetadata)$/i.test(child.name));
  return {
    name: element.name,
    attributes: element.name === "ErrorResponse" ? [] : [...element.attributes].sort(),
    text: children.length > 0 ? "" : instantOf(element.text.trim()),
    children: children.toSorted((a, b) => compareText(a.name, b.name)).map(canonical),
  };
}

/** Times with an offset are equal to times without, if they are the same instant. */
function instantOf(value: unknown): unknown {
  const isTime = typeof value === "string" && /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(value);
  return isTime ? new Date(value).toISOString() : value;
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
