/** EventBridge through its operations, on the store in memory and a clock that stands still until it is moved. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimClock } from "../../base/clock-sim.ts";
import { type LogFields, silentLogger } from "../../base/logger.ts";
import { createMetrics } from "../../base/metrics.ts";
import { seededRandom } from "../../base/random.ts";
import { NoSuchTarget } from "../../events/deliver.ts";
import type { DeliveredEvent, DeliveryContext } from "../../events/ports.ts";
import { sender, targetSuite, type TargetUnderTest } from "../../events/target.suite.ts";
import { Trail } from "../../events/trail.ts";
import { createMemoryState, createMemoryStore } from "../../store/memory/memory-store.ts";
import { AwsError } from "../../wire/aws-error.ts";
import type { Context, Operation, Stop } from "../service.ts";
import type { HttpRequest } from "./domain/http-request.ts";
import { ForbiddenAddress } from "../../events/outgoing.ts";
import type { HttpAnswer } from "./http-client.ts";
import { createEventBridge } from "./index.ts";

const account = "000000000000";
const region = "us-east-1";
const queue = (name: string) => `arn:aws:sqs:${region}:${account}:${name}`;
const busArn = (name: string, owner = account) => `arn:aws:events:${region}:${owner}:event-bus/${name}`;
const ruleArn = (name: string) => `arn:aws:events:${region}:${account}:rule/${name}`;
const role = `arn:aws:iam::${account}:role/any`;

type Answer = Record<string, unknown>;

interface Sent {
  readonly arn: string;
  readonly body: string;
  readonly event: DeliveredEvent;
  readonly ctx: DeliveryContext;
}

/** Everything around EventBridge played; `state` of an earlier one: a restart after a crash. */
function started(state = createMemoryState(), clock = createSimClock(), sent: Sent[] = []) {
  const store = createMemoryStore(state);
  const requests: HttpRequest[] = [];
  const calls: (readonly [operation: string, input: Record<string, unknown>])[] = [];
  const warnings: LogFields[] = [];
  const world = {
    deliver: async (_arn: string, _event: DeliveredEvent): Promise<void> => {},
    answer: async (_request: HttpRequest): Promise<HttpAnswer> => ({
      status: 200,
      retryAfter: undefined,
      body: "",
    }),
    call: async (_operation: string): Promise<Answer> => ({}),
  };
  const trail = new Trail(clock);
  const eventbridge = createEventBridge({
    clock,
    trail,
    store,
    random: seededRandom(state.entries.length + 1),
    logger: { ...silentLogger, warn: (_, fields = {}) => void warnings.push(fields) },
    metrics: createMetrics(),
    async deliver(arn, event, ctx) {
      await world.deliver(arn, event);
      sent.push({ arn, body: Buffer.from(event.body).toString(), event, ctx });
    },
    async call(_caller, _service, operation, input) {
      calls.push([operation, input as Record<string, unknown>]);
      return world.call(operation);
    },
    async http(request) {
      requests.push(request);
      return world.answer(request);
    },
  });
  const contextOf = (owner: string) => ({ account: owner, region, identity: { account: owner } }) as Context;
  const call = async (name: string, input: object, owner = account): Promise<Answer> => {
    const operation = eventbridge.operations[name as "PutEvents"] as unknown as Operation<object, object>;
    return (await operation(input, contextOf(owner))) as Answer;
  };
  const put = (entry: object = {}, owner = account) =>
    call(
      "PutEvents",
      { Entries: [{ Source: "shop", DetailType: "Order", Detail: '{"n":1}', ...entry }] },
      owner,
    );
  const rule = async (name: string, pattern: object, targets: readonly object[], bus?: string) => {
    const at = bus === undefined ? {} : { EventBusName: bus };
    await call("PutRule", { Name: name, EventPattern: JSON.stringify(pattern), ...at });
    await call("PutTargets", { Rule: name, Targets: targets, ...at });
  };
  const bodies = () => sent.map(({ body }) => body);
  const starting = eventbridge.start?.() as Promise<Stop>;
  const crashed = async () => {
    await starting;
    void store.close();
    return started(state, clock);
  };
  return {
    ...{ clock, state, store, world, sent, requests, calls, warnings },
    ...{ call, put, rule, bodies, starting, crashed, target: eventbridge.target },
  };
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => assert.fail("it was not refused"),
    (caught: unknown) => caught,
  );
  assert(error instanceof AwsError, String(error));
  return `${error.code}: ${error.message}`;
}

const toQueue = (id = "q", more: object = {}) => ({ Id: id, Arn: queue(id), ...more });

