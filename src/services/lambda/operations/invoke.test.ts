import assert from "node:assert/strict";
import { test } from "node:test";
import type { AwsError } from "../../../wire/aws-error.ts";
import { moreHeaders } from "../../../wire/protocol.ts";
import { arnPrefix, awsError, bytes, simLambda } from "../../../../test/harness/lambda-sim.ts";

const arn = `${arnPrefix}:function:thumb`;
const FunctionName = "thumb";

test("an invocation gets what was asked and answers what the function said", async () => {
  const sim = simLambda();
  await sim.create(FunctionName, { MemorySize: 256, Environment: { Variables: { A: "1" } } });
  const answer = await sim.call("Invoke", { FunctionName, Payload: bytes('{"n":1}') });
  const [order] = sim.world.orders;
  assert.deepEqual(answer, {
    StatusCode: 200,
    ExecutedVersion: "$LATEST",
    Payload: bytes('"ok"'),
    [moreHeaders]: {
      "x-amzn-remapped-content-length": "0",
      "x-amzn-trace-id": order?.request.traceHeader.toLowerCase(),
    },
  });
  assert.equal(order?.request.invokedFunctionArn, arn);
  assert.equal(order?.request.requestId, "11111111-2222-4333-8444-555555555555");
  assert.equal(Buffer.from(order?.request.payload ?? []).toString(), '{"n":1}');
  assert.match(
    order?.request.traceHeader ?? "",
    /^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0;Lineage=[0-9a-f]{8}:1$/,
  );
  assert.equal(order?.wantTail, false);
  assert.equal(order?.reservedConcurrency, undefined);
  assert.equal(order?.unreservedConcurrency, 1000);
  assert.equal(order?.spec.memoryMb, 256);
  assert.deepEqual(order?.spec.variables, { A: "1" });
  assert.equal(order?.spec.functionArn, arn);
  assert.equal(order?.spec.timeoutMs, 3000);
});

test("a warm invocation finds the same spec again without reading the store", async () => {
  const sim = simLambda();
  await sim.create(FunctionName);
  await sim.call("Invoke", { FunctionName });
  sim.store.get = () => assert.fail("the store is read");
  sim.store.scan = () => assert.fail("the store is read");
  await sim.call("Invoke", { FunctionName });
  const [first, second] = sim.world.orders;
  assert.equal(first?.spec, second?.spec);
});

test("what another process has written is seen by the next invocation", async () => {
  const sim = simLambda();
  await sim.create(FunctionName);
  await sim.call("Invoke", { FunctionName });
  const other = simLambda(sim.state, 2);
  await other.call("UpdateFunctionConfiguration", { FunctionName, MemorySize: 512 });
  await other.settle();
  // Two stores over one state do not wake each other: any commit stands for the wake-up from outside.
  await sim.call("PutFunctionConcurrency", { FunctionName: "thumb", ReservedConcurrentExecutions: 5 });
  await sim.call("Invoke", { FunctionName });
  assert.equal(sim.world.orders.at(-1)?.spec.memoryMb, 512);
});

test("the qualifier, wherever it stands, chooses the version and names the ARN", async () => {
  const sim = simLambda();
  await sim.create(FunctionName, { Publish: true });
  await sim.call("CreateAlias", { FunctionName, Name: "live", FunctionVersion: "1" });
  const rows = [
    { name: "thumb", qualifier: "1", version: "1", invoked: `${arn}:1` },
    { name: "thumb:1", qualifier: undefined, version: "1", invoked: `${arn}:1` },
    { name: `${arn}:live`, qualifier: undefined, version: "1", invoked: `${arn}:live` },
    { name: "thumb", qualifier: "$LATEST", version: "$LATEST", invoked: `${arn}:$LATEST` },
    { name: arn, qualifier: undefined, version: "$LATEST", invoked: arn },
  ];
  for (const { name, qualifier, version, invoked } of rows) {
    const answer = await sim.call("Invoke", { FunctionName: name, Qualifier: qualifier });
    assert.equal(answer.ExecutedVersion, version);
    assert.equal(sim.world.orders.at(-1)?.request.invokedFunctionArn, invoked);
    assert.equal(sim.world.orders.at(-1)?.spec.version, version);
  }
  for (const [qualifier, named] of [
    [undefined, `${arnPrefix}:function:gone:$LATEST`],
    ["live", `${arnPrefix}:function:gone:live`],
  ]) {
    await assert.rejects(
      sim.call("Invoke", { FunctionName: "gone", Qualifier: qualifier }),
      awsError("ResourceNotFoundException", `Function not found: ${named}`),
    );
  }
});

