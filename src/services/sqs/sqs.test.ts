/** SQS through its operations, on the store in memory and a clock that stands still until it is moved. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimClock } from "../../base/clock-sim.ts";
import { createLogger, silentLogger } from "../../base/logger.ts";
import { createMetrics } from "../../base/metrics.ts";
import { seededRandom } from "../../base/random.ts";
import { queueWindowMessagesMax, receiveNoteMs } from "../../limits.ts";
import { createMemoryState, createMemoryStore } from "../../store/memory/memory-store.ts";
import { AwsError } from "../../wire/aws-error.ts";
import type { Context, Operation } from "../service.ts";
import { createSqs } from "./index.ts";

const account = "000000000000";
const arnOf = (name: string) => `arn:aws:sqs:us-east-1:${account}:${name}`;
const urlOf = (name: string) => `http://localhost:4566/${account}/${name}`;

interface Shown {
  readonly MessageId: string;
  readonly Body: string;
  readonly ReceiptHandle: string;
  readonly Attributes: Record<string, string>;
}

type Answer = Record<string, unknown> & { Messages?: Shown[]; Attributes?: Record<string, string> };

function started(state = createMemoryState(), clock = createSimClock(), logger = silentLogger) {
  const store = createMemoryStore(state);
  const random = seededRandom(state.entries.length + 1);
  const sqs = createSqs({ clock, random, store, logger, metrics: createMetrics() });
  const gone = new AbortController();
  const ctx = {
    account,
    region: "us-east-1",
    identity: { account },
    signal: gone.signal,
    endpoint: "http://localhost:4566",
  } as Context;
  const call = async (name: string, input: object, caller: Partial<Context> = {}): Promise<Answer> => {
    const operation = sqs.operations[name as "SendMessage"] as unknown as Operation<object, object>;
    return (await operation(input, { ...ctx, ...caller })) as Answer;
  };
  const create = async (name: string, attributes: Record<string, string> = {}) => {
    await call("CreateQueue", { QueueName: name, Attributes: attributes });
    return urlOf(name);
  };
  const send = (url: string, body: string, more: object = {}) =>
    call("SendMessage", { QueueUrl: url, MessageBody: body, ...more });
  const receive = async (url: string, more: object = {}): Promise<Shown[]> => {
    const order = { QueueUrl: url, MaxNumberOfMessages: 10, AttributeNames: ["All"], ...more };
    return (await call("ReceiveMessage", order)).Messages ?? [];
  };
  const bodies = async (url: string, more: object = {}) => (await receive(url, more)).map(({ Body }) => Body);
  const remove = (url: string, { ReceiptHandle }: { ReceiptHandle: string }) =>
    call("DeleteMessage", { QueueUrl: url, ReceiptHandle });
  const counts = async (url: string) => {
    const { Attributes = {} } = await call("GetQueueAttributes", { QueueUrl: url, AttributeNames: ["All"] });
    const of = (name: string) => Number(Attributes[`ApproximateNumberOfMessages${name}`]);
    return [of(""), of("NotVisible"), of("Delayed")];
  };
  /** What a crash leaves: the store's state and nothing else. */
  const crashed = () => {
    void store.close();
    return started(state, clock);
  };
  return { sqs, clock, state, gone, call, create, send, receive, bodies, remove, counts, crashed };
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => assert.fail("it was not refused"),
    (caught: unknown) => caught,
  );
  assert(error instanceof AwsError, String(error));
  return `${error.query.code ?? error.code}: ${error.message}`;
}

const redriveTo = (name: string, maxReceiveCount: number) => ({
  RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arnOf(name), maxReceiveCount }),
});
const grouped = (group: string, dedup: string) => ({ MessageGroupId: group, MessageDeduplicationId: dedup });

test("a message is hidden while it is in flight, comes again when its time is up, and is gone once deleted", async () => {
  const { clock, create, send, receive, remove, counts } = started();
  const url = await create("q");
  await send(url, "one");
  const [first] = await receive(url);
  assert(first);
  assert.deepEqual(await receive(url), []);
  assert.deepEqual(await counts(url), [0, 1, 0]);
  await clock.advance(30_000);
  const [again] = await receive(url);
  assert(again);
  assert.equal(again.MessageId, first.MessageId);
  assert.equal(again.Attributes["ApproximateReceiveCount"], "2");
  assert.equal(
    again.Attributes["ApproximateFirstReceiveTimestamp"],
    first.Attributes["ApproximateFirstReceiveTimestamp"],
  );
  // The first receive's handle no longer deletes, and says nothing.
  await remove(url, first);
  assert.deepEqual(await counts(url), [0, 1, 0]);
  await remove(url, again);
  await remove(url, again);
  await clock.advance(60_000);
  assert.deepEqual(await counts(url), [0, 0, 0]);
});

