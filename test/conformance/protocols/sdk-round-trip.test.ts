/**
 * Every operation of every service against the official SDK: what its client serialises from a random input, our codec
 * reads back as that input; what our codec writes from a random output, its client reads back as that output. The same
 * for every modelled error.
 */
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { AwsQueryProtocol } from "@aws-sdk/core/protocols";
import { SmithyRpcV2CborProtocol } from "@smithy/core/cbor";
import * as fc from "fast-check";
import { AwsError } from "../../../src/wire/aws-error.ts";
import { loadModel, serviceNames } from "../../../src/wire/model-load.ts";
import type { Member, Operation, ProtocolId, ServiceModel, Shape } from "../../../src/wire/model.ts";
import type { Structure } from "../../../src/wire/protocol.ts";
import { protocolById } from "../../../src/wire/protocols.ts";
import { comparable } from "./comparable.ts";
import { labelsOf, openOracle, type Oracle } from "./sdk-client.ts";
import { structureArbitrary } from "./shape-arbitrary.ts";

const seed = 20_261_121;

const samplesPerOperation = 3;

/** Where client and server cannot agree, or the client's own logic is in the way. */
const differences: Readonly<Record<string, string>> = {
  "api-gateway.ImportRestApi": "the map of query parameters has mode=import, which is a literal of the path",
  "cloudwatch.PutMetricAlarm": "a form cannot hold a structure without members",
  "s3.GetObject": "Expires and ExpiresString are one header",
  "s3.HeadObject": "Expires and ExpiresString are one header",
  "s3.UpdateBucketMetadataAnnotationTableConfiguration":
    "the client refuses a checksum algorithm that is none",
  "sqs.ReceiveMessage": "in the query protocol, two of its lists have one name",
};

/** The protocols that a client would not choose, but its users can. */
const others: readonly (readonly [service: string, id: ProtocolId, options: object])[] = [
  ["cloudwatch", "awsQuery", { protocol: AwsQueryProtocol }],
  ["cloudwatch", "rpcv2Cbor", { protocol: SmithyRpcV2CborProtocol }],
  ["sqs", "awsQuery", { protocol: AwsQueryProtocol }],
  ["sqs", "rpcv2Cbor", { protocol: SmithyRpcV2CborProtocol }],
  ["dynamodb", "rpcv2Cbor", { protocol: SmithyRpcV2CborProtocol }],
];
const defaults = serviceNames.map((name) => [name, defaultOf(name), {}] as const);

for (const [name, id, options] of [...defaults, ...others]) {
  test(`${name} over ${id}: the SDK's client and our codec understand each other in every operation`, async () => {
    const oracle = await openOracle(name, options);
    const operations = [...loadModel(name).operations.values()].filter(
      (operation) => !streamOf(operation) && !Object.hasOwn(differences, `${name}.${operation.name}`),
    );
    const failures = await failuresOf(operations, (operation) => roundTrip(oracle, operation, id));
    oracle.close();
    assert.deepEqual(failures, []);
  });

  test(`${name} over ${id}: the SDK's client recognises every modelled error, with its message and members`, async () => {
    const oracle = await openOracle(name, options);
    const service = loadModel(name);
    const failures = await failuresOf([...service.errors.values()], (shape) =>
      errorRoundTrip(oracle, service, { shape, id }),
    );
    oracle.close();
    assert.deepEqual(failures, []);
  });
}

for (const [service, name] of [
  ["lambda", "InvokeWithResponseStream"],
  ["kinesis", "SubscribeToShard"],
  ["cloudwatch-logs", "StartLiveTail"],
  ["cloudwatch-logs", "GetLogObject"],
  ["s3", "SelectObjectContent"],
] as const) {
  test(`${service}: the SDK's client reads the events of ${name} as they were yielded`, async () => {
    const operation = loadModel(service).operations.get(name);
    assert.ok(operation);
    const oracle = await openOracle(service);
    await eventRoundTrip(oracle, operation, defaultOf(service));
    oracle.close();
  });
}

