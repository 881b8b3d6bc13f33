/** Layers with real functions: what each language finds in /opt, order, wrappers, and what a deleted version leaves. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  AddLayerVersionPermissionCommand,
  type Architecture,
  CreateFunctionCommand,
  type CreateFunctionCommandInput,
  DeleteFunctionCommand,
  DeleteLayerVersionCommand,
  GetFunctionConfigurationCommand,
  GetLayerVersionByArnCommand,
  GetLayerVersionCommand,
  GetLayerVersionPolicyCommand,
  InvokeCommand,
  LambdaClient,
  ListLayersCommand,
  ListLayerVersionsCommand,
  paginateListLayerVersions,
  PublishLayerVersionCommand,
  type PublishLayerVersionCommandInput,
  RemoveLayerVersionPermissionCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
} from "@aws-sdk/client-lambda";
import { works } from "../harness/command.ts";
import type { RunningServer } from "../harness/server.ts";
import { startServer } from "../harness/server.ts";
import { zipOf, type ZipSources } from "../harness/zip.ts";

const waiting = { maxWaitTime: 120, minDelay: 1, maxDelay: 1 };
const account = "000000000000";
const dataDir = mkdtempSync(join(tmpdir(), "lambdad-layers-"));
let server: RunningServer;
let lambda: LambdaClient;

function client(accessKeyId = "test", region = "us-east-1"): LambdaClient {
  return new LambdaClient({
    endpoint: server.url,
    region,
    credentials: { accessKeyId, secretAccessKey: "test" },
  });
}

async function start(): Promise<void> {
  server = await startServer({ dataDir });
  lambda = client();
}

before(start);
after(async () => {
  const code = await server.stop();
  rmSync(dataDir, { recursive: true, force: true });
  assert.equal(code, 0);
});

async function published(
  name: string,
  sources: ZipSources,
  more: Partial<PublishLayerVersionCommandInput> = {},
): Promise<string> {
  const { LayerVersionArn = "" } = await lambda.send(
    new PublishLayerVersionCommand({ LayerName: name, Content: { ZipFile: await zipOf(sources) }, ...more }),
  );
  return LayerVersionArn;
}

async function created(
  name: string,
  sources: ZipSources,
  more: Partial<CreateFunctionCommandInput>,
): Promise<void> {
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Role: `arn:aws:iam::${account}:role/any`,
      Handler: "index.handler",
      Timeout: 20,
      Code: { ZipFile: await zipOf(sources) },
      ...more,
    }),
  );
  await waitUntilFunctionActiveV2({ client: lambda, ...waiting }, { FunctionName: name });
}

async function layersChanged(name: string, Layers: string[]): Promise<void> {
  await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName: name, Layers }));
  await waitUntilFunctionUpdatedV2({ client: lambda, ...waiting }, { FunctionName: name });
}

async function invoked(name: string, event: unknown = {}): Promise<unknown> {
  const { Payload, FunctionError } = await lambda.send(
    new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(event) }),
  );
  const text = Buffer.from(Payload ?? []).toString();
  assert.equal(FunctionError, undefined, text);
  return JSON.parse(text);
}

const pythonRuntime = (["python3.13", "python3.12", "python3.11", "python3.10"] as const).find((name) =>
  works(name, ["--version"]),
);

test("Python finds modules of layers, later layers over earlier, and goes on after they are deleted", async (t) => {
  if (!pythonRuntime) return t.skip("no Python 3.10 to 3.13 on this machine");
  const lower = await published("lower", {
    "python/shared.py": "name = 'lower'\n",
    "python/below.py": "name = 'below'\n",
  });
  const upper = await published("upper", {
    "python/shared.py": "name = 'upper'\n",
    [`python/lib/${pythonRuntime}/site-packages/deep.py`]: "name = 'deep'\n",
  });
  const code =
    "import shared, below, deep\ndef handler(event, context):\n  return [shared.name, below.name, deep.name]\n";
  await created("snake", { "index.py": code }, { Runtime: pythonRuntime, Layers: [lower, upper] });
  assert.deepEqual(await invoked("snake"), ["upper", "below", "deep"]);
  const { Layers = [] } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: "snake" }));
  assert.deepEqual(
    Layers.map(({ Arn }) => Arn),
    [lower, upper],
  );
  assert.ok(Layers.every(({ CodeSize = 0 }) => CodeSize > 100));

  await layersChanged("snake", [upper, lower]);
  assert.deepEqual(await invoked("snake"), ["lower", "below", "deep"], "the order is what counts");

  for (const LayerName of ["lower", "upper"]) {
    await lambda.send(new DeleteLayerVersionCommand({ LayerName, VersionNumber: 1 }));
  }
  assert.equal(await server.stop(), 0);
  await start();
  assert.deepEqual(await invoked("snake"), ["lower", "below", "deep"], "also after a restart");
  await assert.rejects(layersChanged("snake", [upper]), {
    name: "InvalidParameterValueException",
    message: `Layer version ${upper} does not exist.`,
  });
  assert.equal(await published("lower", { file: "2" }), lower.replace(/1$/, "2"), "numbers are not reused");
  await lambda.send(new DeleteFunctionCommand({ FunctionName: "snake" }));
});

test("Node finds packages of layers, and a wrapper in a layer starts it", async () => {
  const packages = await published("packages", {
    "nodejs/node_modules/greeting/package.json": '{"main":"main.js"}',
    "nodejs/node_modules/greeting/main.js": "exports.text = 'hello from ' + __dirname;\n",
    "nodejs/node_modules/agent/index.js": "globalThis.agent = 'imported ahead';\n",
    "bin/tool": { content: "#!/bin/sh\necho tool\n", mode: 0o100755 },
  });
  const wrapper = await published("wrapper", {
    wrap: { content: '#!/bin/sh\nexport WRAPPED=yes\nexec "$@"\n', mode: 0o100755 },
  });
  const code = `const { text } = require("greeting");
const tool = require("node:child_process").execFileSync("tool").toString().trim();
exports.handler = async () => ({
  text, tool, wrapped: process.env.WRAPPED ?? "no", agent, again: (await import("greeting")).text,
});\n`;
  await created(
    "knot",
    { "index.js": code },
    {
      Runtime: "nodejs24.x",
      Layers: [packages, wrapper],
      Environment: { Variables: { AWS_LAMBDA_EXEC_WRAPPER: "/opt/wrap", NODE_OPTIONS: "--import agent" } },
    },
  );
  const result = (await invoked("knot")) as Readonly<Record<string, string>>;
  assert(result["text"] !== undefined);
  assert.match(result["text"], /^hello from .*\/nodejs\/node_modules\/greeting$/);
  assert.deepEqual([result["tool"], result["wrapped"], result["agent"]], ["tool", "yes", "imported ahead"]);
  assert.equal(result["again"], result["text"]);

  await layersChanged("knot", []);
  const { Payload, FunctionError } = await lambda.send(new InvokeCommand({ FunctionName: "knot" }));
  assert.equal(FunctionError, "Unhandled", "without its layers it cannot start");
  assert.match(Buffer.from(Payload ?? []).toString(), /exit status 127/);
});

test("a custom runtime lies in a layer", async (t) => {
  if (!works("curl", ["--version"])) return t.skip("no curl on this machine");
  const bootstrap = `#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while :; do
  head=$(mktemp)
  event=$(curl -sS -D "$head" "$api/next")
  id=$(tr -d '\\r' < "$head" | sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: *//p')
  curl -sS -o /dev/null -d "{\\"from\\":\\"$(cat \${0%/*}/name)\\",\\"event\\":$event}" "$api/$id/response"
done
`;
  const runtime = await published("shell-runtime", {
    bootstrap: { content: bootstrap, mode: 0o100755 },
    name: "layer",
  });
  await created("shell", { nothing: "here" }, { Runtime: "provided.al2023", Layers: [runtime] });
  assert.deepEqual(await invoked("shell", { a: 1 }), { from: "layer", event: { a: 1 } });
});

test("SDK: a layer's life", async () => {
  const zip = await zipOf({ file: "1" });
  const arm: Architecture[] = ["arm64"];
  const first = await lambda.send(
    new PublishLayerVersionCommand({
      LayerName: "life",
      Content: { ZipFile: zip },
      Description: "one",
      LicenseInfo: "MIT",
      CompatibleRuntimes: ["python3.12"],
      CompatibleArchitectures: arm,
    }),
  );
  const layerArn = `arn:aws:lambda:us-east-1:${account}:layer:life`;
  assert.deepEqual([first.LayerArn, first.LayerVersionArn, first.Version], [layerArn, `${layerArn}:1`, 1]);
  assert.match(first.CreatedDate ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000$/);
  const downloaded = await fetch(first.Content?.Location ?? "");
  assert.deepEqual(Buffer.from(await downloaded.arrayBuffer()), zip, "the location downloads");

  await published("life", { file: "2" }, { CompatibleRuntimes: ["nodejs22.x"] });
  await published("life", { file: "3" }, { CompatibleRuntimes: ["python3.12", "nodejs22.x"] });
  const seen: (number | undefined)[] = [];
  for await (const page of paginateListLayerVersions(
    { client: lambda, pageSize: 1 },
    { LayerName: "life" },
  )) {
    assert.ok((page.LayerVersions?.length ?? 0) <= 1);
    seen.push(...(page.LayerVersions ?? []).map(({ Version }) => Version));
  }
  assert.deepEqual(seen, [3, 2, 1], "newest first, page by page");
  const python = await lambda.send(
    new ListLayerVersionsCommand({ LayerName: "life", CompatibleRuntime: "python3.12" }),
  );
  assert.deepEqual(
    python.LayerVersions?.map(({ Version }) => Version),
    [3, 1],
  );
  const onArm = await lambda.send(new ListLayersCommand({ CompatibleArchitecture: "arm64" }));
  assert.deepEqual(
    onArm.Layers?.map(({ LayerName, LatestMatchingVersion }) => [LayerName, LatestMatchingVersion?.Version]),
    [["life", 1]],
  );

  const {
    $metadata: _,
    Content,
    ...byArn
  } = await lambda.send(new GetLayerVersionByArnCommand({ Arn: `${layerArn}:1` }));
  const {
    $metadata: __,
    Content: ___,
    ...byName
  } = await lambda.send(new GetLayerVersionCommand({ LayerName: layerArn, VersionNumber: 1 }));
  assert.deepEqual(byArn, byName);
  assert.equal(Content?.CodeSha256, first.Content?.CodeSha256);
  await lambda.send(new DeleteLayerVersionCommand({ LayerName: "life", VersionNumber: 1 }));
  await assert.rejects(lambda.send(new GetLayerVersionCommand({ LayerName: "life", VersionNumber: 1 })), {
    name: "ResourceNotFoundException",
    message: "The resource you requested does not exist.",
  });
  const other = await client("test", "eu-central-1").send(new ListLayersCommand({}));
  assert.deepEqual(other.Layers, [], "regions do not see each other");
});

test("another account uses a layer when its policy says so", async () => {
  const Arn = await published("shared", { file: "1" });
  const foreign = client("111122223333");
  const of = { LayerName: "shared", VersionNumber: 1 };
  const denied = { name: "AccessDeniedException" };
  await assert.rejects(foreign.send(new GetLayerVersionByArnCommand({ Arn })), denied);
  await assert.rejects(lambda.send(new GetLayerVersionPolicyCommand(of)), {
    name: "ResourceNotFoundException",
    message: "No policy is associated with the given resource.",
  });
  const { Statement = "", RevisionId } = await lambda.send(
    new AddLayerVersionPermissionCommand({
      ...of,
      StatementId: "them",
      Action: "lambda:GetLayerVersion",
      Principal: "111122223333",
    }),
  );
  assert.deepEqual(JSON.parse(Statement), {
    Sid: "them",
    Effect: "Allow",
    Principal: { AWS: "arn:aws:iam::111122223333:root" },
    Action: "lambda:GetLayerVersion",
    Resource: Arn,
  });
  const policy = await lambda.send(new GetLayerVersionPolicyCommand(of));
  assert.equal(policy.RevisionId, RevisionId);
  assert.equal(policy.Policy, `{"Version":"2012-10-17","Id":"default","Statement":[${Statement}]}`);
  const { Version } = await foreign.send(new GetLayerVersionByArnCommand({ Arn }));
  assert.equal(Version, 1);
  await assert.rejects(client("444455556666").send(new GetLayerVersionByArnCommand({ Arn })), denied);

  const removal = { ...of, StatementId: "them" };
  await assert.rejects(
    lambda.send(
      new RemoveLayerVersionPermissionCommand({
        ...removal,
        RevisionId: "00000000-0000-4000-8000-000000000000",
      }),
    ),
    { name: "PreconditionFailedException", message: /Call the GetLayerPolicy API/ },
  );
  await lambda.send(new RemoveLayerVersionPermissionCommand({ ...removal, RevisionId }));
  await assert.rejects(foreign.send(new GetLayerVersionByArnCommand({ Arn })), denied);
});
