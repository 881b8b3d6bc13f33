/**
 * SNS through its operations, on the store in memory and a clock that stands still until it is moved. Queues and functions
 * are stood in for by `deliver`, endpoints by `post`.
 */
import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { test } from "node:test";
import { createSimClock } from "../../base/clock-sim.ts";
import { silentLogger } from "../../base/logger.ts";
import { createMetrics } from "../../base/metrics.ts";
import { seededRandom } from "../../base/random.ts";
import type { DeliveredEvent, DeliveryContext } from "../../events/ports.ts";
import { outboxMessagesMax } from "../../limits.ts";
import { Trail } from "../../events/trail.ts";
import { createMemoryState, createMemoryStore } from "../../store/memory/memory-store.ts";
import { AwsError } from "../../wire/aws-error.ts";
import { until } from "../../../test/harness/wait.ts";
import type { Context, Operation } from "../service.ts";
import { ForbiddenAddress } from "../../events/outgoing.ts";
import type { PostOrder } from "./http-post.ts";
import { createSns } from "./index.ts";
import type { Mail } from "./store.ts";

const account = "000000000000";
const arnOf = (name: string) => `arn:aws:sns:us-east-1:${account}:${name}`;
const queueArn = (name: string) => `arn:aws:sqs:us-east-1:${account}:${name}`;

type Answer = Record<string, unknown> & { SubscriptionArn?: string; Attributes?: Record<string, string> };

interface Delivered {
  readonly to: string;
  readonly event: DeliveredEvent;
  readonly ctx: DeliveryContext;
}

function started(state = createMemoryState(), clock = createSimClock()) {
  const store = createMemoryStore(state);
  const random = seededRandom(state.entries.length + 1);
  const delivered: Delivered[] = [];
  const posts: PostOrder[] = [];
  /** What stands in for the others does; it may be changed. */
  const world = {
    deliver: (_to: string, _event: DeliveredEvent): Promise<void> => Promise.resolve(),
    post: (_order: PostOrder): Promise<number> => Promise.resolve(200),
  };
  const metrics = createMetrics();
  const sns = createSns({
    clock,
    random,
    store,
    logger: silentLogger,
    metrics,
    trail: new Trail(clock),
    deliver: async (to, event, ctx) => {
      await world.deliver(to, event);
      delivered.push({ to, event, ctx });
    },
    post: (order) => {
      posts.push(order);
      return world.post(order);
    },
    urls: { everywhere: () => "http://outside", functions: () => "http://inside" },
  });
  const identity = { account, principalArn: `arn:aws:iam::${account}:root`, signed: "header" };
  const ctx = { account, region: "us-east-1", identity } as Context;
  const call = async (name: string, input: object = {}, caller: Partial<Context> = {}): Promise<Answer> => {
    const operation = sns.operations[name as "Publish"] as unknown as Operation<object, object>;
    return (await operation(input, { ...ctx, ...caller })) as Answer;
  };
  const create = async (name: string, Attributes: Record<string, string> = {}) => {
    await call("CreateTopic", { Name: name, Attributes });
    return arnOf(name);
  };
  const subscribe = async (TopicArn: string, Protocol: string, Endpoint: string, Attributes: object = {}) =>
    (await call("Subscribe", { TopicArn, Protocol, Endpoint, Attributes, ReturnSubscriptionArn: true }))
      .SubscriptionArn ?? "";
  const publish = (TopicArn: string, Message: string, more: object = {}) =>
    call("Publish", { TopicArn, Message, ...more });
  const attributes = async (SubscriptionArn: string) =>
    (await call("GetSubscriptionAttributes", { SubscriptionArn })).Attributes ?? {};
  /** Lets everything happen that does not wait for the clock. */
  const settled = () => clock.advance(0);
  const bodies = () => delivered.map(({ event }) => Buffer.from(event.body).toString());
  const counter = (name: string) =>
    Number(new RegExp(`^lambdad_sns_${name} (.*)$`, "m").exec(metrics.render())?.[1]);
  /** What a crash leaves: the store's state and nothing else. */
  const crashed = () => {
    void store.close();
    return started(state, clock);
  };
  return {
    ...{ sns, clock, state, world, delivered, posts, call, create, subscribe, publish, attributes, settled },
    ...{ bodies, counter, crashed },
  };
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => assert.fail("it was not refused"),
    (caught: unknown) => caught,
  );
  assert(error instanceof AwsError, String(error));
  return `${error.code.replace(/Exception$/, "")}: ${error.message}`;
}

interface Shown {
  readonly Type: string;
  readonly Token: string;
  readonly Message: string;
  readonly Signature: string;
  readonly SigningCertURL: string;
  readonly SubscribeURL: string;
  readonly MessageId: string;
  readonly [name: string]: unknown;
}
const envelope = (text = ""): Shown => JSON.parse(text) as Shown;

