/** EventBridge as its users have it: SDK, boto3, AWS CLI; functions, queues, logs, another bus and real HTTP behind rules. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  FilterLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateApiDestinationCommand,
  CreateArchiveCommand,
  CreateConnectionCommand,
  CreateEventBusCommand,
  DescribeArchiveCommand,
  DescribeReplayCommand,
  EventBridgeClient,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
  ResourceNotFoundException,
  DescribeEventBusCommand,
  StartReplayCommand,
  type Target,
  TestEventPatternCommand,
} from "@aws-sdk/client-eventbridge";
import {
  AddPermissionCommand,
  CreateFunctionCommand,
  LambdaClient,
  waitUntilFunctionActiveV2,
} from "@aws-sdk/client-lambda";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, type Message, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { allOnPath, mustRun, works } from "../harness/command.ts";
import { type RunningServer, startServer } from "../harness/server.ts";
import { until } from "../harness/wait.ts";
import { zipOf } from "../harness/zip.ts";

const role = "arn:aws:iam::000000000000:role/any";
const queueArn = (name: string) => `arn:aws:sqs:us-east-1:000000000000:${name}`;
const busArn = (name: string) => `arn:aws:events:us-east-1:000000000000:event-bus/${name}`;
let server: RunningServer;
let events: EventBridgeClient;
let sqs: SQSClient;
let lambda: LambdaClient;
let logs: CloudWatchLogsClient;
let sns: SNSClient;

before(async () => {
  server = await startServer();
  const settings = {
    endpoint: server.url,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  };
  events = new EventBridgeClient(settings);
  sqs = new SQSClient(settings);
  lambda = new LambdaClient(settings);
  logs = new CloudWatchLogsClient(settings);
  sns = new SNSClient(settings);
});

after(async () => {
  await server.stop();
});

/** A queue that rules, or others, may send to. */
async function queue(name: string, sender = "events.amazonaws.com"): Promise<string> {
  const statement = {
    Effect: "Allow",
    Principal: { Service: sender },
    Action: "sqs:SendMessage",
    Resource: queueArn(name),
  };
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
  const { QueueUrl = "" } = await sqs.send(
    new CreateQueueCommand({ QueueName: name, Attributes: { Policy } }),
  );
  return QueueUrl;
}

/** Waits for the first messages. */
async function received(QueueUrl: string): Promise<readonly Message[]> {
  const order = {
    QueueUrl,
    WaitTimeSeconds: 10,
    MaxNumberOfMessages: 10,
    MessageAttributeNames: ["All"],
    MessageSystemAttributeNames: ["All" as const],
  };
  return (await sqs.send(new ReceiveMessageCommand(order))).Messages ?? [];
}

async function rule(Name: string, pattern: object, Targets: Target[], EventBusName?: string): Promise<void> {
  await events.send(new PutRuleCommand({ Name, EventPattern: JSON.stringify(pattern), EventBusName }));
  await events.send(new PutTargetsCommand({ Rule: Name, Targets, EventBusName }));
}

const put = (Source: string, detail: object, more: object = {}) =>
  events.send(
    new PutEventsCommand({
      Entries: [{ Source, DetailType: "Order", Detail: JSON.stringify(detail), ...more }],
    }),
  );

async function createFunction(name: string, source: string): Promise<string> {
  const { FunctionArn = "" } = await lambda.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Runtime: "nodejs24.x",
      Role: role,
      Handler: "index.handler",
      Code: { ZipFile: await zipOf({ "index.js": source }) },
    }),
  );
  await waitUntilFunctionActiveV2(
    { client: lambda, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
    { FunctionName: name },
  );
  return FunctionArn;
}

