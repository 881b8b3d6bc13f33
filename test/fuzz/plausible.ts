/**
 * Values for the fuzzer to begin with: of any shape of a model, with words in them that mean something to the services
 * (names and ARNs of what `services.ts` makes, policies, patterns, expressions), so that requests get past the first check.
 */
import type { Random } from "../../src/base/random.ts";
import { compilePattern } from "../../src/wire/java-pattern.ts";
import type { Member, Shape } from "../../src/wire/model.ts";

/** Words that members may hold: some that are known from the beginning, and what answers have told. */
export class Words {
  readonly random: Random;
  readonly #learnt = new Map<string, string[]>();

  constructor(random: Random) {
    this.random = random;
  }

  /** By the member's name. */
  of(name: string): string {
    const { random } = this;
    if (random.float() < oddShare) return pick(random, oddTexts);
    const learnt = this.#learnt.get(nounOf(name));
    if (learnt && random.float() < 0.5) return pick(random, learnt);
    for (const [pattern, words] of vocabulary) if (pattern.test(name)) return pick(random, words);
    return pick(random, names);
  }

  /** Ids, receipts, tokens of an answer, whatever its protocol. */
  learn(answer: string): void {
    for (const [, name = "", value = ""] of answer.matchAll(/["<](\w+)(?:":"|>)([^"<\\]{1,2000})["<]/g)) {
      if (!/Id$|UUID|Handle|Arn$|Token$|Marker$|ETag$|Name$/i.test(name)) continue;
      const learnt = this.#learnt.get(nounOf(name)) ?? [];
      this.#learnt.set(nounOf(name), [...learnt.slice(-learntMax), value]);
    }
  }
}

const learntMax = 10;
/** Of words. */
const oddShare = 0.03;
/** What nobody expects, in requests that are well-formed otherwise. */
const oddTexts = [
  "",
  " ",
  "\0",
  "\ud800",
  "\u{1F600}",
  "e\u0301",
  "a".repeat(3000),
  "../../etc/passwd",
  "__proto__",
  "constructor",
  "%00",
  "<&>\"'",
  "a\r\nb: c",
  "-1",
  "NaN",
  "*",
  "?",
  "$",
  "[".repeat(500),
  '{"a":'.repeat(300),
  "(a+)+$",
];

/** "NextToken" is given back as "StartingToken", "taskHandle" as "TaskHandle". */
function nounOf(name: string): string {
  return /token$|marker$/i.exec(name)?.[0].toLowerCase() ?? name.toLowerCase();
}

const depthMax = 4;
/** Of the members that need not be there; the fewer, the likelier all fit together. */
const optionalShares = [0, 0, 0.1, 0.3];
/** Without which nothing goes, though models do not say so. */
const usual = /^(Runtime|Handler|ZipFile|Code|EventSourceArn|Endpoint|NotificationEndpoint)$/;

/** As handlers are given it: required members always, others by chance. */
export function plausible(shape: Shape, words: Words, name = "", depth = 0): unknown {
  const { random } = words;
  switch (shape.kind) {
    case "structure":
    case "union": {
      const share = pick(random, optionalShares);
      const wanted = ({ name, required }: Member) =>
        required || random.float() < (usual.test(name) ? 0.9 : share);
      const one = shape.members.length > 0 ? [pick(random, shape.members)] : [];
      const members = shape.kind === "union" ? one : shape.members.filter(wanted);
      if (depth > depthMax) return {};
      return Object.fromEntries(members.map((m) => [m.name, plausible(m.shape, words, m.name, depth + 1)]));
    }
    case "list":
      return shape.element && depth <= depthMax
        ? Array.from({ length: random.float() < 0.8 ? 1 : 2 }, () =>
            plausible(shape.element?.shape ?? shape, words, name, depth + 1),
          )
        : [];
    case "map":
      return shape.element && depth <= depthMax
        ? { [words.of(`${name}Key`)]: plausible(shape.element.shape, words, name, depth + 1) }
        : {};
    case "boolean":
      return random.float() < 0.5;
    case "integer":
    case "long":
    case "float":
    case "double":
    case "bigInteger":
    case "bigDecimal":
      return number(shape, random);
    case "timestamp":
      return new Date(pick(random, timesMs));
    case "blob":
      return Buffer.from(pick(random, ["abc", "{}", '{"a":1}', "id,name\n1,2\n"]));
    case "document":
    case "unit":
      return {};
    case "string":
      return text(shape, words, name);
  }
}

export function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[Math.floor(random.float() * items.length)];
  if (item === undefined) throw new Error("nothing to pick from");
  return item;
}

