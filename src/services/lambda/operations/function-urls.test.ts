import assert from "node:assert/strict";
import { test } from "node:test";
import {
  account,
  arnPrefix,
  awsError,
  bytes,
  type SimLambda,
  simLambda,
} from "../../../../test/harness/lambda-sim.ts";
import { type Named, publicUrlPermissions } from "../../../../test/harness/public-url.ts";
import type { Identity } from "../../../wire/identity.ts";

const FunctionName = "thumb";
const arn = `${arnPrefix}:function:thumb`;
const notFound = "ResourceNotFoundException";

async function openUrl(sim: SimLambda, named: Named): Promise<void> {
  for (const input of publicUrlPermissions(named)) await sim.call("AddPermission", input);
}

/** A GET of this URL, by the path that needs no name. */
function get(sim: SimLambda, url: string, identity?: Identity, headers: Record<string, string> = {}) {
  const id = new URL(url).host.split(".")[0] ?? "";
  return sim.lambda.web?.({
    method: "GET",
    host: "127.0.0.1:4566",
    path: `/_lambdad/url/${id}/a`,
    query: "",
    headers,
    body: new Uint8Array(),
    remoteAddress: "127.0.0.1",
    requestId: "the-request",
    signer: () => identity,
  });
}

test("a function and each alias have one URL, which never changes while it is there", async () => {
  const sim = simLambda();
  await sim.create(FunctionName, { Publish: true });
  await sim.call("CreateAlias", { FunctionName, Name: "live", FunctionVersion: "1" });
  const Cors = { AllowOrigins: ["*"], MaxAge: 5 };
  const { FunctionUrl, ...made } = await sim.call("CreateFunctionUrlConfig", {
    FunctionName,
    AuthType: "NONE",
    Cors,
  });
  const at = new Date(sim.clock.now()).toISOString();
  assert.deepEqual(made, { FunctionArn: arn, AuthType: "NONE", Cors, CreationTime: at });
  const live = { FunctionName, Qualifier: "live" };
  await sim.call("CreateFunctionUrlConfig", { ...live, AuthType: "AWS_IAM", InvokeMode: "BUFFERED" });
  await assert.rejects(
    sim.call("CreateFunctionUrlConfig", { FunctionName, AuthType: "NONE" }),
    awsError(
      "ResourceConflictException",
      `Failed to create function url config for [functionArn = ${arn}]. Error message:  FunctionUrlConfig exists for this Lambda function`,
    ),
  );
  const changed = await sim.call("UpdateFunctionUrlConfig", { FunctionName, AuthType: "AWS_IAM", Cors: {} });
  assert.deepEqual(
    [changed.FunctionUrl, changed.AuthType, changed.Cors],
    [FunctionUrl, "AWS_IAM", undefined],
  );
  const { FunctionUrlConfigs } = await sim.call("ListFunctionUrlConfigs", { FunctionName });
  assert.deepEqual(
    FunctionUrlConfigs?.map(({ FunctionArn }) => FunctionArn),
    [arn, `${arn}:live`],
  );
  await sim.call("DeleteFunctionUrlConfig", { FunctionName });
  const gone = awsError(notFound, "The resource you requested does not exist.");
  await assert.rejects(sim.call("GetFunctionUrlConfig", { FunctionName }), gone);
  await assert.rejects(sim.call("UpdateFunctionUrlConfig", { FunctionName, AuthType: "NONE" }), gone);
  await assert.rejects(sim.call("DeleteFunctionUrlConfig", { FunctionName }), gone);
  const again = await sim.call("CreateFunctionUrlConfig", { FunctionName, AuthType: "NONE" });
  assert.notEqual(again.FunctionUrl, FunctionUrl);
});

test("URLs are of functions that are there", async () => {
  const sim = simLambda();
  const missing = awsError(notFound, "Function does not exist");
  const named = { FunctionName: "none", AuthType: "NONE" } as const;
  await assert.rejects(sim.call("CreateFunctionUrlConfig", named), missing);
  await assert.rejects(sim.call("UpdateFunctionUrlConfig", named), missing);
  await assert.rejects(sim.call("ListFunctionUrlConfigs", named), missing);
  await sim.create(FunctionName);
  await assert.rejects(
    sim.call("CreateFunctionUrlConfig", { FunctionName, Qualifier: "live", AuthType: "NONE" }),
    awsError(notFound, `Function not found: ${arn}:live`),
  );
});