test("a topic is made once, shown with AWS's defaults, changed, listed, deleted", async () => {
  const { call, create } = started();
  const arn = await create("news", { DisplayName: "News" });
  assert.equal((await call("CreateTopic", { Name: "news" }))["TopicArn"], arn);
  assert.equal(
    (await call("CreateTopic", { Name: "news", Attributes: { DisplayName: "News" } }))["TopicArn"],
    arn,
  );
  const { Attributes = {} } = await call("GetTopicAttributes", { TopicArn: arn });
  assert.deepEqual(Object.keys(Attributes).toSorted(), [
    "DisplayName",
    "EffectiveDeliveryPolicy",
    "Owner",
    "Policy",
    "SubscriptionsConfirmed",
    "SubscriptionsDeleted",
    "SubscriptionsPending",
    "TopicArn",
  ]);
  assert.equal(Attributes["DisplayName"], "News");
  await call("SetTopicAttributes", { TopicArn: arn, AttributeName: "SignatureVersion", AttributeValue: "2" });
  const changed = (await call("GetTopicAttributes", { TopicArn: arn })).Attributes;
  assert.equal(changed?.["SignatureVersion"], "2");
  for (let at = 0; at < 101; at += 1) await create(`t-${String(at).padStart(3, "0")}`);
  const first = await call("ListTopics");
  const rest = await call("ListTopics", { NextToken: first["NextToken"] });
  assert.deepEqual([(first["Topics"] as object[]).length, (rest["Topics"] as object[]).length], [100, 2]);
  assert.equal(rest["NextToken"], undefined);
  await call("DeleteTopic", { TopicArn: arn });
  await call("DeleteTopic", { TopicArn: arn });
  assert.equal(
    await refusal(call("GetTopicAttributes", { TopicArn: arn })),
    "NotFound: Topic does not exist",
  );
});

const badTopics: readonly (readonly [object, string])[] = [
  [{ Name: "a b" }, "InvalidParameter: Invalid parameter: Topic Name"],
  [{ Name: "x".repeat(257) }, "InvalidParameter: Invalid parameter: Topic Name"],
  [{ Name: "x.fifo" }, "InvalidParameter: Invalid parameter: Topic Name"],
  [{ Name: "x", Attributes: { FifoTopic: "true" } }, "InvalidParameter: Invalid parameter: Topic Name"],
  [
    { Name: "there", Attributes: { DisplayName: "other" } },
    "InvalidParameter: Invalid parameter: Attributes Reason: Topic already exists with different attributes",
  ],
  [
    { Name: "there", Tags: [{ Key: "a", Value: "b" }] },
    "InvalidParameter: Invalid parameter: Tags Reason: Topic already exists with different tags",
  ],
  [
    {
      Name: "x",
      Tags: [
        { Key: "a", Value: "b" },
        { Key: "a", Value: "c" },
      ],
    },
    "InvalidParameter: Invalid parameter: Duplicated keys are not allowed.",
  ],
  [{ Name: "x", Attributes: { Nonsense: "1" } }, "InvalidParameter: Invalid parameter: AttributeName"],
  [
    { Name: "x", Attributes: { ContentBasedDeduplication: "true" } },
    "InvalidParameter: Invalid parameter: AttributeName",
  ],
  [
    { Name: "x", Attributes: { KmsMasterKeyId: "alias/aws/sns" } },
    "UnsupportedOperation: The topic attribute KmsMasterKeyId is not implemented in lambdad.",
  ],
  [
    { Name: "x", Attributes: { LambdaFailureFeedbackRoleArn: "arn" } },
    "UnsupportedOperation: The topic attribute LambdaFailureFeedbackRoleArn is not implemented in lambdad.",
  ],
  [
    { Name: "x", Attributes: { SQSSuccessFeedbackSampleRate: "101" } },
    "InvalidParameter: Invalid parameter: SQSSuccessFeedbackSampleRate",
  ],
  [
    { Name: "x", Attributes: { Policy: '{"Statement":{"NotAction":"*"}}' } },
    "InvalidParameter: Invalid parameter: Policy Error: NotAction is not evaluated",
  ],
];

test("how much of a log is kept that no role can write may be set", async () => {
  const { call, create } = started();
  const arn = await create("t");
  const given = { AttributeName: "SQSSuccessFeedbackSampleRate", AttributeValue: "0" };
  await call("SetTopicAttributes", { TopicArn: arn, ...given });
  await call("SetTopicAttributes", {
    TopicArn: arn,
    AttributeName: "SQSSuccessFeedbackRoleArn",
    AttributeValue: "",
  });
  const { Attributes } = await call("GetTopicAttributes", { TopicArn: arn });
  assert.equal(Attributes?.["SQSSuccessFeedbackSampleRate"], "0");
});

for (const [input, text] of badTopics) {
  test(`refused: a topic with ${JSON.stringify(input).slice(0, 70)}`, async () => {
    const { call, create } = started();
    await create("there");
    assert.equal(await refusal(call("CreateTopic", input)), text);
  });
}