function text({ constraint }: Shape, words: Words, name: string): string {
  const { enum: choices, min = 0, pattern } = constraint ?? {};
  if (choices && words.random.float() < 0.95) return pick(words.random, choices);
  const fitting = pattern === undefined ? undefined : compilePattern(pattern);
  let word = words.of(name);
  for (let tries = 0; fitting && !fitting.test(word) && tries < 20; tries += 1) word = words.of(name);
  return word.padEnd(Math.min(min, 64), "x");
}

function number({ constraint }: Shape, random: Random): number {
  const { min, max } = constraint ?? {};
  const usual = [min, max, 1, 10, 300].filter((value) => value !== undefined);
  return pick(random, random.float() < 0.9 ? usual : oddNumbers);
}

const oddNumbers = [0, -1, 0.5, 2 ** 31, 2 ** 31 - 1, 2 ** 53, 1e15, 1e300];
const timesMs = [0, 1_700_000_000_000, 1_767_225_600_000, 1_767_225_700_000, -1, 253_402_300_800_000];
const names = ["x", "x", "x", "x", "xxx", "x.fifo", "k", "1", "a b", "\u00e9", "default"];

const region = "us-east-1";
const account = "000000000000";
const arn = (service: string, resource: string) => `arn:aws:${service}:${region}:${account}:${resource}`;
const arns = [
  arn("sqs", "dead"),
  arn("lambda", "function:x"),
  arn("lambda", "function:x:1"),
  arn("lambda", "layer:x:1"),
  arn("sqs", "x"),
  arn("sqs", "x.fifo"),
  arn("sns", "x"),
  arn("sns", "x.fifo"),
  arn("events", "event-bus/x"),
  arn("events", "rule/x"),
  arn("events", "archive/x"),
  arn("events", "connection/x/11111111-2222-4333-8444-555555555555"),
  arn("scheduler", "schedule/default/x"),
  arn("logs", "log-group:x"),
  "arn:aws:s3:::xxx",
  "arn:aws:iam::000000000000:role/x",
  "arn:aws:scheduler:::aws-sdk:sqs:sendMessage",
];
const policy =
  '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::xxx/*"}]}';
const patterns = [
  '{"source":["a"],"detail":{"n":[{"numeric":[">",1,"<=",5]}],"b":[{"prefix":"x"},{"exists":false}]}}',
  '{"$or":[{"a":[{"wildcard":"a*b*"}]},{"b":[{"anything-but":["x"]}]}]}',
];
const documents = [
  "{}",
  "[]",
  "null",
  policy,
  ...patterns,
  `{"deadLetterTargetArn":"${arn("sqs", "x")}","maxReceiveCount":"3"}`,
  '{"a":"<b>","b":[1,{"c":null}]}',
  '{"a":[{"constructor":1}],"__proto__":["x"]}',
  '{"a":[{"numeric":["constructor",1]},{"anything-but":{"toString":"x"}}]}',
  '{"QueueUrl":"http://127.0.0.1:4566/000000000000/x","MessageBody":"b"}',
];