test("a URL with AWS_IAM wants a signature and tells the function whose it is", async () => {
  const sim = simLambda();
  await sim.create(FunctionName);
  const { FunctionUrl = "" } = await sim.call("CreateFunctionUrlConfig", {
    FunctionName,
    AuthType: "AWS_IAM",
  });
  assert.equal((await get(sim, FunctionUrl))?.status, 403);
  assert.equal(sim.world.orders.length, 0);
  const principalArn = `arn:aws:iam::${account}:root`;
  const answer = await get(sim, FunctionUrl, { account, accessKey: "AKIA", principalArn, signed: "header" });
  assert.equal(answer?.status, 200);
  const [order] = sim.world.orders;
  assert.equal(order?.request.requestId, "the-request");
  assert.equal(order?.request.invokedFunctionArn, arn);
  const { requestContext } = JSON.parse(Buffer.from(order?.request.payload ?? []).toString());
  assert.equal(requestContext.accountId, account);
  assert.deepEqual(requestContext.authorizer.iam, {
    accessKey: "AKIA",
    accountId: account,
    callerId: "AKIA",
    cognitoIdentity: null,
    principalOrgId: null,
    userArn: principalArn,
    userId: "AKIA",
  });
});

test("a URL goes with its function, and is not another function's of that name", async () => {
  const sim = simLambda();
  await sim.create(FunctionName);
  const { FunctionUrl = "" } = await sim.call("CreateFunctionUrlConfig", { FunctionName, AuthType: "NONE" });
  await openUrl(sim, { FunctionName });
  assert.equal((await get(sim, FunctionUrl))?.status, 200);
  await sim.call("DeleteFunction", { FunctionName });
  await sim.create(FunctionName, { Code: { ZipFile: bytes("other") } });
  const answer = await get(sim, FunctionUrl);
  assert.deepEqual([answer?.status, answer?.body], [403, '{"Message":null}']);
});

test("what the client sees of a function that fails, is throttled or is not ready", async () => {
  const sim = simLambda();
  await sim.create(FunctionName);
  const { FunctionUrl = "" } = await sim.call("CreateFunctionUrlConfig", { FunctionName, AuthType: "NONE" });
  await openUrl(sim, { FunctionName });
  sim.world.answer = async () => ({
    kind: "done",
    outcome: { kind: "timeout", payload: bytes("{}") },
    logTail: undefined,
  });
  const failed = await get(sim, FunctionUrl);
  assert.deepEqual([failed?.status, failed?.body], [502, "Internal Server Error"]);
  sim.world.answer = async () => ({ kind: "throttled", reason: "ConcurrentInvocationLimitExceeded" });
  assert.equal((await get(sim, FunctionUrl))?.status, 429);
});

test("E5 a URL continues the chain of events that its caller belongs to, and ends one that is too long", async () => {
  const sim = simLambda();
  await sim.create(FunctionName);
  const { FunctionUrl = "" } = await sim.call("CreateFunctionUrlConfig", { FunctionName, AuthType: "NONE" });
  await openUrl(sim, { FunctionName });
  const chained = async (trace: string) => {
    const answer = await get(sim, FunctionUrl, undefined, { "x-amzn-trace-id": trace });
    return { status: answer?.status, header: sim.world.orders.pop()?.request.traceHeader };
  };
  const root = "Root=1-5759e988-bd862e3fe1be46a994272793";
  const first = await chained(root);
  assert.equal(first.status, 200);
  assert.match(
    first.header ?? "",
    /^Root=1-5759e988-bd862e3fe1be46a994272793;Parent=[0-9a-f]{16};Sampled=0;Lineage=[0-9a-f]{8}:1$/,
  );
  const second = await chained(first.header ?? "");
  assert.equal(second.header, first.header?.replace(/:1$/, ":2"));
  const last = await chained((first.header ?? "").replace(/:1$/, ":16"));
  assert.deepEqual(last, { status: 502, header: undefined });
});