const t = arnOf("t");
const badSubscriptions: readonly (readonly [object, string])[] = [
  [
    { Protocol: "fax", Endpoint: "1" },
    "Invalid parameter: Amazon SNS does not support this protocol string: fax",
  ],
  [
    { Protocol: "http", Endpoint: "https://x" },
    "Invalid parameter: Endpoint must match the specified protocol",
  ],
  [{ Protocol: "sqs", Endpoint: "http://x/q" }, "Invalid parameter: SQS endpoint ARN"],
  [{ Protocol: "sms", Endpoint: "+1--2345" }, "Invalid SMS endpoint: +1--2345"],
  [
    { Protocol: "sqs", Endpoint: queueArn("q.fifo") },
    "Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
  ],
  [
    { Protocol: "sqs", Endpoint: queueArn("there"), Attributes: { RawMessageDelivery: "true" } },
    "Invalid parameter: Attributes Reason: Subscription already exists with different attributes",
  ],
  [
    {
      Protocol: "lambda",
      Endpoint: "arn:aws:lambda:us-east-1:0:function:f",
      Attributes: { RawMessageDelivery: "false" },
    },
    "Invalid parameter: Attributes Reason: Delivery protocol [lambda] does not support raw message delivery.",
  ],
  [
    { Protocol: "sqs", Endpoint: queueArn("q"), Attributes: { RawMessageDelivery: "yes" } },
    "Invalid parameter: Attributes Reason: RawMessageDelivery: Invalid value [yes]. Must be true or false.",
  ],
  [
    {
      Protocol: "sqs",
      Endpoint: queueArn("q"),
      Attributes: { RedrivePolicy: '{"deadLetterTargetArn":"x"}' },
    },
    "Invalid parameter: Attributes Reason: RedrivePolicy: deadLetterTargetArn is an invalid arn",
  ],
  [
    { Protocol: "sqs", Endpoint: queueArn("q"), Attributes: { FilterPolicyScope: "Body" } },
    "Invalid parameter: Attributes Reason: FilterPolicyScope: Invalid value [Body]. Please use either MessageBody or MessageAttributes",
  ],
  [
    { Protocol: "sqs", Endpoint: queueArn("q"), Attributes: { FilterPolicy: '{"a":[{"like":1}]}' } },
    "Invalid parameter: Attributes Reason: FilterPolicy: Unrecognized match type like",
  ],
  [
    { Protocol: "sqs", Endpoint: queueArn("q"), Attributes: { Nonsense: "1" } },
    "Invalid parameter: Attributes Reason: AttributeName",
  ],
  [
    { Protocol: "sqs", Endpoint: queueArn("q"), TopicArn: "x" },
    "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1",
  ],
  [
    { Protocol: "sqs", Endpoint: queueArn("q"), TopicArn: t.replace("us-east-1", "eu-west-1") },
    "Invalid parameter: TopicArn",
  ],
];

for (const [input, text] of badSubscriptions) {
  test(`refused: a subscription with ${JSON.stringify(input).slice(0, 80)}`, async () => {
    const { call, create, subscribe } = started();
    await subscribe(await create("t"), "sqs", queueArn("there"));
    assert.equal(await refusal(call("Subscribe", { TopicArn: t, ...input })), `InvalidParameter: ${text}`);
  });
}

test("a subscription says what it is, changes, is there once, and is gone", async () => {
  const { call, create, subscribe, attributes } = started();
  const topic = await create("t");
  const arn = await subscribe(topic, "sqs", queueArn("q"), { RawMessageDelivery: "true" });
  assert.equal(await subscribe(topic, "sqs", queueArn("q")), arn);
  assert.deepEqual(await attributes(arn), {
    ConfirmationWasAuthenticated: "true",
    Endpoint: queueArn("q"),
    Owner: account,
    PendingConfirmation: "false",
    Protocol: "sqs",
    RawMessageDelivery: "true",
    SubscriptionArn: arn,
    SubscriptionPrincipal: `arn:aws:iam::${account}:root`,
    TopicArn: topic,
  });
  const set = (AttributeName: string, AttributeValue: string) =>
    call("SetSubscriptionAttributes", { SubscriptionArn: arn, AttributeName, AttributeValue });
  await set("FilterPolicyScope", "MessageBody");
  assert.equal((await attributes(arn))["FilterPolicyScope"], undefined, "invisible alone");
  await set("FilterPolicy", '{"a":{"b":[1]}}');
  assert.equal((await attributes(arn))["FilterPolicyScope"], "MessageBody");
  assert.equal(
    await refusal(set("FilterPolicyScope", "MessageAttributes")),
    "InvalidParameter: Invalid parameter: Filter policy scope MessageAttributes does not support nested filter policy",
  );
  assert.equal(await refusal(set("Nonsense", "1")), "InvalidParameter: Invalid parameter: AttributeName");
  await set("FilterPolicy", "{}");
  assert.equal((await attributes(arn))["FilterPolicy"], undefined);
  const listed = await call("ListSubscriptions");
  assert.deepEqual(listed, await call("ListSubscriptionsByTopic", { TopicArn: topic }));
  assert.equal((listed["Subscriptions"] as { SubscriptionArn: string }[])[0]?.SubscriptionArn, arn);
  await call("Unsubscribe", { SubscriptionArn: arn });
  await call("Unsubscribe", { SubscriptionArn: arn });
  assert.equal(await refusal(attributes(arn)), "NotFound: Subscription does not exist");
  const counts = (await call("GetTopicAttributes", { TopicArn: topic })).Attributes ?? {};
  assert.deepEqual([counts["SubscriptionsConfirmed"], counts["SubscriptionsDeleted"]], ["0", "1"]);
  assert.equal(
    await refusal(attributes(`${topic}:nonsense`)),
    "InvalidParameter: Invalid parameter: SubscriptionId",
  );
});

