/** EventBridge Scheduler through its operations, on the store in memory and a clock that stands still until it is moved. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimClock } from "../../base/clock-sim.ts";
import { type LogFields, silentLogger } from "../../base/logger.ts";
import { createMetrics } from "../../base/metrics.ts";
import { seededRandom } from "../../base/random.ts";
import type { DeliveredEvent, DeliveryContext } from "../../events/ports.ts";
import { createMemoryState, createMemoryStore } from "../../store/memory/memory-store.ts";
import { AwsError } from "../../wire/aws-error.ts";
import type { Context, Operation, Stop } from "../service.ts";
import { createScheduler } from "./index.ts";

const account = "000000000000";
const region = "us-east-1";
const queue = (name: string) => `arn:aws:sqs:${region}:${account}:${name}`;
const scheduleArn = (name: string, group = "default") =>
  `arn:aws:scheduler:${region}:${account}:schedule/${group}/${name}`;
const RoleArn = `arn:aws:iam::${account}:role/any`;
const off = { FlexibleTimeWindow: { Mode: "OFF" } };
const minute = 60_000;

type Answer = Record<string, unknown>;

interface Sent {
  readonly arn: string;
  readonly body: string;
  readonly atMs: number;
  readonly event: DeliveredEvent;
  readonly ctx: DeliveryContext;
}

function started(state = createMemoryState(), clock = createSimClock()) {
  const store = createMemoryStore(state);
  const sent: Sent[] = [];
  const calls: (readonly unknown[])[] = [];
  const warnings: LogFields[] = [];
  const world = { deliver: async (_arn: string): Promise<void> => {} };
  const scheduler = createScheduler({
    clock,
    store,
    random: seededRandom(state.entries.length + 1),
    logger: { ...silentLogger, warn: (_, fields = {}) => void warnings.push(fields) },
    metrics: createMetrics(),
    services: () => ["sqs", "lambda", "cloudwatch-logs"],
    async deliver(arn, event, ctx) {
      await world.deliver(arn);
      sent.push({ arn, body: Buffer.from(event.body).toString(), atMs: clock.now(), event, ctx });
    },
    async call(...args) {
      calls.push(args);
      return {};
    },
  });
  const ctx = { account, region, identity: { account } } as Context;
  const call = async (name: string, input: object): Promise<Answer> => {
    const operation = scheduler.operations[name as "GetSchedule"] as unknown as Operation<object, object>;
    return (await operation(input, ctx)) as Answer;
  };
  const create = (Name: string, ScheduleExpression: string, more: object = {}, target: object = {}) =>
    call("CreateSchedule", {
      Name,
      ScheduleExpression,
      ...off,
      Target: { Arn: queue("q"), RoleArn, Input: Name, ...target },
      ...more,
    });
  /** When what was sent, in minutes since the start. */
  const minutes = () => sent.map(({ body, atMs }) => [body, (atMs - Date.UTC(2026, 0, 1)) / minute]);
  const starting = scheduler.start?.() as Promise<Stop>;
  const crashed = async () => {
    await starting;
    void store.close();
    return started(state, clock);
  };
  return { clock, state, store, sent, calls, warnings, world, call, create, minutes, starting, crashed };
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => assert.fail("it was not refused"),
    (caught: unknown) => caught,
  );
  assert(error instanceof AwsError, String(error));
  return `${error.code}: ${error.message}`;
}

test("rates run at once and then every period, cron and at on the wall clock of their zone, until the end date", async () => {
  const { clock, create, minutes } = started();
  await create("rate", "rate(10 minutes)", { EndDate: new Date("2026-01-01T00:25:00Z") });
  await create("cron", "cron(30 1 * * ? *)", { ScheduleExpressionTimezone: "Europe/Zurich" });
  await create("at", "at(2026-01-01T00:15:00)");
  await create("past", "at(2025-01-01T00:15:00)");
  await create("later", "rate(1 hour)", { StartDate: new Date("2026-01-01T00:05:00Z") });
  await clock.advance(60 * minute);
  assert.deepEqual(minutes(), [
    ["rate", 0],
    ["later", 5],
    ["rate", 10],
    ["at", 15],
    ["rate", 20],
    ["cron", 30],
  ]);
});

