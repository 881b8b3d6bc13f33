/** The SDK for JavaScript and boto3 against a running lambdad: what a program does in its first minutes. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CreateAliasCommand,
  CreateFunctionCommand,
  DeleteFunctionCommand,
  GetFunctionCommand,
  InvokeCommand,
  LambdaClient,
  ListFunctionsCommand,
  PublishVersionCommand,
  type Runtime,
  TagResourceCommand,
  ListTagsCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
} from "@aws-sdk/client-lambda";
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { allOnPath, mustRun, works } from "../harness/command.ts";
import type { RunningServer } from "../harness/server.ts";
import { startServer } from "../harness/server.ts";
import { zipOf, type ZipSources } from "../harness/zip.ts";

const role = "arn:aws:iam::000000000000:role/any";
const waiting = { maxWaitTime: 60, minDelay: 1, maxDelay: 1 };
let server: RunningServer;
let lambda: LambdaClient;
let settings: {
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
};

before(async () => {
  server = await startServer();
  settings = {
    endpoint: server.url,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  };
  lambda = new LambdaClient(settings);
});

after(async () => {
  assert.equal(await server.stop(), 0);
});

async function created(
  name: string,
  sources: ZipSources,
  runtime: Runtime,
  handler: string,
  more: object = {},
) {
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Runtime: runtime,
      Role: role,
      Handler: handler,
      Code: { ZipFile: await zipOf(sources) },
      ...more,
    }),
  );
  await waitUntilFunctionActiveV2({ client: lambda, ...waiting }, { FunctionName: name });
}

async function invoked(name: string, event: unknown = {}, more: object = {}) {
  const answer = await lambda.send(
    new InvokeCommand({
      FunctionName: name,
      Payload: Buffer.from(JSON.stringify(event)),
      LogType: "Tail",
      ...more,
    }),
  );
  return {
    ...answer,
    result: JSON.parse(Buffer.from(answer.Payload ?? []).toString()) as unknown,
    tail: Buffer.from(answer.LogResult ?? "", "base64").toString(),
  };
}

test("SDK v3: create, invoke, read the log, delete", async () => {
  await created(
    "sdk",
    {
      "index.mjs":
        "export const handler = async (event, context) => ({ event, name: context.functionName, left: context.getRemainingTimeInMillis() });",
    },
    "nodejs24.x",
    "index.handler",
    { Timeout: 7, Environment: { Variables: { COLOUR: "green" } }, Tags: { team: "spine" } },
  );
  const { result, StatusCode, ExecutedVersion, FunctionError } = await invoked("sdk", { a: [1, "ü"] });
  assert.deepEqual([StatusCode, ExecutedVersion, FunctionError], [200, "$LATEST", undefined]);
  const { event, name, left } = result as { event: unknown; name: string; left: number };
  assert.deepEqual([event, name], [{ a: [1, "ü"] }, "sdk"]);
  assert(left > 5000 && left <= 7000);

  const logs = new CloudWatchLogsClient(settings);
  const { events = [] } = await logs.send(
    new FilterLogEventsCommand({ logGroupName: "/aws/lambda/sdk", filterPattern: "REPORT" }),
  );
  assert.equal(events.length, 1);
  await lambda.send(new DeleteFunctionCommand({ FunctionName: "sdk" }));
  await assert.rejects(lambda.send(new GetFunctionCommand({ FunctionName: "sdk" })), {
    name: "ResourceNotFoundException",
  });
});

test("SDK v3: the code location downloads what was uploaded", async () => {
  const sources = { "index.js": "exports.handler = async () => 1;" };
  await created("download", sources, "nodejs24.x", "index.handler");
  const { Code, Configuration } = await lambda.send(new GetFunctionCommand({ FunctionName: "download" }));
  const response = await fetch(Code?.Location ?? "");
  assert.equal(response.status, 200);
  const bytes = Buffer.from(await response.arrayBuffer());
  assert.deepEqual(bytes, await zipOf(sources));
  assert.equal(Configuration?.CodeSize, bytes.length);
  const forged = await fetch((Code?.Location ?? "").replace(/.$/, (last) => (last === "0" ? "1" : "0")));
  assert.equal(forged.status, 403);
});

test("SDK v3: an update serves the old code until it is done and the new code afterwards", async () => {
  await created(
    "update",
    { "index.js": "exports.handler = async () => 'old';" },
    "nodejs24.x",
    "index.handler",
  );
  assert.equal((await invoked("update")).result, "old");
  await lambda.send(
    new UpdateFunctionCodeCommand({
      FunctionName: "update",
      ZipFile: await zipOf({ "index.js": "exports.handler = async () => process.env.STAGE ?? 'new';" }),
    }),
  );
  assert((await invoked("update")).FunctionError === undefined);
  await waitUntilFunctionUpdatedV2({ client: lambda, ...waiting }, { FunctionName: "update" });
  assert.equal((await invoked("update")).result, "new");
  await lambda.send(
    new UpdateFunctionConfigurationCommand({
      FunctionName: "update",
      Environment: { Variables: { STAGE: "x" } },
    }),
  );
  await waitUntilFunctionUpdatedV2({ client: lambda, ...waiting }, { FunctionName: "update" });
  assert.equal((await invoked("update")).result, "x");
});

test("SDK v3: an alias with weights reaches both versions", async () => {
  await created(
    "weights",
    { "index.js": "exports.handler = async (e, c) => c.functionVersion;" },
    "nodejs24.x",
    "index.handler",
  );
  await lambda.send(new PublishVersionCommand({ FunctionName: "weights" }));
  await lambda.send(
    new UpdateFunctionConfigurationCommand({ FunctionName: "weights", Description: "second" }),
  );
  await waitUntilFunctionUpdatedV2({ client: lambda, ...waiting }, { FunctionName: "weights" });
  await lambda.send(new PublishVersionCommand({ FunctionName: "weights" }));
  await lambda.send(
    new CreateAliasCommand({
      FunctionName: "weights",
      Name: "both",
      FunctionVersion: "1",
      RoutingConfig: { AdditionalVersionWeights: { "2": 0.5 } },
    }),
  );
  const versions = new Set<unknown>();
  // The chance that 40 fair choices are all the same is below one in 500 thousand million.
  for (let count = 0; count < 40; count += 1) {
    const { result, ExecutedVersion } = await invoked("weights", {}, { Qualifier: "both" });
    assert.equal(result, ExecutedVersion);
    versions.add(result);
  }
  assert.deepEqual([...versions].toSorted(), ["1", "2"]);
});

test("SDK v3: functions are listed page by page, tags are kept, and STS knows the caller", async () => {
  const { FunctionArn } =
    (await lambda.send(new GetFunctionCommand({ FunctionName: "weights" }))).Configuration ?? {};
  await lambda.send(new TagResourceCommand({ Resource: FunctionArn, Tags: { colour: "blue" } }));
  assert.deepEqual((await lambda.send(new ListTagsCommand({ Resource: FunctionArn }))).Tags, {
    colour: "blue",
  });
  const names: (string | undefined)[] = [];
  let Marker: string | undefined;
  do {
    const page = await lambda.send(new ListFunctionsCommand({ MaxItems: 1, Marker }));
    names.push(...(page.Functions ?? []).map(({ FunctionName }) => FunctionName));
    Marker = page.NextMarker;
  } while (Marker);
  assert.deepEqual(names, ["download", "update", "weights"]);
  const identity = await new STSClient(settings).send(new GetCallerIdentityCommand({}));
  assert.equal(identity.Account, "000000000000");
});

test("SDK v3: requests at the same moment run in parallel and none is lost", async () => {
  await created(
    "parallel",
    {
      "index.js":
        "exports.handler = async (e) => { await new Promise((r) => setTimeout(r, 50)); return e.n; };",
    },
    "nodejs24.x",
    "index.handler",
  );
  const answers = await Promise.all(Array.from({ length: 12 }, (_, n) => invoked("parallel", { n })));
  assert.deepEqual(
    answers.map(({ result }) => result),
    Array.from({ length: 12 }, (_, n) => n),
  );
});

const boto3Session = `
import boto3, io, json, os, zipfile
# Versions before 1.28 do not read AWS_ENDPOINT_URL.
endpoint = os.environ["AWS_ENDPOINT_URL"]
buffer = io.BytesIO()
with zipfile.ZipFile(buffer, "w") as archive:
    archive.writestr("app.js", "exports.handler = async (event) => { console.log('from boto3'); return {sum: event.a + event.b}; };")
client = boto3.client("lambda", endpoint_url=endpoint)
name = "boto3-session"
created = client.create_function(FunctionName=name, Runtime="nodejs24.x", Role="${role}", Handler="app.handler",
                                 Code={"ZipFile": buffer.getvalue()}, Environment={"Variables": {"STAGE": "1"}})
assert created["State"] == "Pending", created
client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
answer = client.invoke(FunctionName=name, Payload=json.dumps({"a": 2, "b": 3}), LogType="Tail")
assert answer["StatusCode"] == 200 and json.load(answer["Payload"]) == {"sum": 5}, answer
client.update_function_configuration(FunctionName=name, Timeout=5)
client.get_waiter("function_updated").wait(FunctionName=name, WaiterConfig={"Delay": 1})
assert client.get_function_configuration(FunctionName=name)["Timeout"] == 5
assert client.publish_version(FunctionName=name)["Version"] == "1"
pages = client.get_paginator("list_versions_by_function").paginate(FunctionName=name)
assert [v["Version"] for page in pages for v in page["Versions"]] == ["$LATEST", "1"]
try:
    client.invoke(FunctionName="nowhere")
    raise SystemExit("no error")
except client.exceptions.ResourceNotFoundException as error:
    assert "Function not found" in str(error), error
events = boto3.client("logs", endpoint_url=endpoint).filter_log_events(logGroupName="/aws/lambda/" + name)["events"]
assert any("from boto3" in event["message"] for event in events), events
client.delete_function(FunctionName=name)
print("boto3", boto3.__version__, "ok")
`;

test("boto3: create, wait, invoke, update, publish, page, log, delete", async (t) => {
  const pythons = allOnPath("python3").filter((python) => works(python, ["-c", "import boto3"]));
  if (pythons.length === 0) return t.skip("no Python with boto3");
  for (const python of pythons) {
    const printed = await mustRun(python, ["-c", boto3Session], { env: server.env });
    assert.match(printed, /ok/);
    console.log(printed.trim());
  }
});