test("E1 a message reaches every subscription whose filter lets it pass, as it asked for it", async () => {
  const { call, create, subscribe, publish, delivered, world, sns, settled } = started();
  sns.open();
  const topic = await create("t");
  const blue = { FilterPolicy: '{"color":["blue"]}' };
  await subscribe(topic, "sqs", queueArn("raw"), { RawMessageDelivery: "true", ...blue });
  await subscribe(topic, "sqs", queueArn("red"), {
    RawMessageDelivery: "true",
    FilterPolicy: '{"color":["red"]}',
  });
  await subscribe(topic, "sqs", queueArn("body"), {
    RawMessageDelivery: "true",
    FilterPolicyScope: "MessageBody",
    FilterPolicy: '{"n":[{"numeric":[">",1]}]}',
  });
  const functionArn = `arn:aws:lambda:us-east-1:${account}:function:f`;
  const subscription = await subscribe(topic, "lambda", functionArn);
  const done = Promise.withResolvers<void>();
  let count = 0;
  world.deliver = () => {
    count += 1;
    if (count === 3) done.resolve();
    return Promise.resolve();
  };
  const MessageAttributes = {
    color: { DataType: "String", StringValue: "blue" },
    raw: { DataType: "Binary", BinaryValue: Buffer.of(1) },
  };
  const { MessageId } = await publish(topic, '{"n":2}', { Subject: "s", MessageAttributes });
  await done.promise;
  await settled();
  const byTarget = new Map(delivered.map((one) => [one.to.split(":").at(-1), one]));
  assert.deepEqual([...byTarget.keys()].toSorted(), ["body", "f", "raw"]);
  const raw = byTarget.get("raw");
  assert.equal(Buffer.from(raw?.event.body ?? []).toString(), '{"n":2}');
  assert.deepEqual(raw?.event.attributes, {
    color: { type: "String", value: "blue" },
    raw: { type: "Binary", value: "AQ==" },
  });
  assert.deepEqual(raw.ctx, {
    account,
    region: "us-east-1",
    principal: "sns.amazonaws.com",
    sourceArn: topic,
    traceHeader: "",
  });
  const event = JSON.parse(Buffer.from(byTarget.get("f")?.event.body ?? []).toString()) as {
    Records: { EventSubscriptionArn: string; Sns: Record<string, unknown> }[];
  };
  const [record] = event.Records;
  assert.equal(record?.EventSubscriptionArn, subscription);
  assert.equal(record?.Sns["MessageId"], MessageId);
  assert.match(
    String(record?.Sns["SigningCertUrl"]),
    /^http:\/\/inside\/_lambdad\/sns\/SimpleNotificationService-/,
  );
  assert.match(byTarget.get("f")?.ctx.traceHeader ?? "", /^Root=1-/, "functions get a trace of their own");
  assert.equal(await refusal(publish(arnOf("none"), "x")), "NotFound: Topic does not exist");
  assert.match(await refusal(call("Publish", { Message: "x" })), /no value for required parameter/);
});

test("an endpoint is asked first; what it then gets is signed so that anybody can verify it, and it may leave and come back", async () => {
  const { sns, call, create, subscribe, publish, posts, world, attributes } = started();
  sns.open();
  const next = () => {
    const asked = Promise.withResolvers<PostOrder>();
    world.post = (order) => {
      asked.resolve(order);
      return Promise.resolve(200);
    };
    return asked.promise;
  };
  const topic = await create("t", { SignatureVersion: "2" });
  const asking = next();
  const pending = await call("Subscribe", {
    TopicArn: topic,
    Protocol: "https",
    Endpoint: "https://user:pass@x/in",
  });
  assert.equal(pending.SubscriptionArn, "pending confirmation");
  const question = await asking;
  assert.deepEqual(
    Object.entries(question.headers).filter(
      ([name]) => name.startsWith("x-amz") && name !== "x-amz-sns-message-id",
    ),
    [
      ["x-amz-sns-message-type", "SubscriptionConfirmation"],
      ["x-amz-sns-topic-arn", topic],
    ],
  );
  const asked = envelope(question.body);
  assert.equal(
    asked.Message,
    `You have chosen to subscribe to the topic ${topic}.\nTo confirm the subscription, visit the SubscribeURL included in this message.`,
  );
  await verifySignature(sns, asked, [
    "Message",
    "MessageId",
    "SubscribeURL",
    "Timestamp",
    "Token",
    "TopicArn",
    "Type",
  ]);
  await publish(topic, "too early");

  const link = new URL(asked.SubscribeURL);
  const parameters = Object.fromEntries(link.searchParams);
  assert.deepEqual(parameters, {
    Action: "ConfirmSubscription",
    TopicArn: topic,
    Token: asked.Token,
    Version: "2010-03-31",
  });
  const unsigned = { identity: { account, signed: "none" } as Context["identity"] };
  const { SubscriptionArn = "" } = await call("ConfirmSubscription", parameters, unsigned);
  assert.deepEqual(await call("ConfirmSubscription", parameters, unsigned), { SubscriptionArn });
  assert.equal((await attributes(SubscriptionArn))["ConfirmationWasAuthenticated"], "false");
  const badToken = call("ConfirmSubscription", { ...parameters, Token: "00" });
  assert.equal(await refusal(badToken), "InvalidParameter: Invalid parameter: Token");

  const notifying = next();
  await publish(topic, "hello", { Subject: "s" });
  const notice = await notifying;
  assert.equal(notice.url, "https://user:pass@x/in");
  assert.equal(notice.headers["x-amz-sns-subscription-arn"], SubscriptionArn);
  assert.equal(notice.headers["content-type"], "text/plain; charset=UTF-8");
  const noticed = envelope(notice.body);
  assert.equal(noticed["SignatureVersion"], "2");
  await verifySignature(sns, noticed, ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]);

  const parting = next();
  await call("Unsubscribe", { SubscriptionArn }, unsigned);
  const farewell = envelope((await parting).body);
  assert.equal(farewell.Type, "UnsubscribeConfirmation");
  await call("ConfirmSubscription", { TopicArn: topic, Token: farewell.Token });
  assert.equal((await attributes(SubscriptionArn))["PendingConfirmation"], "false");
  assert.deepEqual(
    posts.map(({ headers }) => headers["x-amz-sns-message-type"]),
    ["SubscriptionConfirmation", "Notification", "UnsubscribeConfirmation"],
  );
  assert(await subscribe(topic, "https", "https://user:pass@x/in"), "it is there already");
});