test("without an input a target gets a notification; the detail is a text", async () => {
  const { clock, create, sent } = started();
  await create("s", "at(2026-01-01T00:01:00)", {}, { Input: undefined });
  await clock.advance(minute);
  const event = JSON.parse(sent[0]?.body ?? "") as Answer;
  assert.deepEqual(event, {
    version: "0",
    id: event["id"],
    "detail-type": "Scheduled Event",
    source: "aws.scheduler",
    account,
    time: "2026-01-01T00:01:00Z",
    region,
    resources: [scheduleArn("s")],
    detail: "{}",
  });
  const { principal, sourceArn } = sent[0]?.ctx ?? {};
  assert.deepEqual([principal, sourceArn], ["scheduler.amazonaws.com", scheduleArn("s")]);
});

test("context attributes are filled in; a failed attempt has the next number, and a delivered one ends the run", async () => {
  const { clock, create, sent, world, store } = started();
  const input =
    "<aws.scheduler.attempt-number> <aws.scheduler.schedule-arn> <aws.scheduler.scheduled-time> <aws.x>";
  await create("s", "at(2026-01-01T00:01:00)", {}, { Input: input });
  let failures = 2;
  world.deliver = async () => {
    if (failures-- > 0) throw new AwsError("ThrottlingException", "later");
  };
  await clock.advance(10 * minute);
  assert.deepEqual(
    sent.map(({ body }) => body),
    [`3 ${scheduleArn("s")} 2026-01-01T00:01:00Z <aws.x>`],
  );
  assert.deepEqual(await store.scan({ prefix: "scheduler/execution ", limit: 10 }), []);
});

test("a run that is given up goes to the dead-letter queue as the request that it was", async () => {
  const { clock, create, sent, world } = started();
  const more = { DeadLetterConfig: { Arn: queue("dead") }, RetryPolicy: { MaximumRetryAttempts: 1 } };
  await create("gone", "at(2026-01-01T00:01:00)", {}, more);
  await create("slow", "at(2026-01-01T00:02:00)", {}, { ...more, Arn: queue("slow") });
  world.deliver = async (arn) => {
    const code = "AWS.SimpleQueueService.NonExistentQueue";
    if (arn === queue("q"))
      throw new AwsError("QueueDoesNotExist", "There is no such queue.", { query: { code } });
    if (arn === queue("slow")) throw new AwsError("ThrottlingException", "Slow down.");
  };
  await clock.advance(10 * minute);
  const letters = sent.map(({ body, event }) => {
    const { EXECUTION_ID: id, ...attributes } = Object.fromEntries(
      Object.entries(event.attributes ?? {}).map(([name, { value }]) => [name, value]),
    );
    assert.match(id ?? "", /^[0-9a-f]{16}$/);
    return { body: JSON.parse(body) as unknown, attributes };
  });
  const targetArn = "arn:aws:scheduler:::aws-sdk:sqs:sendMessage";
  const of = (name: string, queueName: string, at: string, attributes: object) => ({
    body: { MessageBody: name, QueueUrl: `https://sqs.${region}.amazonaws.com/${account}/${queueName}` },
    attributes: {
      ...attributes,
      IS_PAYLOAD_TRUNCATED: "false",
      SCHEDULED_TIME: at,
      SCHEDULE_ARN: scheduleArn(name),
      TARGET_ARN: targetArn,
    },
  });
  assert.deepEqual(letters, [
    of("gone", "q", "2026-01-01T00:01:00Z", {
      ERROR_CODE: "AWS.SimpleQueueService.NonExistentQueue",
      ERROR_MESSAGE: "There is no such queue.",
      RETRY_ATTEMPTS: "0",
    }),
    of("slow", "slow", "2026-01-01T00:02:00Z", {
      ERROR_CODE: "ThrottlingException",
      ERROR_MESSAGE: "Slow down.",
      EXHAUSTED_RETRY_CONDITION: "MaximumRetryAttempts",
      RETRY_ATTEMPTS: "1",
    }),
  ]);
});