function defaultOf(service: string): ProtocolId {
  const [protocol] = loadModel(service).protocols;
  assert.ok(protocol);
  return protocol;
}

function streamOf(operation: Operation): Member | undefined {
  return operation.output.members.find((member) => member.shape.isEventStream);
}

async function failuresOf<T extends { readonly name: string }>(
  subjects: readonly T[],
  check: (subject: T) => Promise<void>,
): Promise<string[]> {
  assert.ok(subjects.length > 0);
  const failures: string[] = [];
  for (const subject of subjects) {
    try {
      await check(subject);
    } catch (error) {
      failures.push(`${subject.name}: ${(error as Error).message.slice(0, 400)}`);
    }
  }
  return failures;
}

async function roundTrip(oracle: Oracle, operation: Operation, id: ProtocolId): Promise<void> {
  const protocol = protocolById(id);
  const outputs = samples(operation.output);
  for (const [i, input] of samples(operation.input).entries()) {
    const output = outputs[i] ?? {};
    let seen: Structure | undefined;
    const received = await oracle.call(operation, input, (request) => {
      seen = protocol.read(operation, request, labelsOf(operation, id, request.path));
      return protocol.write(operation, output, "request-id");
    });
    const { ContentLength: _, ...meant } = seen ?? {}; // the client counts it: no sample has one
    assert.deepEqual(comparable(meant), comparable(input));
    assert.deepEqual(comparable(received), comparable(output));
  }
}

async function errorRoundTrip(
  oracle: Oracle,
  service: ServiceModel,
  { shape, id }: { readonly shape: Shape; readonly id: ProtocolId },
): Promise<void> {
  const operation = [...service.operations.values()].find((o) => o.http?.method !== "HEAD" && !streamOf(o));
  assert.ok(operation);
  const sampled = Object.entries(sample(shape)).filter(([name]) => name.toLowerCase() !== "message");
  const members = Object.fromEntries(sampled);
  const error = new AwsError(shape.name, "It went wrong", { members });
  const call = oracle.call(operation, sample(operation.input), () =>
    protocolById(id).error(error, "request-id", service, operation),
  );
  const caught = await call.then(
    () => undefined,
    (reason: unknown) => reason as Record<string, unknown>,
  );
  assert.ok(caught, "the call succeeded");
  // Services that once spoke awsQuery keep their old codes in newer protocols.
  assert.ok(
    [shape.name, shape.error?.queryCode].includes(String(caught["name"])),
    `its name is ${String(caught["name"])}`,
  );
  assert.equal(caught["message"], "It went wrong");
  assert.deepEqual(
    comparable(Object.fromEntries(Object.keys(members).map((m) => [m, caught[m]]))),
    comparable(members),
  );
}

async function eventRoundTrip(oracle: Oracle, operation: Operation, id: ProtocolId): Promise<void> {
  const stream = streamOf(operation);
  assert.ok(stream);
  const plain = stream.shape.members.filter((member) => !member.shape.error);
  const events = plain.map((member) => ({ [member.name]: sample(member.shape) }));
  const output = { ...sample(operation.output), [stream.name]: Readable.from(events) };
  const { [stream.name]: received, ...rest } = await oracle.call(operation, sample(operation.input), () =>
    protocolById(id).write(operation, output, "request-id"),
  );
  const { [stream.name]: _, ...sent } = output;
  const { ResponseStreamContentType: __, ...visible } = rest; // Lambda binds it to Content-Type, which is the stream's
  const { ResponseStreamContentType: ___, ...written }: Structure = sent;
  assert.deepEqual(comparable(visible), comparable(written));
  const collected: unknown[] = [];
  for await (const event of received as AsyncIterable<unknown>) collected.push(event);
  assert.deepEqual(comparable(collected), comparable(events));
}

function sample(shape: Shape): Structure {
  return samples(shape)[0] ?? {};
}

function samples(shape: Shape): Structure[] {
  return fc.sample(structureArbitrary(shape), { seed, numRuns: samplesPerOperation });
}