test("a function gets what its rule makes of the event, once the function lets the rule in; else the dead-letter queue", async () => {
  const arn = await createFunction(
    "worker",
    'exports.handler = async (event) => console.log("got " + JSON.stringify(event));',
  );
  const dead = await queue("worker-dead");
  const transformer = {
    InputPathsMap: { n: "$.detail.n", who: "$.detail.who" },
    InputTemplate: '{"number":<n>,"text":"to <who>","rule":<aws.events.rule-name>}',
  };
  await rule("worker", { source: ["function"] }, [
    { Id: "f", Arn: arn, InputTransformer: transformer, DeadLetterConfig: { Arn: queueArn("worker-dead") } },
  ]);
  await put("function", { n: 1, who: "you" });
  const [letter] = await received(dead);
  assert.equal(letter?.MessageAttributes?.["ERROR_CODE"]?.StringValue, "NO_PERMISSIONS");
  assert.equal((JSON.parse(letter.Body ?? "") as { detail: { n: number } }).detail.n, 1);

  await lambda.send(
    new AddPermissionCommand({
      FunctionName: "worker",
      StatementId: "rule",
      Action: "lambda:InvokeFunction",
      Principal: "events.amazonaws.com",
      SourceArn: "arn:aws:events:us-east-1:000000000000:rule/worker",
    }),
  );
  await put("function", { n: 2, who: "me" });
  const line = await until("the function has run", async () => {
    const group = { logGroupName: "/aws/lambda/worker", filterPattern: '"got"' };
    const { events: found } = await logs
      .send(new FilterLogEventsCommand(group))
      .catch(() => ({ events: [] }));
    return found?.[0]?.message;
  });
  assert.match(line, /got \{"number":2,"text":"to me","rule":"worker"\}/);
});

test("queues, FIFO queues, another bus and log groups get the event as it is, with its trace", async () => {
  const plain = await queue("plain");
  const { QueueUrl: fifo = "" } = await sqs.send(
    new CreateQueueCommand({
      QueueName: "orders.fifo",
      Attributes: {
        FifoQueue: "true",
        ContentBasedDeduplication: "true",
        Policy: JSON.stringify({
          Version: "2012-10-17",
          Statement: {
            Effect: "Allow",
            Principal: { Service: "events.amazonaws.com" },
            Action: "sqs:SendMessage",
            Resource: queueArn("orders.fifo"),
          },
        }),
      },
    }),
  );
  await logs.send(new CreateLogGroupCommand({ logGroupName: "/aws/events/orders" }));
  await events.send(new CreateEventBusCommand({ Name: "hub" }));
  await rule("all", { source: ["many"], detail: { total: [{ numeric: [">", 100] }] } }, [
    {
      Id: "fifo",
      Arn: queueArn("orders.fifo"),
      SqsParameters: { MessageGroupId: "g" },
      InputPath: "$.detail",
    },
    { Id: "hub", Arn: busArn("hub"), RoleArn: role },
    { Id: "logs", Arn: "arn:aws:logs:us-east-1:000000000000:log-group:/aws/events/orders" },
  ]);
  await rule("on-hub", { source: ["many"] }, [{ Id: "plain", Arn: queueArn("plain") }], "hub");
  const TraceHeader = "Root=1-5f84c7a1-0123456789abcdef01234567";
  await put("many", { total: 50 });
  const { Entries } = await put("many", { total: 150 }, { TraceHeader });
  const [message, ...more] = await received(plain);
  assert.deepEqual(more, []);
  const event = JSON.parse(message?.Body ?? "") as Record<string, unknown>;
  assert.equal(event["id"], Entries?.[0]?.EventId);
  assert.deepEqual(event["detail"], { total: 150 });
  assert.match(message?.Attributes?.AWSTraceHeader ?? "", /^Root=1-5f84c7a1-0123456789abcdef01234567/);
  const [ordered] = await received(fifo);
  assert.equal(ordered?.Body, '{"total":150}');
  assert.equal(ordered.Attributes?.MessageGroupId, "g");
  const logged = await until("it is logged", async () => {
    const { events: found } = await logs.send(
      new FilterLogEventsCommand({ logGroupName: "/aws/events/orders" }),
    );
    return found?.[0]?.message;
  });
  assert.deepEqual(JSON.parse(logged), event);
});

test("a topic gets the event as its message", async () => {
  const statement = {
    Effect: "Allow",
    Principal: { Service: "events.amazonaws.com" },
    Action: "sns:Publish",
    Resource: "*",
  };
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
  const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: "news", Attributes: { Policy } }));
  const url = await queue("subscribed", "sns.amazonaws.com");
  const Attributes = { RawMessageDelivery: "true" };
  await sns.send(
    new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: queueArn("subscribed"), Attributes }),
  );
  await rule("news", { source: ["topic"] }, [{ Id: "t", Arn: TopicArn, InputPath: "$.detail" }]);
  await put("topic", { n: 1 });
  const [message] = await received(url);
  assert.equal(message?.Body, '{"n":1}');
});