test("universal targets call the operation, with members named as AWS names them", async () => {
  const { clock, create, calls } = started();
  const arn = (name: string) => `arn:aws:scheduler:::aws-sdk:${name}`;
  const Payload = '{"id":"<aws.scheduler.execution-id>"}';
  await create(
    "a",
    "at(2026-01-01T00:01:00)",
    {},
    {
      Arn: arn("lambda:invoke"),
      Input: JSON.stringify({ FunctionName: "f", Payload }),
    },
  );
  await create(
    "b",
    "at(2026-01-01T00:02:00)",
    {},
    {
      Arn: arn("cloudwatchlogs:putLogEvents"),
      Input: JSON.stringify({
        LogGroupName: "g",
        LogStreamName: "s",
        LogEvents: [{ Timestamp: 1, Message: "m" }],
      }),
    },
  );
  await clock.advance(2 * minute);
  const caller = { account, region, principal: "scheduler.amazonaws.com" };
  const { Payload: sent } = (calls[0]?.[3] ?? {}) as { Payload: Uint8Array };
  assert.deepEqual(calls[0]?.slice(0, 3), [caller, "lambda", "Invoke"]);
  assert.match(Buffer.from(sent).toString(), /^\{"id":"[0-9a-f]{16}"\}$/);
  assert.deepEqual(calls[1], [
    caller,
    "cloudwatch-logs",
    "PutLogEvents",
    { logGroupName: "g", logStreamName: "s", logEvents: [{ timestamp: 1, message: "m" }] },
  ]);
  for (const [name, input, refused] of [
    [
      "sqs:sendMessage",
      '{"MessageBody":"x"}',
      "ValidationException: Invalid RequestJson provided. Reason Request payload is missing the following field(s): QueueUrl.",
    ],
    [
      "sqs:receiveMessage",
      "{}",
      `ValidationException: ${arn("sqs:receiveMessage")} is not supported for a target.`,
    ],
    [
      "sqs:doNothing",
      "{}",
      "UnsupportedOperationException: The target sqs:doNothing is not implemented in lambdad.",
    ],
    [
      "ec2:stopInstances",
      "{}",
      "UnsupportedOperationException: The target ec2:stopInstances is not implemented in lambdad.",
    ],
  ] as const) {
    assert.equal(await refusal(create("x", "rate(1 day)", {}, { Arn: arn(name), Input: input })), refused);
  }
});

test("a bus gets an event with the source and the detail type of its parameters", async () => {
  const { clock, create, sent } = started();
  const bus = `arn:aws:events:${region}:${account}:event-bus/default`;
  const parameters = { EventBridgeParameters: { Source: "mine", DetailType: "Tick" } };
  await create("s", "rate(1 day)", {}, { Arn: bus, Input: '{"n":1}', ...parameters });
  await clock.advance(0);
  assert.equal(sent[0]?.body, '{"n":1}');
  assert.deepEqual(sent[0]?.event.envelope, { source: "mine", detailType: "Tick", resources: [] });
});

test("a run in a flexible window is anywhere in it, for every time anew", async () => {
  const { clock, create, minutes } = started();
  await create("s", "rate(1 hour)", { FlexibleTimeWindow: { Mode: "FLEXIBLE", MaximumWindowInMinutes: 30 } });
  await clock.advance(5 * 60 * minute - 1);
  const delays = minutes().map(([, at], index) => Number(at) - index * 60);
  assert.equal(delays.length, 5);
  assert(delays.every((delay) => delay >= 0 && delay < 30));
  assert.equal(new Set(delays).size, 5);
});

test("a disabled schedule does not run and does not catch up; a changed one runs as it is now", async () => {
  const { clock, call, create, minutes } = started();
  const update = (more: object) =>
    call("UpdateSchedule", {
      Name: "s",
      ScheduleExpression: "rate(10 minutes)",
      ...off,
      Target: { Arn: queue("q"), RoleArn, Input: "new" },
      ...more,
    });
  await create("s", "rate(10 minutes)");
  await clock.advance(minute);
  await update({ State: "DISABLED" });
  await clock.advance(24 * minute);
  await update({});
  await clock.advance(10 * minute);
  await update({ ScheduleExpression: "rate(1 minute)", EndDate: new Date("2026-01-01T00:36:30Z") });
  await clock.advance(10 * minute);
  assert.deepEqual(minutes(), [
    ["s", 0],
    ["new", 30],
    ["new", 35],
    ["new", 36],
  ]);
});