async function verifySignature(sns: ReturnType<typeof started>["sns"], message: Shown, names: string[]) {
  const { pathname } = new URL(message.SigningCertURL);
  assert.match(pathname, /\/SimpleNotificationService-[0-9a-f]{32}\.pem$/);
  const response = await sns.web?.({ method: "GET", path: pathname } as never);
  const text = names.map((name) => `${name}\n${String(message[name])}\n`).join("");
  const algorithm = message["SignatureVersion"] === "2" ? "RSA-SHA256" : "RSA-SHA1";
  const key = createPublicKey(response?.body as string);
  assert(verify(algorithm, Buffer.from(text), key, Buffer.from(message.Signature, "base64")), message.Type);
}

test("an endpoint that fails is tried again by its policy; then its message is in the dead-letter queue", async () => {
  const { sns, clock, call, create, subscribe, publish, posts, world, delivered, counter } = started();
  sns.open();
  const topic = await create("t");
  const policy = { healthyRetryPolicy: { minDelayTarget: 1, maxDelayTarget: 1, numRetries: 2 } };
  const arn = await subscribe(topic, "http", "http://x/", {
    DeliveryPolicy: JSON.stringify(policy),
    RawMessageDelivery: "true",
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: queueArn("dead") }),
  });
  await confirmed(call, topic, arn, posts);
  posts.length = 0;
  const answers = [500, 503, 429, 404];
  world.post = () => Promise.resolve(answers.shift() ?? 200);
  const MessageAttributes = { a: { DataType: "String", StringValue: "b" } };
  await publish(topic, "first", { MessageAttributes });
  for (const attempts of [1, 2, 3]) {
    await clock.advance(0);
    assert.equal(posts.length, attempts);
    assert.equal(delivered.length, attempts === 3 ? 1 : 0);
    await clock.advance(1000);
  }
  assert.equal(posts[0]?.headers["x-amz-sns-rawdelivery"], "true");
  assert.equal(posts[0]?.body, "first");
  const [dead] = delivered;
  assert.equal(dead?.to, queueArn("dead"));
  assert.deepEqual(dead?.event.attributes, { a: { type: "String", value: "b" } });
  await publish(topic, "second");
  await clock.advance(0);
  assert.equal(posts.length, 4, "what is refused is not tried again");
  assert.equal(delivered.length, 2);
  world.post = () => Promise.reject(new ForbiddenAddress("x"));
  await publish(topic, "third");
  await clock.advance(60_000);
  assert.equal(posts.length, 5, "nor what may not be asked");
  assert.deepEqual(
    [counter("dead_letters_total"), counter("lost_total"), counter("deliveries_pending")],
    [3, 0, 0],
  );
});

async function confirmed(
  call: ReturnType<typeof started>["call"],
  TopicArn: string,
  SubscriptionArn: string,
  posts: readonly PostOrder[],
): Promise<void> {
  await until("it is asked", () => posts.length > 0);
  const { Token } = envelope(posts.at(-1)?.body);
  assert.deepEqual(await call("ConfirmSubscription", { TopicArn, Token }), { SubscriptionArn });
}

test("what a queue refuses goes to the dead-letter queue at once, or is lost; what fails is tried again", async () => {
  const { sns, clock, create, subscribe, publish, world, delivered, counter } = started();
  sns.open();
  const topic = await create("t");
  const raw = { RawMessageDelivery: "true" };
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: queueArn("dead") });
  await subscribe(topic, "sqs", queueArn("gone"), { ...raw, RedrivePolicy });
  await subscribe(topic, "sqs", queueArn("nowhere"), raw);
  await subscribe(topic, "sqs", queueArn("ill"), raw);
  let failures = 0;
  world.deliver = (to) => {
    if (to === queueArn("gone") || to === queueArn("nowhere")) throw new AwsError("QueueDoesNotExist", "no");
    if (to === queueArn("ill") && (failures += 1) < 6) throw new Error("the disk is full");
    return Promise.resolve();
  };
  await publish(topic, "m");
  await clock.advance(0);
  assert.deepEqual(
    delivered.map(({ to }) => to),
    [queueArn("dead")],
  );
  assert.equal(counter("lost_total"), 1);
  assert.equal(failures, 4, "three times at once");
  await clock.advance(2000);
  assert.deepEqual(
    delivered.map(({ to }) => to),
    [queueArn("dead"), queueArn("ill")],
  );
  assert.equal(counter("deliveries_pending"), 0);
});

