/** Asynchronous invocation as Lambda's callers see it; retries and destinations are in `events/async/queue.test.ts`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  account,
  arnPrefix,
  awsError,
  bytes,
  newFunction,
  simLambda,
} from "../../../test/harness/lambda-sim.ts";
import type { InvokeOrder } from "../../invoke/contract.ts";
import { asyncPayloadBytesMax } from "../../limits.ts";
import { StoreError } from "../../store/store.ts";

const FunctionName = "echo";
const arn = `${arnPrefix}:function:${FunctionName}`;

async function started() {
  const sim = simLambda();
  await sim.start();
  await sim.create(FunctionName);
  return sim;
}

const event = { FunctionName, InvocationType: "Event" } as const;

function requestOf(order: InvokeOrder | undefined) {
  assert.ok(order, "it was invoked");
  return { ...order.request, payload: Buffer.from(order.request.payload).toString() };
}

test("E1 an event is answered 202 with nothing in it, and its function gets what a caller would send", async () => {
  const sim = await started();
  const ClientContext = Buffer.from('{"custom":{"a":1}}').toString("base64");
  const trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
  const answer = await sim.call("Invoke", { ...event, Payload: bytes("[1]"), ClientContext }, { trace });
  assert.deepEqual(answer, { StatusCode: 202 });
  await sim.settle();
  const { traceHeader, ...request } = requestOf(sim.world.orders[0]);
  assert.deepEqual(request, {
    requestId: "11111111-2222-4333-8444-555555555555",
    invokedFunctionArn: arn,
    payload: "[1]",
    clientContext: '{"custom":{"a":1}}',
  });
  assert.match(traceHeader, new RegExp(`^${trace};Lineage=[0-9a-f]{8}:1$`));
});

test("the deprecated InvokeAsync does the same, its arguments in pieces or whole", async () => {
  const sim = await started();
  async function* pieces() {
    yield bytes('{"a"');
    yield bytes(":1}");
  }
  for (const InvokeArgs of [pieces(), bytes('{"a":1}')]) {
    assert.deepEqual(await sim.call("InvokeAsync", { FunctionName, InvokeArgs } as never), { Status: 202 });
  }
  await sim.settle();
  assert.deepEqual(
    sim.world.orders.map((order) => requestOf(order).payload),
    ['{"a":1}', '{"a":1}'],
  );
});

test("what is refused at acceptance, in AWS's words", async () => {
  const sim = await started();
  const large = Buffer.alloc(asyncPayloadBytesMax + 1, " ");
  await assert.rejects(
    sim.call("Invoke", { ...event, Payload: large }),
    awsError(
      "RequestEntityTooLargeException",
      "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)",
    ),
  );
  await assert.rejects(
    sim.call("Invoke", { ...event, Payload: bytes("{") }),
    awsError("InvalidRequestContentException"),
  );
  await assert.rejects(
    sim.call("Invoke", { ...event, Qualifier: "live" }),
    awsError("ResourceNotFoundException", `Function not found: ${arn}:live`),
  );
  await sim.settle();
  assert.equal(sim.world.orders.length, 0);
});

test("E1 what the store cannot take is answered with an error, never with 202", async () => {
  const sim = await started();
  const commit = sim.store.commit.bind(sim.store);
  for (const [code, status, name] of [
    ["full", 507, "ServiceException"],
    ["busy", 429, "TooManyRequestsException"],
    ["io", undefined, "StoreError"],
  ] as const) {
    sim.store.commit = async () => Promise.reject(new StoreError(code, "no"));
    await assert.rejects(
      sim.call("Invoke", event),
      (error: { code: string; status?: number; name: string }) => {
        assert.equal(status === undefined ? error.name : error.code, name);
        assert.equal(error.status, status);
        return true;
      },
    );
  }
  sim.store.commit = commit;
  await sim.settle();
  assert.equal(sim.world.orders.length, 0);
});

test("an event for a function that is not ready yet waits until it is", async () => {
  const sim = simLambda();
  await sim.start();
  sim.hold();
  await sim.call("CreateFunction", newFunction(FunctionName));
  assert.deepEqual(await sim.call("Invoke", event), { StatusCode: 202 });
  await sim.clock.advance(1500);
  assert.equal(sim.world.orders.length, 0);
  sim.world.release?.();
  await sim.clock.advance(5000);
  assert.equal(sim.world.orders.length, 1);
});

test("a sandbox that could not be started uses up no retry", async () => {
  const sim = await started();
  await sim.call("PutFunctionEventInvokeConfig", { FunctionName, MaximumRetryAttempts: 0 });
  const answer = sim.world.answer;
  const outcome = { kind: "crash", payload: bytes("{}"), errorType: "Sandbox.Failure" } as const;
  sim.world.answer = async () => ({ kind: "done", outcome, logTail: undefined });
  await sim.call("Invoke", event);
  await sim.clock.advance(4000);
  assert.equal(sim.world.orders.length, 3, "at 0, 1 and 3 s");
  sim.world.answer = answer;
  await sim.clock.advance(4000);
  assert.match(sim.metrics.render(), /\nlambdad_async_events_succeeded_total 1\n/);
});

test("what is set for the qualifier counts when the event is attempted", async () => {
  const sim = await started();
  await sim.create("audit");
  const Destination = `${arnPrefix}:function:audit`;
  await sim.call("PutFunctionEventInvokeConfig", {
    FunctionName,
    MaximumRetryAttempts: 0,
    DestinationConfig: { OnFailure: { Destination } },
  });
  sim.world.answer = async () => ({
    kind: "done",
    outcome: { kind: "function-error", payload: bytes('{"errorMessage":"no"}'), errorType: "Error" },
    logTail: undefined,
  });
  const told: string[] = [];
  sim.world.deliver = async (to, { body }, ctx) => {
    told.push(to, Buffer.from(body).toString());
    assert.deepEqual(
      [ctx.account, ctx.sourceArn, ctx.principal],
      [account, `${arn}:$LATEST`, "lambda.amazonaws.com"],
    );
  };
  await sim.call("Invoke", event);
  await sim.settle();
  assert.equal(sim.world.orders.length, 1);
  assert.equal(told[0], Destination);
  assert.match(told[1] ?? "", /"condition":"RetriesExhausted","approximateInvokeCount":1/);
});

test("Lambda takes events for a function by its ARN, and refuses those for nobody", async () => {
  const sim = await started();
  const ctx = {
    account,
    region: "eu-west-1",
    principal: "lambda.amazonaws.com",
    sourceArn: "arn:x",
    traceHeader: "Root=1-5759e988-bd862e3fe1be46a994272793",
  };
  await sim.lambda.target?.deliver(`${arn}:$LATEST`, { body: bytes('"hi"') }, ctx);
  await sim.settle();
  const request = requestOf(sim.world.orders[0]);
  assert.deepEqual([request.payload, request.invokedFunctionArn], ['"hi"', `${arn}:$LATEST`]);
  assert.match(
    request.traceHeader,
    /^Root=1-5759e988-bd862e3fe1be46a994272793;Parent=\w+;Sampled=0;Lineage=/,
    "the chain goes on",
  );
  const nobody = sim.lambda.target?.deliver(`${arnPrefix}:function:gone`, { body: bytes("1") }, ctx);
  await assert.rejects(nobody ?? Promise.resolve(), awsError("ResourceNotFoundException"));
});

test("E5 the seventeenth invocation in a chain is refused or goes to the failure side, unless it is allowed", async () => {
  const sim = await started();
  await sim.call("Invoke", { FunctionName });
  const first = requestOf(sim.world.orders.pop()).traceHeader;
  const trace = first.replace(/:1$/, ":16");
  await assert.rejects(
    sim.call("Invoke", { FunctionName }, { trace }),
    awsError("RecursiveInvocationException"),
  );
  await sim.call("Invoke", event, { trace });
  await sim.settle();
  assert.equal(sim.world.orders.length, 0);
  assert.match(sim.metrics.render(), /\nlambdad_recursive_invocations_dropped_total 2\n/);
  assert.match(sim.metrics.render(), /\nlambdad_async_events_given_up_total 1\n/);
  await sim.call("PutFunctionRecursionConfig", { FunctionName, RecursiveLoop: "Allow" });
  await sim.call("Invoke", { FunctionName }, { trace });
  assert.equal(sim.world.orders.length, 1);
});

test("reserved concurrency 0 runs nothing and gives the event up at once", async () => {
  const sim = await started();
  await sim.call("PutFunctionConcurrency", { FunctionName, ReservedConcurrentExecutions: 0 });
  await sim.call("Invoke", event);
  await sim.settle();
  assert.equal(sim.world.orders.length, 0);
  assert.match(sim.metrics.render(), /\nlambdad_async_events_failed 1\n/);
});