test("a schedule deletes itself after its last run, when it is to, and not before the retries have ended", async () => {
  const { clock, call, create, world } = started();
  await create("gone", "at(2026-01-01T00:01:00)", { ActionAfterCompletion: "DELETE" });
  await create("stays", "at(2026-01-01T00:01:00)");
  await create("ends", "rate(1 minute)", {
    ActionAfterCompletion: "DELETE",
    EndDate: new Date("2026-01-01T00:02:00Z"),
  });
  let isDown = true;
  world.deliver = async () => {
    if (isDown) throw new AwsError("ThrottlingException", "later");
  };
  await clock.advance(3 * minute);
  const names = async () =>
    ((await call("ListSchedules", {}))["Schedules"] as Answer[]).map(({ Name }) => Name);
  assert.deepEqual(await names(), ["ends", "gone", "stays"]);
  isDown = false;
  await clock.advance(10 * minute);
  assert.deepEqual(await names(), ["stays"]);
});

test("E2 runs and times survive crashes; what was missed runs once, for the latest time, and is said", async () => {
  const clock = createSimClock();
  const first = started(createMemoryState(), clock);
  first.world.deliver = () => new Promise(() => {});
  await first.create("often", "rate(5 minutes)");
  await first.create("once", "at(2026-01-01T00:30:00)");
  await clock.advance(0);
  assert.deepEqual(first.sent, []);
  await first.starting;
  void first.store.close();
  await clock.advance(61 * minute + 1);
  const second = started(first.state, clock);
  await clock.advance(0);
  assert.deepEqual(second.sent.map(({ body }) => body).toSorted(), ["often", "often", "once"]);
  assert.deepEqual(second.warnings, [
    { schedule: scheduleArn("often"), first: "2026-01-01T00:05:00Z", latest: "2026-01-01T01:00:00Z" },
    { schedule: scheduleArn("once"), first: "2026-01-01T00:30:00Z", latest: "2026-01-01T00:30:00Z" },
  ]);
  await clock.advance(4 * minute);
  assert.equal(second.sent.length, 4, "and then as planned");
});

test("a group is deleted with its schedules, which no longer run", async () => {
  const { clock, call, create, sent } = started();
  await call("CreateScheduleGroup", { Name: "g", Tags: [{ Key: "k", Value: "v" }] });
  for (let n = 0; n < 3; n += 1) await create(`s${n}`, "cron(0 12 * * ? *)", { GroupName: "g" });
  const arn = `arn:aws:scheduler:${region}:${account}:schedule-group/g`;
  assert.deepEqual(await call("ListTagsForResource", { ResourceArn: arn }), {
    Tags: [{ Key: "k", Value: "v" }],
  });
  await call("DeleteScheduleGroup", { Name: "g" });
  await clock.advance(24 * 60 * minute);
  assert.equal(
    await refusal(call("GetScheduleGroup", { Name: "g" })),
    "ResourceNotFoundException: Schedule group g does not exist.",
  );
  assert.deepEqual(sent, []);
  const groups = (await call("ListScheduleGroups", {}))["ScheduleGroups"] as Answer[];
  assert.deepEqual(
    groups.map(({ Name, State }) => [Name, State]),
    [["default", "ACTIVE"]],
  );
});