test("a handle whose message is merely visible again still deletes it", async () => {
  const { clock, create, send, receive, remove, counts } = started();
  const url = await create("q");
  await send(url, "one");
  const [first] = await receive(url);
  assert(first);
  await clock.advance(30_000);
  await remove(url, first);
  assert.deepEqual(await counts(url), [0, 0, 0]);
});

test("what was sent, received and deleted survives a crash as such", async () => {
  const before = started();
  const url = await before.create("q");
  for (const body of ["kept", "in flight", "deleted"]) await before.send(url, body, { DelaySeconds: 0 });
  await before.send(url, "delayed", { DelaySeconds: 60 });
  const received = await before.receive(url);
  const byBody = new Map(received.map((message) => [message.Body, message]));
  const [kept, flying, deleted] = ["kept", "in flight", "deleted"].map((body) => byBody.get(body));
  assert(kept && flying && deleted);
  await before.remove(url, deleted);
  const change = { QueueUrl: url, ReceiptHandle: kept.ReceiptHandle, VisibilityTimeout: 0 };
  await before.call("ChangeMessageVisibility", change);
  await before.clock.advance(receiveNoteMs);

  const after = before.crashed();
  assert.deepEqual(await after.counts(url), [1, 1, 1]);
  assert.deepEqual(await after.bodies(url), ["kept"]);
  await after.remove(url, flying);
  await after.clock.advance(60_000);
  assert.deepEqual((await after.bodies(url)).toSorted(), ["delayed", "kept"]);
});

test("a long poll is woken by a message that comes, and by one that becomes visible", async () => {
  const { clock, create, send, bodies } = started();
  const url = await create("q", { VisibilityTimeout: "5" });
  const waiting = bodies(url, { WaitTimeSeconds: 20 });
  await clock.advance(1000);
  await send(url, "comes");
  assert.deepEqual(await waiting, ["comes"]);
  const again = bodies(url, { WaitTimeSeconds: 20 });
  await clock.advance(5000);
  assert.deepEqual(await again, ["comes"]);
  const nothing = bodies(url, { WaitTimeSeconds: 2 });
  await clock.advance(2000);
  assert.deepEqual(await nothing, []);
});

test("a long poll is woken by a delay that ends and by a visibility that is cut short", async () => {
  const { clock, create, call, send, bodies, receive } = started();
  const url = await create("q");
  const waiting = bodies(url, { WaitTimeSeconds: 20 });
  await clock.advance(10);
  await send(url, "late", { DelaySeconds: 3 });
  await clock.advance(3000);
  assert.deepEqual(await waiting, ["late"]);
  const again = receive(url, { WaitTimeSeconds: 20 });
  await clock.advance(30_000);
  const [held] = await again;
  assert.equal(held, undefined, "the wait is over before the visibility timeout is");
  const [message] = await receive(url);
  assert(message);
  const third = bodies(url, { WaitTimeSeconds: 20 });
  await clock.advance(10);
  await call("ChangeMessageVisibility", {
    QueueUrl: url,
    ReceiptHandle: message.ReceiptHandle,
    VisibilityTimeout: 0,
  });
  assert.deepEqual(await third, ["late"]);
});

test("a client that has gone away gets no message", async () => {
  const { clock, gone, create, send, receive, counts } = started();
  const url = await create("q");
  const waiting = receive(url, { WaitTimeSeconds: 20 });
  await clock.advance(10);
  gone.abort();
  assert.deepEqual(await waiting, []);
  await send(url, "for others");
  assert.deepEqual(await counts(url), [1, 0, 0]);
});

test("the platform's stop ends long polls", async () => {
  const { sqs, clock, create, receive } = started();
  const url = await create("q");
  const waiting = receive(url, { WaitTimeSeconds: 20 });
  await clock.advance(10);
  sqs.endWaits();
  assert.deepEqual(await waiting, []);
});