test("an event reaches the targets of the rules that match it, in AWS's envelope", async () => {
  const { call, put, rule, sent, clock } = started();
  await rule("orders", { source: ["shop"], detail: { n: [1] } }, [toQueue(), toQueue("second")]);
  await rule("others", { source: ["other"] }, [toQueue("third")]);
  const { FailedEntryCount, Entries } = await put({
    Resources: ["r"],
    Time: new Date("2026-01-02T03:04:05.678Z"),
    Detail: ' { "n": 1,\n "text": "a  b" }',
    TraceHeader: "Root=1-2-3",
  });
  assert.equal(FailedEntryCount, 0);
  await clock.advance(0);
  assert.deepEqual(sent.map(({ arn }) => arn).toSorted(), [queue("q"), queue("second")]);
  const [{ EventId: id } = {}] = Entries as { EventId?: string }[];
  assert.equal(
    sent[0]?.body,
    `{"version":"0","id":"${id}","detail-type":"Order","source":"shop","account":"${account}","time":"2026-01-02T03:04:05Z","region":"us-east-1","resources":["r"],"detail":{"n":1,"text":"a  b"}}`,
  );
  assert.deepEqual(sent[0]?.ctx, {
    account,
    region,
    principal: "events.amazonaws.com",
    sourceArn: ruleArn("orders"),
    traceHeader: "Root=1-2-3",
  });
  await call("DisableRule", { Name: "orders" });
  await put();
  await clock.advance(0);
  assert.equal(sent.length, 2);
});