test("a weighted alias splits the traffic and says which version ran", async () => {
  const sim = simLambda();
  await sim.create(FunctionName, { Publish: true });
  await sim.call("UpdateFunctionCode", { FunctionName, ZipFile: bytes("new"), Publish: true });
  await sim.settle();
  await sim.call("CreateAlias", {
    FunctionName,
    Name: "live",
    FunctionVersion: "1",
    RoutingConfig: { AdditionalVersionWeights: { 2: 0.3 } },
  });
  const versions = [];
  for (let number = 0; number < 1000; number += 1) {
    versions.push((await sim.call("Invoke", { FunctionName, Qualifier: "live" })).ExecutedVersion);
  }
  const share = versions.filter((version) => version === "2").length / 1000;
  assert.ok(Math.abs(share - 0.3) < 0.05, `about three of ten, not ${share}`);
  assert.equal(new Set(sim.world.orders.map(({ spec }) => spec.key)).size, 2, "I3");
});

test("during an update the old version runs, afterwards the new one in other environments", async () => {
  const sim = simLambda();
  await sim.create(FunctionName);
  sim.hold();
  await sim.call("UpdateFunctionConfiguration", { FunctionName, MemorySize: 512 });
  await sim.call("Invoke", { FunctionName });
  sim.world.release?.();
  await sim.settle();
  await sim.call("Invoke", { FunctionName });
  const [before, after] = sim.world.orders;
  assert.equal(before?.spec.memoryMb, 128);
  assert.equal(after?.spec.memoryMb, 512);
  assert.notEqual(before?.spec.key, after?.spec.key, "I3");
});

test("a pending function is not invoked", async () => {
  const sim = simLambda();
  sim.hold();
  await sim.create(FunctionName);
  const pending = awsError(
    "ResourceConflictException",
    "The operation cannot be performed at this time. The function is currently in the following state: Pending",
  );
  await assert.rejects(sim.call("Invoke", { FunctionName }), pending);
  await assert.rejects(sim.call("UpdateFunctionConfiguration", { FunctionName }), pending);
  await assert.rejects(sim.call("PublishVersion", { FunctionName }), pending);
  assert.equal(sim.world.orders.length, 0);
});

test("a dry run checks and runs nothing", async () => {
  const sim = simLambda();
  await sim.create(FunctionName);
  assert.deepEqual(await sim.call("Invoke", { FunctionName, InvocationType: "DryRun" }), { StatusCode: 204 });
  await assert.rejects(
    sim.call("Invoke", { FunctionName: "gone", InvocationType: "DryRun" }),
    awsError("ResourceNotFoundException"),
  );
  assert.equal(sim.world.orders.length, 0);
});

test("function errors of every kind are Unhandled, with the payload as it is", async () => {
  const sim = simLambda();
  await sim.create(FunctionName);
  const payload = bytes('{"errorType":"E"}');
  for (const outcome of [
    { kind: "function-error", payload, errorType: "E" },
    { kind: "timeout", payload },
    { kind: "crash", payload, errorType: "Runtime.ExitError" },
  ] as const) {
    sim.world.answer = async () => ({ kind: "done", outcome, logTail: undefined });
    const { FunctionError, Payload, StatusCode } = await sim.call("Invoke", { FunctionName });
    assert.deepEqual([StatusCode, FunctionError, Payload], [200, "Unhandled", payload]);
  }
});

