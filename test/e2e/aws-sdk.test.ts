/** Functions that call AWS with the SDK that their runtime brings, and reach lambdad without a line of configuration. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import {
  CreateFunctionCommand,
  InvokeCommand,
  LambdaClient,
  type Runtime,
  waitUntilFunctionActiveV2,
} from "@aws-sdk/client-lambda";
import {
  CreateQueueCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { run } from "../harness/command.ts";
import { type RunningServer, startServer } from "../harness/server.ts";
import { zipOf } from "../harness/zip.ts";

let server: RunningServer;
let lambda: LambdaClient;
let sqs: SQSClient;
let QueueUrl: string | undefined;

before(async () => {
  server = await startServer();
  ({ lambda, sqs } = clientsOf(server));
  ({ QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "answers" })));
});

after(async () => {
  assert.equal(await server.stop(), 0);
});

function clientsOf({ url: endpoint }: RunningServer) {
  const settings = {
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  };
  return { lambda: new LambdaClient(settings), sqs: new SQSClient(settings) };
}

type Files = Record<string, string>;

async function create(client: LambdaClient, name: string, runtime: Runtime, files: Files): Promise<void> {
  await client.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Runtime: runtime,
      Handler: "index.handler",
      Role: "arn:aws:iam::000000000000:role/any",
      MemorySize: 512,
      Timeout: 30,
      Code: { ZipFile: await zipOf(files) },
    }),
  );
  await waitUntilFunctionActiveV2({ client, maxWaitTime: 60 }, { FunctionName: name });
}

async function answerOf(name: string, runtime: Runtime, files: Files): Promise<unknown> {
  await create(lambda, name, runtime, files);
  const { Payload, FunctionError } = await lambda.send(
    new InvokeCommand({ FunctionName: name, Payload: Buffer.from(JSON.stringify({ QueueUrl })) }),
  );
  const text = Buffer.from(Payload ?? []).toString();
  assert.equal(FunctionError, undefined, text);
  const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }));
  assert.equal(Messages[0]?.Body, `from ${name}`);
  return JSON.parse(text) as unknown;
}

const account = "000000000000";
const launcher = resolve(import.meta.dirname, "../../bin/lambdad.js");

test("a CommonJS function has the AWS SDK without packing it, and reaches a queue by the address that others have", async () => {
  const index = `
    const { SQSClient, SendMessageCommand } = require("@aws-sdk/client-sqs");
    const { STSClient, GetCallerIdentityCommand } = require("@aws-sdk/client-sts");
    exports.handler = async ({ QueueUrl }) => {
      await new SQSClient().send(new SendMessageCommand({ QueueUrl, MessageBody: "from commonjs" }));
      return (await new STSClient().send(new GetCallerIdentityCommand({}))).Account;
    };`;
  assert.equal(await answerOf("commonjs", "nodejs24.x", { "index.js": index }), account);
});

test("an ES module has it, too", async () => {
  const index = `
    import { SQSClient, GetQueueUrlCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
    import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
    const sqs = new SQSClient();
    export const handler = async () => {
      const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: "answers" }));
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "from module" }));
      return typeof DynamoDBDocumentClient.from;
    };`;
  assert.equal(await answerOf("module", "nodejs24.x", { "index.mjs": index }), "function");
});

test("a Python function has boto3", async (t) => {
  const list = await run(process.execPath, [launcher, "runtimes", "--json"]);
  const entries = JSON.parse(list.stdout) as readonly { id: Runtime; status: string }[];
  const newest = entries.find(({ id, status }) => id.startsWith("python") && status === "ready")?.id;
  if (newest === undefined) return t.skip("no Python on this machine");
  const index = `
import boto3
def handler(event, context):
    sqs = boto3.client("sqs")
    queue = sqs.get_queue_url(QueueName="answers")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="from snake")
    return boto3.client("sts").get_caller_identity()["Account"]
`;
  assert.equal(await answerOf("snake", newest, { "index.py": index }), account);
});

test("a function that runs for what an earlier lambdad left reaches the new one", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "lambdad-again-"));
  let again = await startServer({ dataDir });
  try {
    const first = clientsOf(again);
    await first.sqs.send(new CreateQueueCommand({ QueueName: "answers" }));
    const index = `
      const { SQSClient, GetQueueUrlCommand, SendMessageCommand } = require("@aws-sdk/client-sqs");
      exports.handler = async () => {
        await new Promise((resolve) => setTimeout(resolve, 1500));
        const sqs = new SQSClient();
        const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: "answers" }));
        await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "here I am" }));
      };`;
    await create(first.lambda, "late", "nodejs24.x", { "index.js": index });
    await first.lambda.send(new InvokeCommand({ FunctionName: "late", InvocationType: "Event" }));
    again.child.kill("SIGKILL");
    await once(again.child, "exit");

    again = await startServer({ dataDir });
    const second = clientsOf(again);
    const { QueueUrl } = await second.sqs.send(new GetQueueUrlCommand({ QueueName: "answers" }));
    const { Messages = [] } = await second.sqs.send(
      new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }),
    );
    assert.equal(Messages[0]?.Body, "here I am");
  } finally {
    await again.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
});