test("entries are refused one by one, in AWS's words; an unknown bus takes everything and keeps nothing", async () => {
  const { call } = started();
  const good = { Source: "s", DetailType: "d", Detail: "{}" };
  const entries = [
    { ...good, Source: "" },
    { ...good, DetailType: undefined },
    { ...good, Detail: "" },
    { ...good, Detail: '"text"' },
    { ...good, Detail: "[1]" },
    { ...good, Detail: "{" },
    { ...good, Source: "AWS.s3" },
    { ...good, EventBusName: "nowhere" },
    good,
  ];
  const { FailedEntryCount, Entries } = await call("PutEvents", { Entries: entries });
  const argument = (name: string) => ({
    ErrorCode: "InvalidArgument",
    ErrorMessage: `Parameter ${name} is not valid. Reason: ${name} is a required argument.`,
  });
  const malformed = { ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed." };
  assert.equal(FailedEntryCount, 7);
  const results = Entries as Answer[];
  assert.deepEqual(results.slice(0, 7), [
    argument("Source"),
    argument("DetailType"),
    argument("Detail"),
    malformed,
    malformed,
    malformed,
    { ErrorCode: "NotAuthorizedForSourceException", ErrorMessage: "Not authorized for the source." },
  ]);
  assert(results.slice(7).every(({ EventId }) => typeof EventId === "string"));
  const large = { ...good, Detail: JSON.stringify({ x: "x".repeat(600_000) }) };
  assert.equal(
    await refusal(call("PutEvents", { Entries: [large, large] })),
    "ValidationException: Total size of the entries in the request is over the limit.",
  );
});

test("E1 what PutEvents acknowledged is delivered after a crash", async () => {
  const first = started();
  await first.rule("orders", { source: ["shop"] }, [toQueue()]);
  first.world.deliver = () => new Promise(() => {});
  await first.put({ Detail: '{"n":7}' });
  await first.clock.advance(0);
  assert.equal(first.sent.length, 0);
  const second = await first.crashed();
  await second.clock.advance(0);
  assert.match(second.bodies()[0] ?? "", /"detail":\{"n":7\}/);
  const third = await second.crashed();
  await third.clock.advance(60_000);
  assert.deepEqual(third.sent, [], "E2: it is gone");
  assert.deepEqual(await third.store.scan({ prefix: "eventbridge/event ", limit: 10 }), []);
});

test("a target that is throttled gets the event later, and the others do not get it twice", async () => {
  const { world, put, rule, sent, clock } = started();
  await rule("orders", { source: ["shop"] }, [toQueue("good"), toQueue("bad")]);
  let isThrottled = true;
  world.deliver = async (arn) => {
    if (arn === queue("bad") && isThrottled) throw new AwsError("ThrottlingException", "later");
  };
  await put();
  await clock.advance(100);
  assert.deepEqual(
    sent.map(({ arn }) => arn),
    [queue("good")],
  );
  isThrottled = false;
  await clock.advance(60_000);
  assert.deepEqual(
    sent.map(({ arn }) => arn),
    [queue("good"), queue("bad")],
  );
});

for (const [title, retry, error, attributes] of [
  [
    "nothing there",
    {},
    new NoSuchTarget("nobody"),
    { ERROR_CODE: "NO_RESOURCE", ERROR_MESSAGE: "nobody", RETRY_ATTEMPTS: "0" },
  ],
  [
    "no permission",
    {},
    new AwsError("AccessDeniedException", "no", { status: 403 }),
    { ERROR_CODE: "NO_PERMISSIONS", ERROR_MESSAGE: "no", RETRY_ATTEMPTS: "0" },
  ],
  [
    "attempts used up",
    { RetryPolicy: { MaximumRetryAttempts: 2 } },
    new AwsError("ThrottlingException", "slow"),
    {
      ERROR_CODE: "THROTTLING",
      ERROR_MESSAGE: "slow",
      EXHAUSTED_RETRY_CONDITION: "MaximumRetryAttempts",
      RETRY_ATTEMPTS: "2",
    },
  ],
] as const) {
  test(`an event that is given up (${title}) goes to the dead-letter queue as it came, and says why`, async () => {
    const { world, put, rule, sent, clock } = started();
    const target = toQueue("q", {
      InputPath: "$.detail",
      DeadLetterConfig: { Arn: queue("dead") },
      ...retry,
    });
    await rule("orders", { source: ["shop"] }, [target]);
    world.deliver = async (arn) => {
      if (arn === queue("q")) throw error;
    };
    await put();
    await clock.advance(60_000);
    const [dead, ...more] = sent;
    assert.deepEqual(more, []);
    assert.equal(dead?.arn, queue("dead"));
    assert.match(dead.body, /^\{"version":"0",.*"detail":\{"n":1\}\}$/);
    const entries = Object.entries({ RULE_ARN: ruleArn("orders"), TARGET_ARN: queue("q"), ...attributes });
    assert.deepEqual(
      dead.event.attributes,
      Object.fromEntries(entries.map(([name, value]) => [name, { type: "String", value }])),
    );
  });
}

test("an event that is too old is given up for its age", async () => {
  const { world, put, rule, sent, clock } = started();
  const retry = { RetryPolicy: { MaximumEventAgeInSeconds: 60 }, DeadLetterConfig: { Arn: queue("dead") } };
  await rule("orders", { source: ["shop"] }, [toQueue("q", retry)]);
  world.deliver = async (arn) => {
    if (arn === queue("q")) throw new AwsError("InternalError", "broken", { status: 500 });
  };
  await put();
  await clock.advance(120_000);
  assert.equal(sent[0]?.event.attributes?.["EXHAUSTED_RETRY_CONDITION"]?.value, "MaximumEventAgeInSeconds");
});

test("an event goes from bus to bus as it came, across accounts where the policy lets it, and not for ever", async () => {
  const { call, put, rule, sent, clock } = started();
  const other = "111111111111";
  await call("CreateEventBus", { Name: "hub" });
  await rule("to-hub", { source: ["shop"] }, [{ Id: "b", Arn: busArn("hub"), RoleArn: role }]);
  await rule("back", { source: ["shop"] }, [{ Id: "b", Arn: busArn("default"), RoleArn: role }], "hub");
  await rule("from-hub", { source: ["shop"] }, [toQueue()], "hub");
  await put();
  await clock.advance(0);
  await clock.advance(0);
  assert.equal(sent.length, 3, "E5: hops 1, 3 and 5 reach the hub");
  assert.equal(new Set(sent.map(({ body }) => body)).size, 1);

  const refused = await put({ EventBusName: busArn("hub") }, other);
  assert.equal((refused["Entries"] as Answer[])[0]?.["ErrorCode"], "AccessDeniedException");
  await call("PutPermission", {
    EventBusName: "hub",
    Action: "events:PutEvents",
    Principal: other,
    StatementId: "them",
  });
  assert.equal((await put({ EventBusName: busArn("hub") }, other))["FailedEntryCount"], 0);
  const { Policy } = await call("DescribeEventBus", { Name: "hub" });
  assert.deepEqual(JSON.parse(String(Policy)), {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "them",
        Effect: "Allow",
        Principal: { AWS: `arn:aws:iam::${other}:root` },
        Action: "events:PutEvents",
        Resource: busArn("hub"),
      },
    ],
  });
  await call("RemovePermission", { EventBusName: "hub", StatementId: "them" });
  assert.equal((await call("DescribeEventBus", { Name: "hub" }))["Policy"], undefined);
  assert.equal(
    await refusal(call("RemovePermission", { EventBusName: "hub", StatementId: "them" })),
    "ResourceNotFoundException: Statement with the provided id does not exist.",
  );
});

test("a log group gets the event at its time, in a stream that is made when it is needed", async () => {
  const { world, put, rule, calls, clock } = started();
  const arn = `arn:aws:logs:${region}:${account}:log-group:/aws/events/all:*`;
  await rule("log", { source: ["shop"] }, [{ Id: "l", Arn: arn }]);
  let hasStream = false;
  world.call = async (operation) => {
    if (operation === "CreateLogStream") hasStream = true;
    else if (!hasStream) throw new AwsError("ResourceNotFoundException", "no stream");
    return {};
  };
  await put({ Time: new Date("2026-01-01T00:00:00Z") });
  await clock.advance(0);
  assert.deepEqual(
    calls.map(([operation]) => operation),
    ["PutLogEvents", "CreateLogStream", "PutLogEvents"],
  );
  const input = calls[2]?.[1] ?? {};
  assert.equal(input["logGroupName"], "/aws/events/all");
  const [event] = input["logEvents"] as { timestamp: number; message: string }[];
  assert.equal(event?.timestamp, Date.UTC(2026, 0, 1));
  assert.match(event?.message ?? "", /"source":"shop"/);
});