/** The first that fits. */
const vocabulary: readonly (readonly [RegExp, readonly string[]])[] = [
  [/QueueUrl/, [`http://127.0.0.1:4566/${account}/x`, `http://127.0.0.1:4566/${account}/x.fifo`, "x"]],
  [/Arn$|ARN|^Resource$|^Endpoint$|^Target$|EventSource/, arns],
  [/EventSourceArn|DeadLetter/, [arn("sqs", "x"), arn("sqs", "x.fifo"), arn("events", "event-bus/default")]],
  [/^SourceArn$/, [arn("sqs", "dead"), arn("sqs", "x"), "arn:aws:s3:::xxx", arn("sns", "x")]],
  [/^TopicArn$/, [arn("sns", "x")]],
  [
    /^Action$|ActionName/,
    ["lambda:InvokeFunction", "lambda:GetLayerVersion", "SendMessage", "Publish", "events:PutEvents"],
  ],
  [/^Principal$|AWSAccountId|ExpectedBucketOwner/, [account, "*", "s3.amazonaws.com"]],
  [/^Grant|GrantFullControl/, ['id="x"', 'uri="http://acs.amazonaws.com/groups/global/AllUsers"']],
  [/Method/, ["GET", "PUT", "*"]],
  [/RoleArn$/, ["arn:aws:iam::000000000000:role/x"]],
  [/^Status$/, ["Enabled", "Suspended"]],
  [/Policy/, [policy, policy, policy, "{}", "null"]],
  [/Pattern/, patterns],
  [/^Bucket/, ["xxx", "xxx", "xxx", "yyy"]],
  [/^CopySource$/, ["xxx/k", "/xxx/k?versionId=null", "xxx/%"]],
  [/^FunctionName$/, ["x", "x", "x:1", "x:live", arn("lambda", "function:x")]],
  [/^Handler$/, ["index.handler", "x"]],
  [/^Role$/, ["arn:aws:iam::000000000000:role/x"]],
  [
    /ScheduleExpression$/,
    ["rate(1 minute)", "rate(1 minutes)", "cron(0 12 ? * MON-FRI *)", "at(2030-01-01T00:00:00)"],
  ],
  [/Timezone/, ["UTC", "Europe/Berlin", "x"]],
  [/Token|Marker|^KeyMarker|StartAfter/, ["", "x", "eyJhIjoxfQ==", "AAAA"]],
  [/Qualifier|Version/, ["1", "$LATEST", "live", "null", "2"]],
  [/^Protocol$/, ["sqs", "lambda", "http", "https", "email", "sms"]],
  [
    /^AttributesKey$|AttributeNames?$/,
    ["All", "VisibilityTimeout", "FilterPolicy", "RedrivePolicy", "Policy", "DelaySeconds"],
  ],
  [/AttributeValue|^Attributes$|^Value$|^StringValue$/, ["1", "true", "x", ...documents]],
  [/Policy|Pattern|Document|Template|Input$|Event$|Detail$|Filter|Message$|Body$/, documents],
  [/DataType/, ["String", "Number", "Binary", "String.Array", "Number.int"]],
  [
    /^(Content)?MD5|Checksum|ETag|IfMatch|IfNoneMatch|SHA256$/,
    ["*", '"900150983cd24fb0d6963f7d28e17f72"', "kAFQmDzST7DWlj99KOF/cg==", "x"],
  ],
  [/^Range$|CopySourceRange/, ["bytes=0-1", "bytes=-1", "bytes=9-", "bytes=1-0"]],
  [/Delimiter|^Prefix$/, ["/", "", "k", "x"]],
  [/^UploadId$|UUID|Handle/, ["x", "11111111-2222-4333-8444-555555555555", "AQEB"]],
  [/Days|Seconds|Period|Max|Count|Size/, ["1", "0", "300"]],
  [/DeliveryMedium|Date$|Time$/, ["2030-01-01T00:00:00Z", "Fri, 01 Jan 2027 00:00:00 GMT", "2030-01-01"]],
];