test("M2 a FIFO topic delivers group by group in order, what fails blocks its group, and says no more twice", async () => {
  const { sns, clock, call, create, subscribe, publish, world, bodies, delivered } = started();
  sns.open();
  const topic = await create("t.fifo", { FifoTopic: "true", ContentBasedDeduplication: "true" });
  await subscribe(topic, "sqs", queueArn("q.fifo"), { RawMessageDelivery: "true" });
  let isIll = true;
  world.deliver = (_to, { groupId }) => {
    if (isIll && groupId === "a") throw new Error("not now");
    return Promise.resolve();
  };
  const send = (message: string, MessageGroupId: string) => publish(topic, message, { MessageGroupId });
  const first = await send("a1", "a");
  await send("a2", "a");
  await send("b1", "b");
  assert.deepEqual(await send("a1", "a"), first, "a duplicate is accepted, and is the first one");
  await send("a3", "a");
  await clock.advance(0);
  assert.deepEqual(bodies(), ["b1"]);
  isIll = false;
  await clock.advance(1000);
  assert.deepEqual(bodies(), ["b1", "a1", "a2", "a3"]);
  assert.match(String(first["SequenceNumber"]), /^1\d{19}$/);
  assert.equal(delivered[1]?.event.groupId, "a");
  assert.equal(delivered[1]?.event.dedupId?.length, 64);
  await clock.advance(300_000);
  await send("a1", "a");
  await clock.advance(0);
  assert.equal(bodies().length, 5, "five minutes later it is another message");
  await call("SetTopicAttributes", {
    TopicArn: topic,
    AttributeName: "FifoThroughputScope",
    AttributeValue: "MessageGroup",
  });
  await send("x", "a");
  await send("x", "b");
  await clock.advance(0);
  assert.equal(bodies().length, 7, "remembered group by group");
  assert.match(
    await refusal(call("Subscribe", { TopicArn: topic, Protocol: "email", Endpoint: "a@b" })),
    /FIFO topics/,
  );
});

test("messages of FIFO topics are not signed, and carry their number", async () => {
  const { sns, clock, create, subscribe, publish, bodies } = started();
  sns.open();
  const topic = await create("t.fifo", { FifoTopic: "true" });
  await subscribe(topic, "sqs", queueArn("standard"));
  const ids = { MessageGroupId: "g", MessageDeduplicationId: "d" };
  const { SequenceNumber } = await publish(topic, "m", ids);
  await clock.advance(0);
  const shown = envelope(bodies()[0]);
  assert.equal(shown["SequenceNumber"], SequenceNumber);
  assert.deepEqual(Object.keys(shown), [
    "Type",
    "MessageId",
    "SequenceNumber",
    "TopicArn",
    "Message",
    "Timestamp",
    "UnsubscribeURL",
  ]);
});

test("E2 what was acknowledged is delivered after a crash, in order, and what was delivered is forgotten", async () => {
  const first = started();
  const topic = await first.create("t.fifo", { FifoTopic: "true" });
  await first.subscribe(topic, "sqs", queueArn("q.fifo"), { RawMessageDelivery: "true" });
  const send = ({ publish }: typeof first, n: number) =>
    publish(topic, `m${n}`, { MessageGroupId: "g", MessageDeduplicationId: String(n) });
  for (const n of [1, 2, 3]) await send(first, n); // it never opens: nothing is delivered
  const second = first.crashed();
  const stop = await second.sns.start?.();
  assert.deepEqual(second.bodies(), []);
  second.sns.open();
  await second.settled();
  assert.deepEqual(second.bodies(), ["m1", "m2", "m3"]);
  await send(second, 2);
  await send(second, 4);
  await second.settled();
  assert.deepEqual(second.bodies(), ["m1", "m2", "m3", "m4"], "and remembers what it has seen");
  await stop?.();
  const third = second.crashed();
  const stopThird = await third.sns.start?.();
  third.sns.open();
  await third.settled();
  assert.deepEqual(third.bodies(), []);
  await stopThird?.();
});

test("E2 who had a message before a crash does not get it again when others still wait for it", async () => {
  const first = started();
  first.sns.open();
  const topic = await first.create("t");
  for (const name of ["well", "ill"])
    await first.subscribe(topic, "sqs", queueArn(name), { RawMessageDelivery: "true" });
  first.world.deliver = (to) =>
    to === queueArn("ill") ? Promise.reject(new Error("no")) : Promise.resolve();
  await first.publish(topic, "m");
  await first.clock.advance(500);
  assert.deepEqual(
    first.delivered.map(({ to }) => to),
    [queueArn("well")],
  );
  const second = first.crashed();
  const stop = await second.sns.start?.();
  second.sns.open();
  await second.clock.advance(60_000);
  assert.deepEqual(
    second.delivered.map(({ to }) => to),
    [queueArn("ill")],
  );
  assert.equal(second.counter("deliveries_pending"), 0);
  await stop?.();
});

test("an endpoint that takes so many a second gets no more", async () => {
  const { sns, clock, call, create, subscribe, publish, posts } = started();
  sns.open();
  const topic = await create("t");
  const DeliveryPolicy = '{"throttlePolicy":{"maxReceivesPerSecond":2}}';
  const arn = await subscribe(topic, "http", "http://x/", { DeliveryPolicy, RawMessageDelivery: "true" });
  await confirmed(call, topic, arn, posts);
  await clock.advance(1000);
  posts.length = 0;
  for (let n = 0; n < 6; n += 1) await publish(topic, String(n));
  await clock.advance(0);
  assert.equal(posts.length, 1);
  await clock.advance(1000);
  assert.equal(posts.length, 3);
  await clock.advance(2000);
  assert.deepEqual(posts.map(({ body }) => body).toSorted(), ["0", "1", "2", "3", "4", "5"]);
});