test("an API destination is called over HTTP, and again when it answers 503", async () => {
  const seen: { url: string | undefined; headers: IncomingHttpHeaders; body: string }[] = [];
  const hook = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      seen.push({ url: request.url, headers: request.headers, body });
      response.writeHead(seen.length === 1 ? 503 : 200).end("thanks");
    });
  });
  hook.listen(0, "127.0.0.1");
  await once(hook, "listening");
  try {
    const { ConnectionArn } = await events.send(
      new CreateConnectionCommand({
        Name: "hook",
        AuthorizationType: "BASIC",
        AuthParameters: { BasicAuthParameters: { Username: "user", Password: "secret" } },
      }),
    );
    const { ApiDestinationArn } = await events.send(
      new CreateApiDestinationCommand({
        Name: "hook",
        ConnectionArn,
        HttpMethod: "PUT",
        InvocationEndpoint: `http://127.0.0.1:${(hook.address() as AddressInfo).port}/orders/*`,
      }),
    );
    const HttpParameters = {
      PathParameterValues: ["$.detail.id"],
      HeaderParameters: { "x-from": "$.source" },
    };
    await rule("hook", { source: ["hook"] }, [
      { Id: "h", Arn: ApiDestinationArn, RoleArn: role, InputPath: "$.detail", HttpParameters },
    ]);
    await put("hook", { id: "a/b" });
    await until("it was called twice", () => seen.length === 2);
    const { url, headers, body } = seen[1] ?? {};
    assert.deepEqual([url, body], ["/orders/a%2Fb", '{"id":"a/b"}']);
    assert.equal(headers?.authorization, `Basic ${Buffer.from("user:secret").toString("base64")}`);
    assert.equal(headers["user-agent"], "Amazon/EventBridge/ApiDestinations");
    assert.equal(headers["x-from"], "hook");
  } finally {
    hook.closeAllConnections();
    hook.close();
  }
});

test("an archive is replayed to its bus", async () => {
  const url = await queue("replayed");
  await events.send(new CreateEventBusCommand({ Name: "shop" }));
  const { ArchiveArn } = await events.send(
    new CreateArchiveCommand({ ArchiveName: "shop", EventSourceArn: busArn("shop"), RetentionDays: 7 }),
  );
  for (let n = 0; n < 3; n += 1) await put("shop", { n }, { EventBusName: "shop" });
  const { EventCount } = await events.send(new DescribeArchiveCommand({ ArchiveName: "shop" }));
  assert.equal(EventCount, 3);
  await rule("replayed", { "replay-name": ["again"] }, [{ Id: "q", Arn: queueArn("replayed") }], "shop");
  await events.send(
    new StartReplayCommand({
      ReplayName: "again",
      EventSourceArn: ArchiveArn,
      EventStartTime: new Date(Date.now() - 60_000),
      EventEndTime: new Date(Date.now() + 60_000),
      Destination: { Arn: busArn("shop") },
    }),
  );
  await until("it has ended", async () => {
    const { State } = await events.send(new DescribeReplayCommand({ ReplayName: "again" }));
    return State === "COMPLETED";
  });
  const seen = new Set<number>();
  await until("all have come", async () => {
    for (const { Body = "" } of await received(url))
      seen.add((JSON.parse(Body) as { detail: { n: number } }).detail.n);
    return seen.size === 3;
  });
});

test("the SDK sees AWS's errors; TestEventPattern says what matches", async () => {
  await assert.rejects(events.send(new DescribeEventBusCommand({ Name: "nowhere" })), (error) => {
    assert(error instanceof ResourceNotFoundException);
    assert.equal(error.message, "Event bus nowhere does not exist.");
    return true;
  });
  const eleven = Array.from({ length: 11 }, () => ({ Source: "s", DetailType: "d", Detail: "{}" }));
  await assert.rejects(events.send(new PutEventsCommand({ Entries: eleven })), {
    name: "ValidationException",
    message:
      /^1 validation error detected: Value '\[PutEventsRequestEntry\(.*\]' at 'entries' failed to satisfy constraint: Member must have length less than or equal to 10$/,
  });
  const Event = JSON.stringify({ source: "a", detail: { ip: "10.0.0.1" } });
  const pattern = { EventPattern: '{"detail":{"ip":[{"cidr":"10.0.0.0/24"}]}}', Event };
  assert.equal((await events.send(new TestEventPatternCommand(pattern))).Result, true);
});