test("a FIFO queue takes a repeated message once, for five minutes, also after a crash", async () => {
  const before = started();
  const url = await before.create("q.fifo", { FifoQueue: "true" });
  const first = await before.send(url, "one", grouped("g", "d"));
  const repeated = await before.send(url, "two", grouped("h", "d"));
  assert.deepEqual(
    [repeated["MessageId"], repeated["SequenceNumber"]],
    [first["MessageId"], first["SequenceNumber"]],
  );
  const after = before.crashed();
  await after.send(url, "three", grouped("g", "d"));
  assert.deepEqual(await after.counts(url), [1, 0, 0]);
  await after.clock.advance(300_000);
  await after.send(url, "four", grouped("g", "d"));
  assert.deepEqual(await after.bodies(url), ["one", "four"]);
});

test("two sends of one message at the same time are one message", async () => {
  const { create, send, counts } = started();
  const url = await create("q.fifo", { FifoQueue: "true", ContentBasedDeduplication: "true" });
  const answers = await Promise.all([1, 2, 3].map(() => send(url, "one", { MessageGroupId: "g" })));
  assert.equal(new Set(answers.map(({ MessageId }) => MessageId)).size, 1);
  assert.deepEqual(await counts(url), [1, 0, 0]);
});

test("M2: groups keep their order across a crash", async () => {
  const before = started();
  const url = await before.create("q.fifo", { FifoQueue: "true" });
  for (const at of [1, 2, 3, 4]) await before.send(url, `a${at}`, grouped("a", `${at}`));
  const [first] = await before.receive(url, { MaxNumberOfMessages: 2 });
  assert(first);
  await before.remove(url, first);
  await before.clock.advance(receiveNoteMs);
  const after = before.crashed();
  assert.deepEqual(await after.bodies(url), [], "a2 is in flight and blocks a3");
  await after.clock.advance(30_000);
  assert.deepEqual(await after.bodies(url), ["a2", "a3", "a4"]);
});

test("a crash right after a receive forgets the receive, not the message, and nothing that was deleted comes back", async () => {
  const before = started();
  const url = await before.create("q");
  for (const body of ["one", "two"]) await before.send(url, body);
  const [first] = await before.receive(url);
  assert(first);
  await before.remove(url, first);
  const left = first.Body === "one" ? "two" : "one";
  const after = before.crashed();
  assert.deepEqual(await after.bodies(url), [left]);
  const again = await after.receive(url, { VisibilityTimeout: 0 });
  assert.deepEqual(again, [], "it is in flight");
  await after.clock.advance(receiveNoteMs);
  const last = after.crashed();
  await last.clock.advance(30_000);
  const [message] = await last.receive(url);
  assert.equal(message?.Attributes["ApproximateReceiveCount"], "2");
});

test("a FIFO handle past its time is refused", async () => {
  const { clock, create, call, send, receive, remove } = started();
  const url = await create("q.fifo", { FifoQueue: "true" });
  await send(url, "one", grouped("a", "1"));
  const [message] = await receive(url);
  assert(message);
  const change = { QueueUrl: url, ReceiptHandle: message.ReceiptHandle, VisibilityTimeout: 60 };
  await call("ChangeMessageVisibility", change);
  await clock.advance(59_000);
  await call("ChangeMessageVisibility", change);
  await clock.advance(60_000);
  assert.match(await refusal(remove(url, message)), /Reason: The receipt handle has expired\.$/);
  assert.match(
    await refusal(call("ChangeMessageVisibility", change)),
    /not available for visibility timeout change/,
  );
});

test("the same receive attempt gets the same messages and handles until one of them is changed", async () => {
  const { create, send, receive, remove } = started();
  const url = await create("q.fifo", { FifoQueue: "true" });
  for (const at of [1, 2]) await send(url, `a${at}`, grouped("a", `${at}`));
  const attempt = { ReceiveRequestAttemptId: "try" };
  const first = await receive(url, attempt);
  const second = await receive(url, attempt);
  assert.equal(first.length, 2);
  assert.deepEqual(
    second.map(({ ReceiptHandle }) => ReceiptHandle),
    first.map(({ ReceiptHandle }) => ReceiptHandle),
  );
  const [one] = second;
  assert(one);
  await remove(url, one);
  assert.deepEqual(await receive(url, attempt), []);
});