test("people's messages are in the outbox, and who does not confirm in time has not subscribed", async () => {
  const { sns, clock, call, create, subscribe, publish } = started();
  sns.open();
  const stop = await sns.start?.();
  const topic = await create("t");
  const mails = async () => {
    const all: Mail[] = [];
    for await (const mail of sns.mails()) all.push(mail);
    return all;
  };
  const untilMails = (count: number) =>
    until(`${count} mails are there`, async () => {
      const all = await mails();
      return all.length >= count && all;
    });
  await subscribe(topic, "email", "a@example.com");
  const [question] = await untilMails(1);
  assert.equal(question?.subject, "AWS Notification - Subscription Confirmation");
  const [, token] = /Token=([0-9a-f]+)/.exec(question?.body ?? "") ?? [];
  await call("ConfirmSubscription", { TopicArn: topic, Token: token });
  await subscribe(topic, "sms", "+491701234567");
  await publish(topic, '{"default":"long","sms":"short"}', { MessageStructure: "json", Subject: "News" });
  await call("Publish", { PhoneNumber: "+4917076543", Message: "alone" });
  const all = await untilMails(4);
  const shown = all.map(({ kind, to, subject, body }) => [kind, to, subject, body.split("\n")[0]]);
  assert.deepEqual(shown.toSorted(), [
    [
      "email",
      "a@example.com",
      "AWS Notification - Subscription Confirmation",
      "You have chosen to subscribe to the topic:",
    ],
    ["email", "a@example.com", "News", "long"],
    ["sms", "+491701234567", undefined, "short"],
    ["sms", "+4917076543", undefined, "alone"],
  ]);
  const late = await subscribe(topic, "email", "b@example.com");
  await clock.advance(4 * 24 * 3_600_000);
  assert.match(await refusal(call("GetSubscriptionAttributes", { SubscriptionArn: late })), /does not exist/);
  for (let n = 0; n < outboxMessagesMax; n += 1)
    await call("Publish", { PhoneNumber: "+4917076543", Message: String(n) });
  const kept = await mails();
  assert.deepEqual([kept.length, kept.at(-1)?.body], [outboxMessagesMax, String(outboxMessagesMax - 1)]);
  await stop?.();
});

test("batches: each entry for itself, but for what fails all", async () => {
  const { sns, clock, call, create, subscribe, bodies } = started();
  sns.open();
  const topic = await create("t");
  await subscribe(topic, "sqs", queueArn("q"), { RawMessageDelivery: "true" });
  const batch = (...PublishBatchRequestEntries: object[]) =>
    call("PublishBatch", { TopicArn: topic, PublishBatchRequestEntries });
  const { Successful, Failed } = await batch(
    { Id: "1", Message: "one" },
    { Id: "2", Message: "" },
    { Id: "3", Message: "three" },
  );
  assert.deepEqual(
    (Successful as { Id: string }[]).map(({ Id }) => Id),
    ["1", "3"],
  );
  assert.deepEqual(Failed, [
    { Id: "2", Code: "InvalidParameter", Message: "Invalid parameter: Empty message", SenderFault: true },
  ]);
  await clock.advance(0);
  assert.deepEqual(bodies().toSorted(), ["one", "three"]);
  const cases: readonly (readonly [object[], RegExp])[] = [
    [[], /^EmptyBatchRequest/],
    [
      Array.from({ length: 11 }, (_, at) => ({ Id: String(at), Message: "x" })),
      /^TooManyEntriesInBatchRequest/,
    ],
    [
      [
        { Id: "1", Message: "x" },
        { Id: "1", Message: "x" },
      ],
      /^BatchEntryIdsNotDistinct/,
    ],
    [[{ Id: "a b", Message: "x" }], /impermissible character: a b$/],
    [[{ Id: "x".repeat(81), Message: "x" }], /is too long/],
    [[{ Id: "1", Message: "x".repeat(262_145) }], /^BatchRequestTooLong/],
    [
      [{ Id: "1", Message: "x", MessageAttributes: { n: { DataType: "Odd", StringValue: "x" } } }],
      /^InvalidParameterValue/,
    ],
  ];
  for (const [entries, text] of cases) assert.match(await refusal(batch(...entries)), text);
});