test("schedules are shown with AWS's defaults and listed in pages; tokens make creation idempotent", async () => {
  const { call, create } = started();
  for (const name of ["c", "a", "b"])
    await create(name, "rate(1 day)", { State: name === "b" ? "DISABLED" : "ENABLED" });
  const shown = await call("GetSchedule", { Name: "a" });
  assert.deepEqual(shown, {
    Arn: scheduleArn("a"),
    GroupName: "default",
    Name: "a",
    ScheduleExpression: "rate(1 day)",
    ScheduleExpressionTimezone: "UTC",
    State: "ENABLED",
    FlexibleTimeWindow: { Mode: "OFF" },
    ActionAfterCompletion: "NONE",
    Target: {
      Arn: queue("q"),
      RoleArn,
      Input: "a",
      RetryPolicy: { MaximumEventAgeInSeconds: 86_400, MaximumRetryAttempts: 185 },
    },
    CreationDate: new Date(Date.UTC(2026, 0, 1)),
    LastModificationDate: new Date(Date.UTC(2026, 0, 1)),
  });
  const names = (answer: Answer) => (answer["Schedules"] as Answer[]).map(({ Name }) => Name);
  const page = await call("ListSchedules", { MaxResults: 2 });
  assert.deepEqual(names(page), ["a", "b"]);
  const last = await call("ListSchedules", { MaxResults: 2, NextToken: page["NextToken"] });
  assert.deepEqual([names(last), last["NextToken"]], [["c"], undefined]);
  assert.deepEqual(names(await call("ListSchedules", { State: "DISABLED" })), ["b"]);
  assert.deepEqual(names(await call("ListSchedules", { GroupName: "default", NamePrefix: "c" })), ["c"]);

  await create("t", "rate(1 day)", { ClientToken: "one" });
  await create("t", "rate(1 day)", { ClientToken: "one" });
  const again = "ConflictException: Schedule t already exists.";
  assert.equal(await refusal(create("t", "rate(2 days)", { ClientToken: "one" })), again);
  assert.equal(await refusal(create("t", "rate(1 day)", { ClientToken: "two" })), again);
  await call("DeleteSchedule", { Name: "t" });
  assert.equal(
    await refusal(call("DeleteSchedule", { Name: "t" })),
    "ResourceNotFoundException: Schedule t does not exist.",
  );
});

test("what is wrong with a schedule is said in AWS's words", async () => {
  const { create } = started();
  const flexible = (window: object) => ({ FlexibleTimeWindow: window });
  const table: readonly (readonly [expression: string, more: object, target: object, refused: string])[] = [
    ["rate( 10 minutes )", {}, {}, "ValidationException: Invalid Schedule Expression rate( 10 minutes )."],
    ["cron(0 8 * * * *)", {}, {}, "ValidationException: Invalid Schedule Expression cron(0 8 * * * *)."],
    [
      "rate(1 day)",
      { StartDate: new Date("2025-12-31T23:54:00Z") },
      {},
      "ValidationException: The StartDate you specify cannot be earlier than 5 minutes ago.",
    ],
    [
      "rate(1 day)",
      { ScheduleExpressionTimezone: "Europe/Atlantis" },
      {},
      "ValidationException: Invalid Schedule Expression Timezone Europe/Atlantis.",
    ],
    [
      "rate(1 day)",
      flexible({ Mode: "OFF", MaximumWindowInMinutes: 1 }),
      {},
      "ValidationException: MaximumWindowInMinutes must not be provided when FlexibleTimeWindow Mode is OFF.",
    ],
    [
      "rate(1 day)",
      flexible({ Mode: "FLEXIBLE" }),
      {},
      "ValidationException: MaximumWindowInMinutes must be provided when FlexibleTimeWindow Mode is FLEXIBLE.",
    ],
    ["rate(1 day)", {}, { Arn: "nonsense" }, "ValidationException: Provided Arn is not in correct format."],
    [
      "rate(1 day)",
      {},
      { Arn: `arn:aws:states:${region}:${account}:stateMachine:m` },
      `UnsupportedOperationException: Targets of states (arn:aws:states:${region}:${account}:stateMachine:m) are not implemented in lambdad.`,
    ],
    [
      "rate(1 day)",
      {},
      { Arn: `arn:aws:lambda:${region}:${account}:function:f`, Input: "no json" },
      "ValidationException: Invalid RequestJson provided. Reason Input is not valid JSON.",
    ],
    ["rate(1 day)", { GroupName: "no" }, {}, "ResourceNotFoundException: Schedule group no does not exist."],
    [
      "rate(1 day)",
      { KmsKeyArn: "k" },
      {},
      "UnsupportedOperationException: Customer managed keys are not implemented in lambdad.",
    ],
  ];
  for (const [expression, more, target, refused] of table) {
    assert.equal(await refusal(create("x", expression, more, target)), refused);
  }
});