test("visibility can be changed up to twelve hours from the receive, and not of what is deleted", async () => {
  const { clock, create, call, send, receive, remove } = started();
  const url = await create("q");
  await send(url, "one");
  const [message] = await receive(url);
  assert(message);
  const change = (seconds: number) =>
    call("ChangeMessageVisibility", {
      QueueUrl: url,
      ReceiptHandle: message.ReceiptHandle,
      VisibilityTimeout: seconds,
    });
  await clock.advance(1000);
  assert.equal(
    await refusal(change(43_200)),
    "InvalidParameterValue: Value 43200 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds]",
  );
  assert.match(await refusal(change(43_201)), /Reason: Must be between 0 and 43200, if provided\.$/);
  await change(43_199);
  await remove(url, message);
  assert.match(await refusal(change(1)), /Reason: Message does not exist or is not available/);
});

test("E2: a message received too often is in its dead-letter queue, with its id, its count and where it came from", async () => {
  const before = started();
  const dead = await before.create("dead");
  const url = await before.create("q", { VisibilityTimeout: "1", ...redriveTo("dead", 1) });
  await before.send(url, "poison", { MessageAttributes: { a: { DataType: "String", StringValue: "b" } } });
  const [first] = await before.receive(url);
  assert(first);
  await before.clock.advance(1000);
  assert.deepEqual(await before.receive(url), []);
  assert.deepEqual(await before.counts(url), [0, 0, 0]);
  const after = before.crashed();
  assert.deepEqual(await after.counts(url), [0, 0, 0]);
  const [moved] = await after.receive(dead, { MessageAttributeNames: ["All"] });
  assert(moved);
  assert.equal(moved.MessageId, first.MessageId);
  assert.equal(moved.Body, "poison");
  assert.equal(moved.Attributes["ApproximateReceiveCount"], "2");
  assert.equal(moved.Attributes["DeadLetterQueueSourceArn"], arnOf("q"));
  assert.equal(moved.Attributes["SentTimestamp"], first.Attributes["SentTimestamp"]);
  assert("MessageAttributes" in moved);
  assert.deepEqual((await after.call("ListDeadLetterSourceQueues", { QueueUrl: dead }))["queueUrls"], [url]);
});

test("a redrive policy needs a queue of its kind that lets itself be used", async () => {
  const { create, call } = started();
  await create("dead", { RedriveAllowPolicy: '{"redrivePermission":"denyAll"}' });
  await create("dead.fifo", { FifoQueue: "true" });
  const url = await create("q");
  const set = (policy: object) => call("SetQueueAttributes", { QueueUrl: url, Attributes: policy });
  assert.match(
    await refusal(set(redriveTo("none", 1))),
    /^QueueDoesNotExist: .*Dead letter target does not exist\.$/,
  );
  assert.match(await refusal(set(redriveTo("dead.fifo", 1))), /should be of same type as the source\.$/);
  assert.match(await refusal(set(redriveTo("dead", 1))), /does not allow this source queue\.$/);
  await call("SetQueueAttributes", {
    QueueUrl: urlOf("dead"),
    Attributes: {
      RedriveAllowPolicy: JSON.stringify({ redrivePermission: "byQueue", sourceQueueArns: [arnOf("q")] }),
    },
  });
  await set(redriveTo("dead", 1));
});

test("a move task brings dead messages back to where they came from, as new ones", async () => {
  const sim = started();
  const dead = await sim.create("dead");
  const url = await sim.create("q", { VisibilityTimeout: "0", ...redriveTo("dead", 1) });
  const start = { SourceArn: arnOf("dead") };
  assert.match(
    await refusal(sim.call("StartMessageMoveTask", { SourceArn: arnOf("q") })),
    /Source queue must be configured as a Dead Letter Queue\.$/,
  );
  for (const at of [1, 2, 3]) await sim.send(url, `m${at}`);
  const old = await sim.receive(url);
  assert.deepEqual(await sim.receive(url), []);
  assert.deepEqual(await sim.counts(dead), [3, 0, 0]);
  await sim.call("StartMessageMoveTask", start);
  await sim.clock.advance(0);
  assert.deepEqual(await sim.counts(dead), [0, 0, 0]);
  const back = await sim.receive(url);
  assert.deepEqual(back.map(({ Body }) => Body).toSorted(), ["m1", "m2", "m3"]);
  assert.equal(back[0]?.Attributes["ApproximateReceiveCount"], "1");
  assert(!old.some(({ MessageId }) => MessageId === back[0]?.MessageId));
  const { Results } = await sim.call("ListMessageMoveTasks", start);
  assert.deepEqual(Results, [
    {
      Status: "COMPLETED",
      SourceArn: arnOf("dead"),
      ApproximateNumberOfMessagesMoved: 3,
      ApproximateNumberOfMessagesToMove: 3,
      StartedTimestamp: sim.clock.now(),
    },
  ]);
});