test("scheduled rules: rates count from their making, cron is in UTC, what was missed runs once", async () => {
  const { call, sent, bodies, clock, crashed } = started();
  await call("PutRule", { Name: "often", ScheduleExpression: "rate(5 minutes)" });
  await call("PutTargets", { Rule: "often", Targets: [toQueue("often")] });
  await call("PutRule", { Name: "daily", ScheduleExpression: "cron(0 12 * * ? *)" });
  await call("PutTargets", { Rule: "daily", Targets: [toQueue("daily", { Input: '{"constant":1}' })] });
  await clock.advance(5 * 60_000 - 1);
  assert.deepEqual(sent, []);
  await clock.advance(1);
  const event = JSON.parse(bodies()[0] ?? "") as Answer;
  assert.deepEqual(event, {
    version: "0",
    id: event["id"],
    "detail-type": "Scheduled Event",
    source: "aws.events",
    account,
    time: "2026-01-01T00:05:00Z",
    region,
    resources: [ruleArn("often")],
    detail: {},
  });
  await call("DisableRule", { Name: "often" });
  await clock.advance(12 * 3_600_000);
  assert.deepEqual(bodies().slice(1), ['{"constant":1}']);
  await call("EnableRule", { Name: "often" });
  const second = await crashed();
  await second.clock.advance(5 * 60_000 - 1);
  assert.deepEqual(second.sent, []);
  await second.clock.advance(1);
  assert.equal(second.sent.length, 1, "a rate counts from when its rule was enabled");
  await second.call("RemoveTargets", { Rule: "often", Ids: ["often"] });
  await second.call("DeleteRule", { Name: "often" });
  await second.clock.advance(3_600_000);
  assert.equal(second.sent.length, 1);
});

test("a schedule that was missed while lambdad was down runs once, for the latest time, and says so", async () => {
  const clock = createSimClock();
  const first = started(createMemoryState(), clock);
  await first.call("PutRule", { Name: "often", ScheduleExpression: "rate(5 minutes)" });
  await first.call("PutTargets", { Rule: "often", Targets: [toQueue("often")] });
  await first.starting;
  const { state } = first;
  void first.store.close();
  await clock.advance(3_600_000 + 61_000);
  const second = started(state, clock);
  await second.clock.advance(0);
  assert.equal(second.sent.length, 1);
  assert.match(second.bodies()[0] ?? "", /"time":"2026-01-01T01:00:00Z"/);
  assert.deepEqual(second.warnings, [
    { rule: ruleArn("often"), first: "2026-01-01T00:05:00Z", latest: "2026-01-01T01:00:00Z" },
  ]);
  await second.clock.advance(4 * 60_000);
  assert.equal(second.sent.length, 2, "and then it goes on as planned");
});

test("an archive keeps what matches, and a replay sends it again once, marked, in its window and to its rules", async () => {
  const { call, put, rule, bodies, sent, clock } = started();
  await call("CreateArchive", {
    ArchiveName: "all",
    EventSourceArn: busArn("default"),
    EventPattern: '{"source":["shop"]}',
  });
  await rule("one", { source: ["shop"] }, [toQueue("one")]);
  await rule("two", { source: ["shop"] }, [toQueue("two")]);
  for (const hour of [1, 2, 3]) {
    await put({ Time: new Date(Date.UTC(2026, 0, 1, hour)), Detail: `{"hour":${hour}}` });
  }
  await put({ Source: "other" });
  await clock.advance(0);
  const archive = await call("DescribeArchive", { ArchiveName: "all" });
  assert.equal(archive["EventCount"], 3);
  assert(Number(archive["SizeBytes"]) > 300);
  assert.deepEqual(
    ((await call("ListRules", {}))["Rules"] as Answer[]).map(({ Name }) => Name),
    ["Events-Archive-all", "one", "two"],
  );
  sent.length = 0;
  const replayed = await call("StartReplay", {
    ReplayName: "again",
    EventSourceArn: archive["ArchiveArn"],
    EventStartTime: new Date(Date.UTC(2026, 0, 1, 2)),
    EventEndTime: new Date(Date.UTC(2026, 0, 1, 3)),
    Destination: { Arn: busArn("default"), FilterArns: [ruleArn("two")] },
  });
  assert.equal(replayed["State"], "STARTING");
  await clock.advance(1000);
  assert.deepEqual(
    sent.map(({ arn }) => arn),
    [queue("two")],
  );
  assert.match(
    bodies()[0] ?? "",
    /"region":"us-east-1","replay-name":"again","resources":\[\],"detail":\{"hour":2\}\}$/,
  );
  const done = await call("DescribeReplay", { ReplayName: "again" });
  assert.equal(done["State"], "COMPLETED");
  assert.deepEqual(done["EventLastReplayedTime"], new Date(Date.UTC(2026, 0, 1, 2)));
  assert.equal(
    (await call("DescribeArchive", { ArchiveName: "all" }))["EventCount"],
    3,
    "not archived again",
  );
  assert.match(
    await refusal(call("CancelReplay", { ReplayName: "again" })),
    /^IllegalStatusException: Replay again is not in a valid state/,
  );
});

