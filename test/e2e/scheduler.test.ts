/** EventBridge Scheduler as its users have it: SDK, boto3, AWS CLI; functions, queues and universal targets; across a restart. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { CreateFunctionCommand, LambdaClient, waitUntilFunctionActiveV2 } from "@aws-sdk/client-lambda";
import {
  ConflictException,
  CreateScheduleCommand,
  GetScheduleCommand,
  ListSchedulesCommand,
  ResourceNotFoundException,
  SchedulerClient,
  ValidationException,
} from "@aws-sdk/client-scheduler";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { allOnPath, mustRun, works } from "../harness/command.ts";
import { type RunningServer, startServer } from "../harness/server.ts";
import { until } from "../harness/wait.ts";
import { zipOf } from "../harness/zip.ts";

const RoleArn = "arn:aws:iam::000000000000:role/any";
const queueArn = (name: string) => `arn:aws:sqs:us-east-1:000000000000:${name}`;
const FlexibleTimeWindow = { Mode: "OFF" as const };

function clients({ url }: RunningServer) {
  const settings = {
    endpoint: url,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  };
  return {
    scheduler: new SchedulerClient(settings),
    sqs: new SQSClient(settings),
    lambda: new LambdaClient(settings),
    logs: new CloudWatchLogsClient(settings),
  };
}

async function received(sqs: SQSClient, QueueUrl: string | undefined): Promise<readonly string[]> {
  const order = { QueueUrl, WaitTimeSeconds: 20, MaxNumberOfMessages: 10 };
  const { Messages = [] } = await sqs.send(new ReceiveMessageCommand(order));
  return Messages.map(({ Body = "" }) => Body);
}

/** In a moment, on the wall clock in UTC. */
const soon = (seconds: number) => `at(${new Date(Date.now() + seconds * 1000).toISOString().slice(0, 19)})`;

test("schedules invoke functions, send to queues by both kinds of target, and are gone afterwards if they are to be", async () => {
  const server = await startServer();
  try {
    const { scheduler, sqs, lambda, logs } = clients(server);
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "ticks" }));
    const { FunctionArn } = await lambda.send(
      new CreateFunctionCommand({
        FunctionName: "tick",
        Runtime: "nodejs24.x",
        Role: RoleArn,
        Handler: "index.handler",
        Code: {
          ZipFile: await zipOf({
            "index.js": 'exports.handler = async (event) => console.log("got " + JSON.stringify(event));',
          }),
        },
      }),
    );
    await waitUntilFunctionActiveV2(
      { client: lambda, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
      { FunctionName: "tick" },
    );
    const create = (Name: string, ScheduleExpression: string, Target: object, more: object = {}) =>
      scheduler.send(
        new CreateScheduleCommand({
          Name,
          ScheduleExpression,
          FlexibleTimeWindow,
          Target: { Arn: "", RoleArn, ...Target },
          ...more,
        }),
      );
    await create("function", "rate(1 hour)", { Arn: FunctionArn });
    await create(
      "queue",
      soon(3),
      { Arn: queueArn("ticks"), Input: "templated" },
      { ActionAfterCompletion: "DELETE" },
    );
    await create("universal", soon(3), {
      Arn: "arn:aws:scheduler:::aws-sdk:sqs:sendMessage",
      Input: JSON.stringify({ QueueUrl, MessageBody: "universal" }),
    });
    const bodies = new Set<string>();
    await until("both have come", async () => {
      for (const body of await received(sqs, QueueUrl)) bodies.add(body);
      return bodies.size === 2;
    });
    assert.deepEqual([...bodies].toSorted(), ["templated", "universal"]);
    const line = await until("the function has run", async () => {
      const group = { logGroupName: "/aws/lambda/tick", filterPattern: '"got"' };
      const { events: found } = await logs
        .send(new FilterLogEventsCommand(group))
        .catch(() => ({ events: [] }));
      return found?.[0]?.message;
    });
    assert.match(line, /"source":"aws.scheduler".*"detail":"\{\}"/);
    const { Schedules = [] } = await scheduler.send(new ListSchedulesCommand({}));
    assert.deepEqual(
      Schedules.map(({ Name }) => Name),
      ["function", "universal"],
    );
    await assert.rejects(create("function", "rate(2 hours)", { Arn: FunctionArn }), (error) => {
      assert(error instanceof ConflictException);
      assert.equal(error.message, "Schedule function already exists.");
      return true;
    });
    await assert.rejects(create("x", "rate(10 seconds)", { Arn: FunctionArn }), (error) => {
      assert(error instanceof ValidationException);
      assert.equal(error.message, "Invalid Schedule Expression rate(10 seconds).");
      return true;
    });
    await assert.rejects(
      scheduler.send(new GetScheduleCommand({ Name: "queue" })),
      ResourceNotFoundException,
    );
  } finally {
    await server.stop();
  }
});