test("a move task with a pace runs alone, can be cancelled, and goes on after a crash", async () => {
  const sim = started();
  const dead = await sim.create("dead");
  await sim.create("q", redriveTo("dead", 1));
  const other = await sim.create("other");
  for (let at = 0; at < 10; at += 1) await sim.send(dead, `m${at}`);
  const order = {
    SourceArn: arnOf("dead"),
    DestinationArn: arnOf("other"),
    MaxNumberOfMessagesPerSecond: 2,
  };
  await sim.call("StartMessageMoveTask", order);
  assert.match(await refusal(sim.call("StartMessageMoveTask", order)), /There is already a task running/);
  await sim.clock.advance(1500);
  assert.deepEqual(await sim.counts(other), [4, 0, 0]);

  const after = sim.crashed();
  await after.sqs.start?.();
  await after.clock.advance(1000);
  const { Results } = await after.call("ListMessageMoveTasks", { SourceArn: arnOf("dead") });
  const [task] = Results as { TaskHandle: string; Status: string }[];
  assert.equal(task?.Status, "RUNNING");
  await after.call("CancelMessageMoveTask", { TaskHandle: task?.TaskHandle });
  await after.clock.advance(5000);
  const ended = (await after.call("ListMessageMoveTasks", { SourceArn: arnOf("dead") }))["Results"];
  assert.equal((ended as { Status: string }[])[0]?.Status, "CANCELLED");
  const [moved = 0] = await after.counts(other);
  const [left = 0] = await after.counts(dead);
  assert.equal(moved + left, 10);
  assert(left > 0);
  assert.match(
    await refusal(after.call("CancelMessageMoveTask", { TaskHandle: task?.TaskHandle })),
    /^ResourceNotFoundException: Task does not exist\.$/,
  );
  assert.match(
    await refusal(after.call("CancelMessageMoveTask", { TaskHandle: "x" })),
    /TaskHandle is invalid/,
  );
});

test("a task whose messages come from nowhere fails and leaves them", async () => {
  const sim = started();
  const dead = await sim.create("dead");
  await sim.create("q", redriveTo("dead", 1));
  await sim.send(dead, "sent here");
  await sim.call("StartMessageMoveTask", { SourceArn: arnOf("dead") });
  await sim.clock.advance(0);
  const { Results } = await sim.call("ListMessageMoveTasks", { SourceArn: arnOf("dead") });
  const [task] = Results as { FailureReason: string; Status: string }[];
  assert.deepEqual([task?.Status, task?.FailureReason], ["FAILED", "CouldNotDetermineMessageSource"]);
  assert.deepEqual(await sim.counts(dead), [1, 0, 0]);
});

test("a batch fails by the entry, or as a whole for what is wrong with the batch", async () => {
  const { create, call } = started();
  const url = await create("q");
  const batch = (entries: object[]) => call("SendMessageBatch", { QueueUrl: url, Entries: entries });
  const answer = await batch([
    { Id: "good", MessageBody: "x" },
    { Id: "bad", MessageBody: "" },
  ]);
  assert.deepEqual(answer["Failed"], [
    {
      Id: "bad",
      SenderFault: true,
      Code: "MissingParameter",
      Message: "The request must contain the parameter MessageBody.",
    },
  ]);
  assert.equal((answer["Successful"] as object[]).length, 1);
  assert(!("Failed" in (await batch([{ Id: "good", MessageBody: "x" }]))), "what is empty is left out");
  const entry = (Id: string) => ({ Id, MessageBody: "x" });
  const many = Array.from({ length: 11 }, (_, at) => entry(`${at}`));
  assert.match(
    await refusal(batch([])),
    /^EmptyBatchRequest: There should be at least one SendMessageBatchRequestEntry/,
  );
  assert.match(await refusal(batch(many)), /^TooManyEntriesInBatchRequest: .* are 10\. You have sent 11\.$/);
  assert.match(await refusal(batch([entry("a"), entry("a")])), /^BatchEntryIdsNotDistinct: Id a repeated\.$/);
  assert.match(await refusal(batch([entry("a b")])), /^InvalidBatchEntryId: /);
  const large = { ...entry("a"), MessageBody: "x".repeat(524_288) };
  assert.match(
    await refusal(batch([large, { ...large, Id: "b", MessageBody: `${large.MessageBody}x` }])),
    /^BatchRequestTooLong: Batch requests cannot be longer than 1048576 bytes\. You have sent 1048577 bytes\.$/,
  );
});