test("E2 a replay that a crash interrupts goes on where it was: every event once more than before", async () => {
  const first = started();
  await first.call("CreateArchive", { ArchiveName: "all", EventSourceArn: busArn("default") });
  for (let n = 0; n < 50; n += 1)
    await first.put({ Detail: `{"n":${n}}`, Time: new Date(1_767_000_000_000 + n * 1000) });
  await first.rule("one", { source: ["shop"] }, [toQueue("one")]);
  await first.call("StartReplay", {
    ReplayName: "again",
    EventSourceArn: `arn:aws:events:${region}:${account}:archive/all`,
    EventStartTime: new Date(0),
    EventEndTime: new Date(Date.UTC(2030, 0, 1)),
    Destination: { Arn: busArn("default") },
  });
  let taken = 0;
  first.world.deliver = () => (taken++ < 10 ? Promise.resolve() : new Promise(() => {}));
  await first.clock.advance(0);
  const second = await first.crashed();
  await second.clock.advance(10_000);
  const seen = new Map<string, number>();
  for (const { body } of [...first.sent, ...second.sent]) {
    const n = /"n":(\d+)/.exec(body)?.[1] ?? "";
    seen.set(n, (seen.get(n) ?? 0) + 1);
  }
  assert.equal(seen.size, 50);
  assert.equal((await second.call("DescribeReplay", { ReplayName: "again" }))["State"], "COMPLETED");
});

test("archives forget what is older than their retention", async () => {
  const { call, put, clock, starting } = started();
  await starting;
  await call("CreateArchive", { ArchiveName: "all", EventSourceArn: busArn("default"), RetentionDays: 1 });
  await put();
  await clock.advance(23 * 3_600_000);
  assert.equal((await call("DescribeArchive", { ArchiveName: "all" }))["EventCount"], 1);
  await clock.advance(3 * 3_600_000);
  const { EventCount, SizeBytes } = await call("DescribeArchive", { ArchiveName: "all" });
  assert.deepEqual([EventCount, SizeBytes], [0, 0]);
});

test("an API destination is called with its connection's authorization, and nobody is shown the secret", async () => {
  const { call, put, rule, requests, world, clock, sent } = started();
  const { ConnectionArn } = await call("CreateConnection", {
    Name: "shop",
    AuthorizationType: "API_KEY",
    AuthParameters: {
      ApiKeyAuthParameters: { ApiKeyName: "X-Key", ApiKeyValue: "secret" },
      InvocationHttpParameters: {
        HeaderParameters: [{ Key: "X-Hidden", Value: "hidden", IsValueSecret: true }],
        BodyParameters: [{ Key: "added", Value: "yes", IsValueSecret: false }],
      },
    },
  });
  const shown = JSON.stringify(await call("DescribeConnection", { Name: "shop" }));
  assert(!shown.includes('"secret"') && !shown.includes('"hidden"') && shown.includes("X-Key"));
  const { ApiDestinationArn } = await call("CreateApiDestination", {
    Name: "hook",
    ConnectionArn,
    HttpMethod: "POST",
    InvocationEndpoint: "https://example.com/orders/*",
  });
  const target = {
    Id: "h",
    Arn: ApiDestinationArn,
    RoleArn: role,
    InputPath: "$.detail",
    HttpParameters: {
      PathParameterValues: ["$.detail.n"],
      HeaderParameters: { "X-Source": "$.source" },
      QueryStringParameters: { fixed: "a b" },
    },
    DeadLetterConfig: { Arn: queue("dead") },
  };
  await rule("hooks", { source: ["shop"] }, [target]);
  const statuses = [503, 200, 400];
  world.answer = async () => ({ status: statuses.shift() ?? 200, retryAfter: undefined, body: "" });
  await put();
  await clock.advance(10_000);
  assert.equal(requests.length, 2, "a 503 is tried again");
  const [request] = requests;
  assert.equal(request?.url.href, "https://example.com/orders/1?fixed=a+b");
  assert.equal(Buffer.from(request.body).toString(), '{"n":1,"added":"yes"}');
  const { "x-key": key, "x-hidden": hidden, "x-source": source, "user-agent": agent } = request.headers;
  assert.deepEqual(
    [key, hidden, source, agent],
    ["secret", "hidden", "shop", "Amazon/EventBridge/ApiDestinations"],
  );
  await put();
  await clock.advance(10_000);
  assert.equal(requests.length, 3, "a 400 is not");
  assert.equal(sent[0]?.event.attributes?.["ERROR_CODE"]?.value, "SDK_CLIENT_ERROR");
});