test("another account, and a service, publish only if the topic's policy lets them", async () => {
  const { sns, clock, call, create, subscribe, bodies } = started();
  sns.open();
  const topic = await create("t");
  await subscribe(topic, "sqs", queueArn("q"), { RawMessageDelivery: "true" });
  const other = { account: "111122223333", principalArn: "arn:aws:iam::111122223333:root" };
  const stranger = { account: other.account, identity: other as Context["identity"] };
  const publish = () => call("Publish", { TopicArn: topic, Message: "theirs" }, stranger);
  assert.equal(
    await refusal(publish()),
    `AuthorizationError: User: ${other.principalArn} is not authorized to perform: SNS:Publish on resource: ${topic} because no resource-based policy allows the SNS:Publish action`,
  );
  await call("AddPermission", {
    TopicArn: topic,
    Label: "l",
    AWSAccountId: [other.account],
    ActionName: ["Publish"],
  });
  await publish();
  assert.equal(
    await refusal(
      call("AddPermission", {
        TopicArn: topic,
        Label: "l",
        AWSAccountId: [other.account],
        ActionName: ["Publish"],
      }),
    ),
    "InvalidParameter: Invalid parameter: Statement already exists",
  );
  assert.equal(
    await refusal(
      call("AddPermission", {
        TopicArn: topic,
        Label: "m",
        AWSAccountId: [other.account],
        ActionName: ["Fly"],
      }),
    ),
    "InvalidParameter: Invalid parameter: Policy statement action out of service scope!",
  );
  await call("RemovePermission", { TopicArn: topic, Label: "l" });
  await refusal(publish());

  const event = { body: Buffer.from("an object came"), subject: "Amazon S3 Notification" };
  const bucket = {
    account,
    region: "us-east-1",
    principal: "s3.amazonaws.com",
    sourceArn: "arn:aws:s3:::b",
    traceHeader: "",
  };
  await refusal(sns.target.deliver(topic, event, bucket));
  const statement = {
    Effect: "Allow",
    Principal: { Service: "s3.amazonaws.com" },
    Action: "SNS:Publish",
    Resource: topic,
    Condition: { ArnLike: { "aws:SourceArn": "arn:aws:s3:::*" } },
  };
  const Policy = JSON.stringify({ Statement: [statement] });
  await call("SetTopicAttributes", { TopicArn: topic, AttributeName: "Policy", AttributeValue: Policy });
  await sns.target.deliver(topic, event, bucket);
  const code = { type: "Number", value: "200" };
  const byRole = { ...bucket, principal: "lambda.amazonaws.com" };
  await sns.target.deliver(topic, { body: Buffer.from("dead"), attributes: { ErrorCode: code } }, byRole);
  await clock.advance(0);
  assert.deepEqual(bodies(), ["theirs", "an object came", "dead"]);
});

test("a trace goes through a topic, so that chains of events are recognised", async () => {
  const { sns, clock, call, create, subscribe, delivered } = started();
  sns.open();
  const topic = await create("t");
  await subscribe(topic, "sqs", queueArn("q"), { RawMessageDelivery: "true" });
  const trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=0123abcd:3";
  await call("Publish", { TopicArn: topic, Message: "m" }, { trace });
  const byRole = { account, region: "us-east-1", principal: "lambda.amazonaws.com", sourceArn: "arn:x" };
  await sns.target.deliver(topic, { body: Buffer.from("n") }, { ...byRole, traceHeader: trace });
  await clock.advance(0);
  assert.deepEqual(
    delivered.map(({ ctx }) => ctx.traceHeader),
    [trace, trace],
  );
});

test("a queue of another account is asked, raw delivery or not", async () => {
  const { sns, create, subscribe, publish, call, delivered, bodies } = started();
  sns.open();
  const topic = await create("t");
  const theirs = "arn:aws:sqs:us-east-1:111122223333:q";
  const arn = await subscribe(topic, "sqs", theirs, { RawMessageDelivery: "true" });
  await publish(topic, "too early");
  await until("it is asked", () => delivered.length > 0);
  const question = envelope(bodies()[0]);
  assert.equal(question.Type, "SubscriptionConfirmation");
  const confirm = (Token: string) => call("ConfirmSubscription", { TopicArn: topic, Token });
  assert.equal(await refusal(confirm("no token")), "InvalidParameter: Invalid token");
  assert.deepEqual(await confirm(question.Token), { SubscriptionArn: arn });
  await publish(topic, "now");
  await until("it is told", () => delivered.length > 1);
  assert.equal(bodies()[1], "now");
});

test("a topic that takes large messages has only subscriptions that carry them", async () => {
  const { sns, clock, call, create, subscribe, publish, bodies } = started();
  sns.open();
  const topic = await create("t");
  const set = (bytes: number) =>
    call("SetTopicAttributes", {
      TopicArn: topic,
      AttributeName: "MaximumMessageSize",
      AttributeValue: String(bytes),
    });
  const email = await subscribe(topic, "sms", "+491701234567");
  assert.match(await refusal(set(1_048_576)), /do not support the protocol sms/);
  await call("Unsubscribe", { SubscriptionArn: email });
  await set(1_048_576);
  assert.match(
    await refusal(call("Subscribe", { TopicArn: topic, Protocol: "email", Endpoint: "a@b" })),
    /do not support the protocol email/,
  );
  await subscribe(topic, "sqs", queueArn("q"), { RawMessageDelivery: "true" });
  await publish(topic, "x".repeat(1_000_000));
  await clock.advance(0);
  assert.equal(bodies()[0]?.length, 1_000_000);
  await set(1024);
  assert.match(await refusal(publish(topic, "x".repeat(1025))), /Message too long/);
  assert.match(await refusal(set(1023)), /MaximumMessageSize/);
});

test("tags are set, overwritten, taken away and listed", async () => {
  const { call, create } = started();
  const ResourceArn = await create("t");
  await call("TagResource", {
    ResourceArn,
    Tags: [
      { Key: "a", Value: "1" },
      { Key: "b", Value: "2" },
    ],
  });
  await call("TagResource", { ResourceArn, Tags: [{ Key: "a", Value: "3" }] });
  await call("UntagResource", { ResourceArn, TagKeys: ["b", "c"] });
  assert.deepEqual(await call("ListTagsForResource", { ResourceArn }), { Tags: [{ Key: "a", Value: "3" }] });
  const many = Array.from({ length: 50 }, (_, at) => ({ Key: `k${at}`, Value: "" }));
  assert.match(await refusal(call("TagResource", { ResourceArn, Tags: many })), /^TagLimitExceeded/);
  assert.match(
    await refusal(call("ListTagsForResource", { ResourceArn: arnOf("none") })),
    /^ResourceNotFound/,
  );
});