test("handles in a batch are refused one by one", async () => {
  const { create, call, send, receive, counts } = started();
  const url = await create("q");
  const other = await create("other");
  await send(url, "one");
  await send(other, "two");
  const [mine] = await receive(url);
  const [foreign] = await receive(other);
  const entries = [
    { Id: "mine", ReceiptHandle: mine?.ReceiptHandle },
    { Id: "foreign", ReceiptHandle: foreign?.ReceiptHandle },
    { Id: "none", ReceiptHandle: "nonsense" },
  ];
  const answer = await call("DeleteMessageBatch", { QueueUrl: url, Entries: entries });
  assert.deepEqual(answer["Successful"], [{ Id: "mine" }]);
  assert.deepEqual(
    (answer["Failed"] as { Id: string; Code: string }[]).map(({ Id, Code }) => [Id, Code]),
    [
      ["foreign", "ReceiptHandleIsInvalid"],
      ["none", "ReceiptHandleIsInvalid"],
    ],
  );
  assert.deepEqual(await counts(url), [0, 0, 0]);
});

test("a purge takes everything, in flight and delayed, forgets what was sent, and leaves nothing on the disk", async () => {
  const { clock, state, create, call, send, receive, remove, counts } = started();
  const url = await create("q.fifo", { FifoQueue: "true" });
  for (const at of [1, 2, 3]) await send(url, `m${at}`, grouped(`g${at}`, `${at}`));
  const [flying] = await receive(url, { MaxNumberOfMessages: 1 });
  assert(flying);
  await call("PurgeQueue", { QueueUrl: url });
  assert.deepEqual(await counts(url), [0, 0, 0]);
  await clock.advance(0);
  assert.deepEqual(
    state.entries.map(({ key }) => key.split(" ")[0]),
    ["sqs/queue"],
  );
  await remove(url, flying);
  await send(url, "again", grouped("g1", "1"));
  assert.deepEqual(await counts(url), [1, 0, 0]);
});

test("a deleted queue is gone with all that it held, and its waiters are told", async () => {
  const { clock, state, create, call, send, receive } = started();
  const url = await create("q");
  const waiting = refusal(receive(url, { WaitTimeSeconds: 20 }));
  await clock.advance(10);
  await call("DeleteQueue", { QueueUrl: url });
  assert.equal(await waiting, "QueueDoesNotExist: The specified queue does not exist.");
  assert.match(await refusal(send(url, "x")), /^QueueDoesNotExist/);
  assert.match(await refusal(call("DeleteQueue", { QueueUrl: url })), /^QueueDoesNotExist/);
  await clock.advance(0);
  assert.deepEqual(state.entries, []);
  await create("q");
  await send(url, "new");
});

test("creating a queue again answers its URL unless an attribute differs", async () => {
  const { call, create } = started();
  const url = await create("q", { DelaySeconds: "5" });
  const again = (Attributes: object) => call("CreateQueue", { QueueName: "q", Attributes });
  assert.equal((await again({}))["QueueUrl"], url);
  assert.equal((await again({ DelaySeconds: "5", VisibilityTimeout: "30" }))["QueueUrl"], url);
  assert.equal(
    await refusal(again({ DelaySeconds: "6" })),
    "QueueNameExists: A queue already exists with the same name and a different value for attribute DelaySeconds",
  );
  const fifo = { FifoQueue: "true" };
  assert.match(
    await refusal(call("CreateQueue", { QueueName: "q", Attributes: fifo })),
    /must end with \.fifo suffix/,
  );
  assert.match(
    await refusal(call("CreateQueue", { QueueName: "q.fifo" })),
    /^InvalidParameterValue: Can only include/,
  );
});

test("queues are listed by name, in pages only where pages are asked for", async () => {
  const { call, create } = started();
  assert.equal((await call("ListQueues", {}))["QueueUrls"], undefined);
  for (const name of ["b", "a", "ab", "c"]) await create(name);
  const list = (input: object) => call("ListQueues", input);
  assert.deepEqual((await list({}))["QueueUrls"], ["a", "ab", "b", "c"].map(urlOf));
  assert.deepEqual((await list({ QueueNamePrefix: "a" }))["QueueUrls"], ["a", "ab"].map(urlOf));
  const first = await list({ MaxResults: 3 });
  assert.deepEqual(first["QueueUrls"], ["a", "ab", "b"].map(urlOf));
  const rest = await list({ MaxResults: 3, NextToken: first["NextToken"] });
  assert.deepEqual([rest["QueueUrls"], rest["NextToken"]], [[urlOf("c")], undefined]);
});