test("OAuth: a token is fetched once, used until it is refused, and then fetched anew", async () => {
  const { call, put, rule, requests, world, clock } = started();
  const { ConnectionArn } = await call("CreateConnection", {
    Name: "oauth",
    AuthorizationType: "OAUTH_CLIENT_CREDENTIALS",
    AuthParameters: {
      OAuthParameters: {
        ClientParameters: { ClientID: "id", ClientSecret: "secret" },
        AuthorizationEndpoint: "https://login.example.com/token",
        HttpMethod: "POST",
      },
    },
  });
  const { ApiDestinationArn } = await call("CreateApiDestination", {
    Name: "hook",
    ConnectionArn,
    HttpMethod: "POST",
    InvocationEndpoint: "https://example.com/",
  });
  await rule("hooks", { source: ["shop"] }, [{ Id: "h", Arn: ApiDestinationArn, RoleArn: role }]);
  let token = 0;
  world.answer = async ({ url, headers }) => {
    const answer = { retryAfter: undefined, body: "" };
    if (url.host === "login.example.com") {
      token += 1;
      return {
        ...answer,
        status: 200,
        body: JSON.stringify({ access_token: `t${token}`, expires_in: 3600 }),
      };
    }
    return { ...answer, status: headers["authorization"] === "Bearer t1" && requests.length > 3 ? 401 : 200 };
  };
  const hosts = () => requests.map(({ url }) => url.host);
  for (let n = 0; n < 3; n += 1) {
    await put();
    await clock.advance(10_000);
  }
  const login = "login.example.com";
  const hook = "example.com";
  assert.deepEqual(hosts(), [login, hook, hook, hook, login, hook]);
  assert.equal(
    Buffer.from(requests[0]?.body ?? []).toString(),
    "grant_type=client_credentials&client_id=id&client_secret=secret",
  );
  assert.equal(requests.at(-1)?.headers["authorization"], "Bearer t2");
});

test("a destination, or its authorization server, at a forbidden address is given up at once", async () => {
  const { call, put, rule, requests, world, clock, warnings } = started();
  const { ConnectionArn } = await call("CreateConnection", {
    Name: "thief",
    AuthorizationType: "OAUTH_CLIENT_CREDENTIALS",
    AuthParameters: {
      OAuthParameters: {
        ClientParameters: { ClientID: "id", ClientSecret: "secret" },
        AuthorizationEndpoint: "http://metadata.example/token",
        HttpMethod: "GET",
        OAuthHttpParameters: { HeaderParameters: [{ Key: "Metadata-Flavor", Value: "Google" }] },
      },
    },
  });
  const { ApiDestinationArn } = await call("CreateApiDestination", {
    Name: "hook",
    ConnectionArn,
    HttpMethod: "POST",
    InvocationEndpoint: "https://example.com/",
  });
  await rule("hooks", { source: ["shop"] }, [{ Id: "h", Arn: ApiDestinationArn, RoleArn: role }]);
  world.answer = ({ url }) => Promise.reject(new ForbiddenAddress(url.hostname));
  await put();
  await clock.advance(3_600_000);
  assert.deepEqual(
    requests.map(({ url }) => url.host),
    ["metadata.example"],
  );
  assert.equal(warnings.length, 1);
  assert.match(JSON.stringify(warnings), /sends no requests to metadata\.example/);
  assert.doesNotMatch(JSON.stringify(warnings), /secret/);
});

test("no more calls a second go to a destination than it allows", async () => {
  const { call, put, rule, requests, clock } = started();
  const { ConnectionArn } = await call("CreateConnection", {
    Name: "basic",
    AuthorizationType: "BASIC",
    AuthParameters: { BasicAuthParameters: { Username: "u", Password: "p" } },
  });
  const { ApiDestinationArn } = await call("CreateApiDestination", {
    Name: "hook",
    ConnectionArn,
    HttpMethod: "POST",
    InvocationEndpoint: "https://example.com/",
    InvocationRateLimitPerSecond: 2,
  });
  await rule("hooks", { source: ["shop"] }, [{ Id: "h", Arn: ApiDestinationArn, RoleArn: role }]);
  for (let n = 0; n < 5; n += 1) await put();
  await clock.advance(999);
  assert.equal(requests.length, 2);
  await clock.advance(1001);
  assert.equal(requests.length, 5);
  for (let n = 0; n < 40; n += 1) await put();
  await clock.advance(10_000);
  const calls = requests.slice(5).length;
  assert(calls >= 19 && calls <= 21, `${calls} calls in ten seconds more`);
  await clock.advance(20_000);
  assert.equal(requests.length, 45, "waiting for a turn uses up no attempts");
  assert.equal(requests[0]?.headers["authorization"], `Basic ${Buffer.from("u:p").toString("base64")}`);
});