test("the log's tail comes in Base64 when it was asked for", async () => {
  const sim = simLambda();
  await sim.create(FunctionName);
  const outcome = { kind: "success", payload: bytes("null") } as const;
  sim.world.answer = async ({ wantTail }) => ({
    kind: "done",
    outcome,
    logTail: wantTail ? bytes("START\n") : undefined,
  });
  assert.equal((await sim.call("Invoke", { FunctionName, LogType: "Tail" })).LogResult, "U1RBUlQK");
  assert.equal("LogResult" in (await sim.call("Invoke", { FunctionName, LogType: "None" })), false);
});

test("a throttle is a 429 with its reason and a time to wait", async () => {
  const sim = simLambda();
  await sim.create(FunctionName);
  await sim.call("PutFunctionConcurrency", { FunctionName, ReservedConcurrentExecutions: 0 });
  sim.world.answer = async () => ({
    kind: "throttled",
    reason: "ReservedFunctionConcurrentInvocationLimitExceeded",
  });
  await assert.rejects(sim.call("Invoke", { FunctionName }), (error: AwsError) => {
    awsError("TooManyRequestsException", "Rate Exceeded.")(error);
    assert.equal(error.status, 429);
    assert.deepEqual(error.members, {
      Type: "User",
      Reason: "ReservedFunctionConcurrentInvocationLimitExceeded",
    });
    assert.match(error.headers["Retry-After"] ?? "", /^\d+$/);
    return true;
  });
  assert.equal(sim.world.orders.at(-1)?.reservedConcurrency, 0);
  assert.equal(sim.world.orders.at(-1)?.unreservedConcurrency, 1000);
});

test("the client context is decoded, and refused when it is too long or no JSON", async () => {
  const sim = simLambda();
  await sim.create(FunctionName);
  const text = '{"custom":{"a":1}}';
  await sim.call("Invoke", { FunctionName, ClientContext: Buffer.from(text).toString("base64") });
  assert.equal(sim.world.orders[0]?.request.clientContext, text);
  for (const ClientContext of ["e30=".repeat(896), "bm8gSlNPTg=="]) {
    await assert.rejects(
      sim.call("Invoke", { FunctionName, ClientContext }),
      awsError("InvalidRequestContentException"),
    );
  }
  assert.equal(sim.world.orders.length, 1);
});

test("payloads that are no JSON, too large, or for tenants are refused before anything runs", async () => {
  const sim = simLambda();
  await sim.create(FunctionName);
  await assert.rejects(
    sim.call("Invoke", { FunctionName, Payload: bytes("{") }),
    awsError("InvalidRequestContentException"),
  );
  await assert.rejects(
    sim.call("Invoke", { FunctionName, Payload: new Uint8Array(6_291_457) }),
    awsError(
      "RequestEntityTooLargeException",
      "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
    ),
  );
  await assert.rejects(
    sim.call("Invoke", { FunctionName, TenantId: "t" }),
    awsError("InvalidParameterValueException"),
  );
  await sim.call("Invoke", { FunctionName });
  assert.equal(Buffer.from(sim.world.orders[0]?.request.payload ?? []).toString(), "{}");
  assert.equal(sim.world.orders.length, 1);
});

test("a streamed answer is chunks and an end, a failed one an end with its error", async () => {
  const sim = simLambda();
  await sim.create(FunctionName);
  async function stream() {
    const answer = await sim.call("InvokeWithResponseStream", { FunctionName });
    assert.equal(answer.ExecutedVersion, "$LATEST");
    const events: unknown[] = [];
    for await (const event of answer.EventStream ?? []) events.push(event);
    return events;
  }
  assert.deepEqual(await stream(), [{ PayloadChunk: { Payload: bytes('"ok"') } }, { InvokeComplete: {} }]);
  sim.world.answer = async () => ({
    kind: "done",
    outcome: { kind: "function-error", payload: bytes('{"errorType":"E"}'), errorType: "E" },
    logTail: bytes("x"),
  });
  assert.deepEqual(await stream(), [
    { InvokeComplete: { ErrorCode: "E", ErrorDetails: '{"errorType":"E"}', LogResult: "eA==" } },
  ]);
});