test("attributes are shown as asked: all, some, or no member at all", async () => {
  const { create, call } = started();
  const url = await create("q");
  const shown = async (...names: string[]) =>
    (await call("GetQueueAttributes", { QueueUrl: url, AttributeNames: names })).Attributes;
  assert.deepEqual(Object.keys((await shown("All")) ?? {}), [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "DelaySeconds",
    "LastModifiedTimestamp",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "QueueArn",
    "ReceiveMessageWaitTimeSeconds",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
  ]);
  assert.deepEqual(await shown("QueueArn", "Policy"), { QueueArn: arnOf("q") });
  assert.equal(await shown("Policy"), undefined);
  assert.equal(await shown(), undefined);
});

test("message attributes come as asked for, with the MD5 of what comes", async () => {
  const { create, send, receive } = started();
  const url = await create("q", { VisibilityTimeout: "0" });
  const value = (StringValue: string) => ({ DataType: "String", StringValue });
  const attributes = { "a.one": value("1"), "a.two": value("2"), b: value("3") };
  await send(url, "x", { MessageAttributes: attributes });
  const names = async (...wanted: string[]) => {
    const [message] = await receive(url, { MessageAttributeNames: wanted, AttributeNames: [] });
    const shown = message as {
      MessageAttributes?: object;
      MD5OfMessageAttributes?: string;
      Attributes?: object;
    };
    assert.equal(shown.Attributes, undefined);
    assert.equal(shown.MD5OfMessageAttributes === undefined, shown.MessageAttributes === undefined);
    return Object.keys(shown.MessageAttributes ?? {});
  };
  assert.deepEqual(await names(), []);
  assert.deepEqual(await names("All"), ["a.one", "a.two", "b"]);
  assert.deepEqual(await names("a.*"), ["a.one", "a.two"]);
  assert.deepEqual(await names("b", "nothing"), ["b"]);
});

test("messages past their retention are gone, from receives, counts and the disk", async () => {
  const { clock, state, create, send, receive, counts } = started();
  const url = await create("q", { MessageRetentionPeriod: "60" });
  await send(url, "old");
  await clock.advance(30_000);
  await send(url, "young");
  await clock.advance(30_000);
  assert.deepEqual(
    (await receive(url)).map(({ Body }) => Body),
    ["young"],
  );
  await clock.advance(30_000);
  assert.deepEqual(await counts(url), [0, 0, 0]);
  assert.deepEqual(
    state.entries.map(({ key }) => key.split(" ")[0]),
    ["sqs/queue"],
  );
});

test("of more messages than the window holds, all are counted and come, in order", async () => {
  const sim = started();
  const url = await sim.create("q.fifo", { FifoQueue: "true" });
  const total = queueWindowMessagesMax + 200;
  for (let at = 0; at < total; at += 10) {
    const entries = Array.from({ length: 10 }, (_, entry) => ({
      Id: `${entry}`,
      MessageBody: `${at + entry}`,
      ...grouped(`g${entry}`, `${at + entry}`),
    }));
    await sim.call("SendMessageBatch", { QueueUrl: url, Entries: entries });
  }
  assert.deepEqual(await sim.counts(url), [total, 0, 0]);
  const last = new Map<string, number>();
  let count = 0;
  for (;;) {
    const messages = await sim.receive(url);
    if (messages.length === 0) break;
    const entries = messages.map(({ ReceiptHandle }, at) => ({ Id: `${at}`, ReceiptHandle }));
    await sim.call("DeleteMessageBatch", { QueueUrl: url, Entries: entries });
    for (const { Body, Attributes } of messages) {
      const group = Attributes["MessageGroupId"] ?? "";
      assert(Number(Body) > (last.get(group) ?? -1), "M2: each group in its order");
      last.set(group, Number(Body));
      count += 1;
    }
  }
  assert.equal(count, total);
  assert.deepEqual(await sim.counts(url), [0, 0, 0]);
});