test("rules, targets, archives and the rest refuse in AWS's words", async () => {
  const { call, rule } = started();
  await call("CreateEventBus", { Name: "hub" });
  await rule("orders", { source: ["shop"] }, [toQueue()]);
  await call("CreateArchive", { ArchiveName: "all", EventSourceArn: busArn("default") });
  const targets = (...some: object[]) => ({ Rule: "orders", Targets: some });
  const template = { InputTemplate: '{"a":<b>}', InputPathsMap: { c: "$.c" } };
  const replay = {
    ReplayName: "r",
    EventSourceArn: `arn:aws:events:${region}:${account}:archive/all`,
    EventStartTime: new Date(0),
    EventEndTime: new Date(1000),
    Destination: { Arn: busArn("default") },
  };
  const table: readonly (readonly [operation: string, input: object, refused: string])[] = [
    ["CreateEventBus", { Name: "hub" }, "ResourceAlreadyExistsException: Event bus hub already exists."],
    [
      "CreateEventBus",
      { Name: "default" },
      "ResourceAlreadyExistsException: Event bus default already exists.",
    ],
    ["DeleteEventBus", { Name: "default" }, "ValidationException: Cannot delete event bus default."],
    ["DescribeEventBus", { Name: "no" }, "ResourceNotFoundException: Event bus no does not exist."],
    [
      "PutRule",
      { Name: "r" },
      "ValidationException: Parameter(s) EventPattern or ScheduleExpression must be specified.",
    ],
    [
      "PutRule",
      { Name: "r", ScheduleExpression: "rate(1 minute)", EventBusName: "hub" },
      "ValidationException: ScheduleExpression is supported only on the default event bus.",
    ],
    [
      "PutRule",
      { Name: "r", ScheduleExpression: "rate(1 minutes)" },
      "ValidationException: Parameter ScheduleExpression is not valid.",
    ],
    [
      "PutRule",
      { Name: "r", EventPattern: '{"a":[{"cidr":"x/8"}]}' },
      "InvalidEventPatternException: Event pattern is not valid. Reason: Nonstandard IP address: x",
    ],
    [
      "DescribeRule",
      { Name: "no" },
      "ResourceNotFoundException: Rule no does not exist on EventBus default.",
    ],
    ["EnableRule", { Name: "no" }, "ResourceNotFoundException: Rule no does not exist on EventBus default."],
    ["DeleteRule", { Name: "orders" }, "ValidationException: Rule can't be deleted since it has targets."],
    [
      "DeleteRule",
      { Name: "Events-Archive-all" },
      "ManagedRuleException: Rule Events-Archive-all is managed by an AWS service can only be modified by that service.",
    ],
    [
      "ListTargetsByRule",
      { Rule: "no" },
      "ResourceNotFoundException: Rule no does not exist on EventBus default.",
    ],
    [
      "PutTargets",
      targets({ Id: "x", Arn: "nonsense" }),
      "ValidationException: Parameter x is not valid. Reason: Provided Arn is not in correct format.",
    ],
    [
      "PutTargets",
      targets({ Id: "x", Arn: `arn:aws:kinesis:${region}:${account}:stream/s` }),
      `UnsupportedOperationException: Targets of kinesis (arn:aws:kinesis:${region}:${account}:stream/s) are not implemented in lambdad.`,
    ],
    [
      "PutTargets",
      targets({ Id: "x", Arn: busArn("hub") }),
      `ValidationException: RoleArn is required for target ${busArn("hub")}.`,
    ],
    [
      "PutTargets",
      targets(toQueue("x.fifo")),
      "ValidationException: Parameter(s) SqsParameters must be specified for target: x.fifo.",
    ],
    [
      "PutTargets",
      targets(toQueue("x", { Input: "{}", InputPath: "$" })),
      "ValidationException: Only one of Input, InputPath, or InputTransformer must be provided for target x.",
    ],
    [
      "PutTargets",
      targets(toQueue("x", { InputTransformer: template })),
      "ValidationException: InputTemplate for target x contains invalid placeholder b.",
    ],
    [
      "PutTargets",
      targets(...["1", "2", "3", "4", "5"].map((id) => toQueue(id))),
      "LimitExceededException: The requested resource exceeds the maximum number allowed.",
    ],
    [
      "TestEventPattern",
      { EventPattern: '{"a":[1]}', Event: "[]" },
      "ValidationException: Parameter Event is not valid.",
    ],
    [
      "CreateArchive",
      { ArchiveName: "all", EventSourceArn: busArn("default") },
      "ResourceAlreadyExistsException: Archive all already exists.",
    ],
    ["DeleteArchive", { ArchiveName: "no" }, "ResourceNotFoundException: Archive no does not exist."],
    [
      "UpdateArchive",
      { ArchiveName: "no" },
      "ValidationException: At least one of EventPattern, RetentionDays or Description must be provided.",
    ],
    [
      "StartReplay",
      { ...replay, EventSourceArn: `arn:aws:events:${region}:${account}:archive/no` },
      "ValidationException: Parameter EventSourceArn is not valid. Reason: Archive no does not exist.",
    ],
    [
      "StartReplay",
      { ...replay, Destination: { Arn: busArn("hub") } },
      "ValidationException: Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.",
    ],
    [
      "StartReplay",
      { ...replay, EventEndTime: new Date(0) },
      "ValidationException: Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.",
    ],
    ["DescribeReplay", { ReplayName: "no" }, "ResourceNotFoundException: Replay no does not exist."],
    [
      "DescribeConnection",
      { Name: "no" },
      "ResourceNotFoundException: Failed to describe the connection(s). Connection 'no' does not exist.",
    ],
    [
      "DescribeApiDestination",
      { Name: "no" },
      "ResourceNotFoundException: Failed to describe the api-destination(s). An api-destination 'no' does not exist.",
    ],
    [
      "TagResource",
      { ResourceARN: ruleArn("no"), Tags: [] },
      "ResourceNotFoundException: Rule no does not exist on EventBus default.",
    ],
    ["ListRules", { NextToken: "!" }, "ValidationException: Parameter NextToken is not valid."],
  ];
  for (const [operation, input, refused] of table) {
    assert.equal(await refusal(call(operation, input)), refused, `${operation} ${JSON.stringify(input)}`);
  }
  await call("DeleteEventBus", { Name: "never" });
  await call("DeleteRule", { Name: "never" });
});