const python = (endpoint: string) => `
import boto3, json, time
from botocore.exceptions import ClientError
events = boto3.client("events", endpoint_url=${JSON.stringify(endpoint)})
name = "boto-" + boto3.__version__.replace(".", "-")
events.create_event_bus(Name=name, Tags=[{"Key": "team", "Value": "a"}])
arn = events.put_rule(Name="r", EventBusName=name, EventPattern=json.dumps({"source": [{"prefix": "x"}]}))["RuleArn"]
assert arn.endswith(":rule/%s/r" % name), arn
done = events.put_targets(Rule="r", EventBusName=name, Targets=[{"Id": "1", "Arn": "${queueArn("boto")}"}])
assert done["FailedEntryCount"] == 0, done
assert [r["Name"] for r in events.list_rules(EventBusName=name)["Rules"]] == ["r"]
assert events.list_rule_names_by_target(TargetArn="${queueArn("boto")}", EventBusName=name)["RuleNames"] == ["r"]
sent = events.put_events(Entries=[{"Source": "x", "DetailType": "d", "Detail": "{}", "EventBusName": name}, {"Source": "x", "DetailType": "d", "Detail": "no"}])
errors = []
for act in (lambda: events.put_rule(Name="s", ScheduleExpression="rate(1 minutes)"), lambda: events.delete_rule(Name="r", EventBusName=name),
            lambda: events.put_rule(Name="p", EventPattern='{"a":[]}'), lambda: events.create_endpoint(Name="e", RoutingConfig={"FailoverConfig": {"Primary": {"HealthCheck": "arn:aws:route53:::healthcheck/x"}, "Secondary": {"Route": "us-west-2"}}}, EventBuses=[{"EventBusArn": "arn:aws:events:us-east-1:000000000000:event-bus/a"}] * 2)):
    try:
        act()
    except ClientError as error:
        errors.append([error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]])
events.remove_targets(Rule="r", EventBusName=name, Ids=["1"])
events.delete_rule(Name="r", EventBusName=name)
events.delete_event_bus(Name=name)
print(json.dumps({"version": boto3.__version__, "failed": sent["FailedEntryCount"], "errors": errors}))
`;

for (const program of allOnPath("python3")) {
  test(`boto3 of ${program}: buses, rules, targets, events, and AWS's codes`, async (t) => {
    if (!works(program, ["-c", "import boto3"])) return t.skip(`${program} has no boto3`);
    const url = await queue("boto");
    const printed = await mustRun(program, ["-c", python(server.url)], { env: server.env });
    const { version, failed, errors } = JSON.parse(printed) as Record<string, unknown>;
    console.log(`boto3 ${String(version)}`);
    assert.equal(failed, 1);
    assert.deepEqual(errors, [
      ["ValidationException", 400],
      ["ValidationException", 400],
      ["InvalidEventPatternException", 400],
      ["UnsupportedOperationException", 400],
    ]);
    assert.equal((await received(url)).length, 1);
  });
}

for (const [at, cli] of allOnPath("aws").entries()) {
  test(`${cli}: an event by hand`, async () => {
    const name = `cli-${at}`;
    const url = await queue(name);
    const aws = async (...args: string[]) => {
      const words = ["events", ...args, "--endpoint-url", server.url, "--output", "json"];
      const printed = await mustRun(cli, words, { env: server.env });
      return (printed.trim() === "" ? {} : JSON.parse(printed)) as Record<string, unknown>;
    };
    await aws("put-rule", "--name", name, "--event-pattern", JSON.stringify({ source: [name] }));
    await aws("put-targets", "--rule", name, "--targets", `Id=1,Arn=${queueArn(name)}`);
    const entry = { Source: name, DetailType: "hand", Detail: "{}" };
    const sent = await aws("put-events", "--entries", JSON.stringify([entry]));
    assert.equal(sent["FailedEntryCount"], 0);
    assert.equal((await received(url)).length, 1);
    const described = await aws("describe-rule", "--name", name);
    assert.equal(described["State"], "ENABLED");
  });
}