test("tags are set, overwritten, taken away and listed; without tags there is no member", async () => {
  const { create, call } = started();
  const url = await create("q");
  const tags = async () => (await call("ListQueueTags", { QueueUrl: url }))["Tags"];
  assert.equal(await tags(), undefined);
  await call("TagQueue", { QueueUrl: url, Tags: { a: "1", b: "" } });
  await Promise.all([
    call("TagQueue", { QueueUrl: url, Tags: { a: "2" } }),
    call("UntagQueue", { QueueUrl: url, TagKeys: ["b", "absent"] }),
  ]);
  assert.deepEqual(await tags(), { a: "2" });
});

test("an event of another service is a message, with its attributes and its trace", async () => {
  const { sqs, create, receive } = started();
  const url = await create("q");
  const from = { account, region: "us-east-1", principal: "lambda.amazonaws.com", sourceArn: "arn:x" };
  const event = { body: Buffer.from("{}"), attributes: { Code: { type: "Number" as const, value: "200" } } };
  await sqs.target.deliver(arnOf("q"), event, { ...from, traceHeader: "Root=1" });
  const [message] = await receive(url, { MessageAttributeNames: ["All"] });
  assert.equal(message?.Body, "{}");
  assert.equal(message?.Attributes["AWSTraceHeader"], "Root=1");
  const nowhere = sqs.target.deliver(arnOf("none"), event, { ...from, traceHeader: "" });
  assert.match(await refusal(nowhere), /^QueueDoesNotExist/);
});

test("a service sends only where the queue's policy lets it, and a refusal is logged with what is missing", async () => {
  const lines: string[] = [];
  const clock = createSimClock();
  const write = (line: string) => void lines.push(line);
  const logger = createLogger({ clock, level: "warn", format: "json", write });
  const { sqs, call, create, bodies } = started(createMemoryState(), clock, logger);
  const url = await create("q.fifo", { FifoQueue: "true" });
  const topic = "arn:aws:sns:us-east-1:000000000000:news.fifo";
  const sender = {
    account,
    region: "us-east-1",
    principal: "sns.amazonaws.com",
    sourceArn: topic,
    traceHeader: "",
  };
  const deliver = (body: string) =>
    sqs.target.deliver(
      arnOf("q.fifo"),
      {
        body: Buffer.from(body),
        groupId: "g",
        dedupId: body,
        attributes: { raw: { type: "Binary", value: Buffer.from([1, 255]).toString("base64") } },
      },
      sender,
    );
  assert.match(await refusal(deliver("early")), /^AccessDenied: User: sns\.amazonaws\.com is not authorized/);
  assert.match(lines.join(), /Allow sqs:SendMessage to sns\.amazonaws\.com/);
  const statement = {
    Effect: "Allow",
    Principal: { Service: "sns.amazonaws.com" },
    Action: "sqs:SendMessage",
    Resource: arnOf("q.fifo"),
    Condition: { ArnEquals: { "aws:SourceArn": topic } },
  };
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
  await call("SetQueueAttributes", { QueueUrl: url, Attributes: { Policy } });
  await deliver("one");
  await deliver("one");
  await deliver("two");
  assert.deepEqual(await bodies(url), ["one", "two"]);
});

test("another account may do what the queue's policy grants it, and never what is its owner's alone", async () => {
  const { call, create, send } = started();
  const url = await create("q");
  await send(url, "hello");
  const other = { account: "111122223333", principalArn: "arn:aws:iam::111122223333:root" };
  const stranger = { account: other.account, identity: other as Context["identity"] };
  const receive = () => call("ReceiveMessage", { QueueUrl: url }, stranger);
  assert.equal(
    await refusal(receive()),
    `AccessDenied: User: ${other.principalArn} is not authorized to perform: sqs:receivemessage on resource: ${arnOf("q")} because no resource-based policy allows the sqs:receivemessage action`,
  );
  const grant = { Label: "l", AWSAccountIds: [other.account], Actions: ["ReceiveMessage"] };
  await call("AddPermission", { QueueUrl: url, ...grant });
  assert.equal((await receive()).Messages?.length, 1);
  assert.match(await refusal(call("PurgeQueue", { QueueUrl: url }, stranger)), /sqs:purgequeue/);
  await call("RemovePermission", { QueueUrl: url, Label: "l" });
  await call("AddPermission", { QueueUrl: url, ...grant, Actions: ["*"] });
  await call("PurgeQueue", { QueueUrl: url }, stranger);
  assert.match(await refusal(call("DeleteQueue", { QueueUrl: url }, stranger)), /sqs:deletequeue/);
});