test("a schedule whose time came while lambdad was killed runs after the next start", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "lambdad-scheduler-"));
  try {
    const first = await startServer({ dataDir });
    const before = clients(first);
    await before.sqs.send(new CreateQueueCommand({ QueueName: "late" }));
    await before.scheduler.send(
      new CreateScheduleCommand({
        Name: "late",
        // Still to come when the schedule is made, however slow this machine is: one in the past never runs.
        ScheduleExpression: soon(4),
        FlexibleTimeWindow,
        Target: { Arn: queueArn("late"), RoleArn, Input: "late" },
      }),
    );
    process.kill(first.pid, "SIGKILL");
    await until("it is gone", () => !isAlive(first.pid));
    first.child.kill("SIGKILL");
    const second = await startServer({ dataDir });
    const { sqs } = clients(second);
    assert.deepEqual(await received(sqs, `${second.url}/000000000000/late`), ["late"]);
    await second.stop();
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});

const python = (endpoint: string) => `
import boto3, json
from botocore.exceptions import ClientError
s = boto3.client("scheduler", endpoint_url=${JSON.stringify(endpoint)})
group = "boto-" + boto3.__version__
s.create_schedule_group(Name=group, Tags=[{"Key": "team", "Value": "a"}])
make = lambda name, **more: s.create_schedule(Name=name, GroupName=group, ScheduleExpression="cron(0 8 ? * MON-FRI *)",
    ScheduleExpressionTimezone="Europe/Zurich", FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
    Target={"Arn": "${queueArn("x")}", "RoleArn": "${RoleArn}"}, **more)
assert make("a")["ScheduleArn"].endswith(":schedule/%s/a" % group)
make("b", ClientToken="t"); make("b", ClientToken="t")
got = s.get_schedule(Name="a", GroupName=group)
assert got["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}, got
assert [x["Name"] for p in s.get_paginator("list_schedules").paginate(GroupName=group, PaginationConfig={"PageSize": 1}) for x in p["Schedules"]] == ["a", "b"]
errors = []
for act in (lambda: make("a"), lambda: s.get_schedule(Name="no"), lambda: s.delete_schedule_group(Name="default")):
    try:
        act()
    except ClientError as error:
        errors.append([error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Message"]])
s.delete_schedule_group(Name=group)
print(json.dumps({"version": boto3.__version__, "errors": errors}))
`;

test("other clients", async (t) => {
  const server = await startServer();
  try {
    for (const program of allOnPath("python3")) {
      await t.test(`boto3 of ${program}: groups, schedules, pages, tokens, and AWS's codes`, async (it) => {
        if (!works(program, ["-c", 'import boto3; boto3.client("scheduler", "us-east-1")'])) {
          return it.skip(`${program} has no boto3 that knows Scheduler`);
        }
        const printed = await mustRun(program, ["-c", python(server.url)], { env: server.env });
        const { version, errors } = JSON.parse(printed) as Record<string, unknown>;
        console.log(`boto3 ${String(version)}`);
        assert.deepEqual(errors, [
          ["ConflictException", 409, "Schedule a already exists."],
          ["ResourceNotFoundException", 404, "Schedule no does not exist."],
          ["ValidationException", 400, "The default schedule group cannot be deleted."],
        ]);
      });
    }
    for (const cli of allOnPath("aws")) {
      await t.test(`${cli}: a schedule by hand`, async (it) => {
        if (!works(cli, ["scheduler", "help"])) return it.skip(`${cli} does not know Scheduler`);
        const aws = (...args: string[]) =>
          mustRun(cli, ["scheduler", ...args, "--endpoint-url", server.url, "--output", "json"], {
            env: server.env,
          });
        const target = JSON.stringify({ Arn: queueArn("x"), RoleArn });
        const words = ["--name", "hand", "--schedule-expression", "rate(1 day)"];
        await aws("create-schedule", ...words, "--flexible-time-window", "Mode=OFF", "--target", target);
        const shown = JSON.parse(await aws("get-schedule", "--name", "hand")) as Record<string, unknown>;
        assert.equal(shown["State"], "ENABLED");
        await aws("delete-schedule", "--name", "hand");
      });
    }
  } finally {
    await server.stop();
  }
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