test("PutRule replaces a rule but for its targets and tags; lists come in pages, in the order of names", async () => {
  const { call, rule } = started();
  await call("PutRule", {
    Name: "a",
    EventPattern: '{"source": ["x"]}',
    State: "DISABLED",
    Description: "d",
    Tags: [{ Key: "k", Value: "v" }],
  });
  await call("PutTargets", { Rule: "a", Targets: [toQueue()] });
  await call("PutRule", {
    Name: "a",
    EventPattern: '{"source": ["y"]}',
    Tags: [{ Key: "other", Value: "v" }],
  });
  assert.deepEqual(await call("DescribeRule", { Name: "a" }), {
    Name: "a",
    Arn: ruleArn("a"),
    EventPattern: '{"source": ["y"]}',
    State: "ENABLED",
    EventBusName: "default",
    CreatedBy: account,
  });
  assert.deepEqual(await call("ListTargetsByRule", { Rule: "a" }), { Targets: [toQueue()] });
  assert.deepEqual(await call("ListTagsForResource", { ResourceARN: ruleArn("a") }), {
    Tags: [{ Key: "k", Value: "v" }],
  });
  await rule("c", { source: ["x"] }, [toQueue()]);
  await rule("b", { source: ["x"] }, [toQueue("else")]);
  const page = await call("ListRules", { Limit: 2 });
  const names = (answer: Answer) => (answer["Rules"] as Answer[]).map(({ Name }) => Name);
  assert.deepEqual(names(page), ["a", "b"]);
  assert.deepEqual(names(await call("ListRules", { Limit: 2, NextToken: page["NextToken"] })), ["c"]);
  assert.deepEqual(await call("ListRuleNamesByTarget", { TargetArn: queue("q") }), { RuleNames: ["a", "c"] });
  assert.deepEqual(await call("RemoveTargets", { Rule: "a", Ids: ["q", "none"] }), {
    FailedEntryCount: 1,
    FailedEntries: [
      {
        TargetId: "none",
        ErrorCode: "ResourceNotFoundException",
        ErrorMessage: "Rule a does not have a target with the Id none.",
      },
    ],
  });
});

/** Services of the bus's own account need no permission; those of others do. */
const strangers = [{ ...sender, account: "111111111111" }];

function underTest(stage: ReturnType<typeof started>): TargetUnderTest {
  return {
    target: stage.target,
    arn: busArn("default"),
    missingArn: busArn("nowhere"),
    strangers,
    async arrived() {
      await stage.clock.advance(0);
      const events = stage.bodies().map((body) => JSON.parse(body) as { id: string; detail: object });
      // Rules deliver at least once: after a crash perhaps twice.
      const byId = new Map(events.map(({ id, detail }) => [id, JSON.stringify(detail)]));
      return [...byId.values()];
    },
    async crashed() {
      await stage.starting;
      void stage.store.close();
      return underTest(started(stage.state, stage.clock, stage.sent));
    },
  };
}

targetSuite("event bus", async () => {
  const stage = started();
  await stage.rule("uploads", { source: ["aws.s3"] }, [toQueue()]);
  return underTest(stage);
});
