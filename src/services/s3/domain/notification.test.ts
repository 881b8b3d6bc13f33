import assert from "node:assert/strict";
import { test } from "node:test";
import { AwsError } from "../../../wire/aws-error.ts";
import { checkedRules, type GivenDestination, matchingRules } from "./notification.ts";
import { busEvent, eventVersion, notificationBody, type ObjectEvent } from "./notification-record.ts";

const queueArn = "arn:aws:sqs:us-east-1:000000000000:q";

function rule(events: string, filters: Record<string, string> = {}, arn = queueArn): GivenDestination {
  const FilterRules = Object.entries(filters).map(([Name, Value]) => ({ Name, Value }));
  return {
    kind: "Queue",
    arn,
    given: { Events: events.split(" ").map((event) => `s3:${event}`), Filter: { Key: { FilterRules } } },
  };
}

let ids = 0;
const checked = (...rules: GivenDestination[]) => checkedRules(rules, () => `id${ids++}`);

const overlaps: readonly (readonly [one: GivenDestination, other: GivenDestination, refused: boolean])[] = [
  [rule("ObjectCreated:Put"), rule("ObjectCreated:Put"), true],
  [rule("ObjectCreated:Put"), rule("ObjectCreated:*"), true],
  [rule("ObjectCreated:Put"), rule("ObjectCreated:Copy"), false],
  [rule("ObjectCreated:*"), rule("ObjectRemoved:*"), false],
  [rule("ObjectCreated:*", { prefix: "a" }), rule("ObjectCreated:*", { prefix: "b" }), false],
  [rule("ObjectCreated:*", { prefix: "a" }), rule("ObjectCreated:*", { prefix: "ab" }), true],
  [rule("ObjectCreated:*", { prefix: "a" }), rule("ObjectCreated:*"), true],
  [rule("ObjectCreated:*", { suffix: ".jpg" }), rule("ObjectCreated:*", { suffix: ".png" }), false],
  [rule("ObjectCreated:*", { suffix: ".jpg" }), rule("ObjectCreated:*", { suffix: "a.jpg" }), true],
  [
    rule("ObjectCreated:*", { prefix: "a", suffix: "x" }),
    rule("ObjectCreated:*", { prefix: "b", suffix: "x" }),
    false,
  ],
  [rule("ObjectCreated:*", { prefix: "a" }), rule("ObjectCreated:*", { suffix: "x" }), true],
];

for (const [one, other, refused] of overlaps) {
  test(`two rules ${refused ? "overlap" : "go together"}: ${JSON.stringify([one.given, other.given])}`, () => {
    if (refused) assert.throws(() => checked(one, other), /Configuration is ambiguously defined/);
    else assert.equal(checked(one, other).length, 2);
  });
}

const mistakes: readonly (readonly [what: string, given: GivenDestination, text: RegExp, name?: string])[] = [
  [
    "an unknown filter",
    rule("ObjectCreated:Put", { infix: "a" }),
    /either prefix or suffix/,
    "FilterRule.Name",
  ],
  ["no ARN at all", rule("ObjectCreated:Put", {}, "queue"), /The ARN could not be parsed/, "Queue"],
  [
    "another service's ARN",
    rule("ObjectCreated:Put", {}, "arn:aws:sns:us-east-1:1:t"),
    /could not be parsed/,
    "Queue",
  ],
  ["an unknown event", rule("ObjectEaten:Put"), /not supported/, "Event"],
];

for (const [what, given, text, name] of mistakes) {
  test(`${what} is refused`, () => {
    assert.throws(
      () => checked(given),
      (error) => {
        assert(error instanceof AwsError);
        assert.match(error.message, text);
        assert.equal(error.members["ArgumentName"], name);
        return true;
      },
    );
  });
}

test("an event goes to the rules of its name, family, prefix and suffix", () => {
  const rules = checked(
    rule("ObjectCreated:*", { Prefix: "in/", suffix: ".jpg" }),
    rule("ObjectRemoved:Delete"),
    rule("ObjectCreated:Put", { prefix: "other/" }),
  );
  const matches = (event: string, key: string) =>
    matchingRules({ rules, hasEventBridge: false }, event, key).map(({ id }) =>
      rules.findIndex((each) => each.id === id),
    );
  assert.deepEqual(matches("ObjectCreated:Put", "in/a.jpg"), [0]);
  assert.deepEqual(matches("ObjectCreated:Copy", "in/a.jpg"), [0]);
  assert.deepEqual(matches("ObjectCreated:Put", "in/a.png"), []);
  assert.deepEqual(matches("ObjectCreated:Put", "other/a"), [2]);
  assert.deepEqual(matches("ObjectCreated:Copy", "other/a"), []);
  assert.deepEqual(matches("ObjectRemoved:Delete", "x"), [1]);
  assert.deepEqual(matches("ObjectRemoved:DeleteMarkerCreated", "x"), []);
});

const event: ObjectEvent = {
  name: "ObjectCreated:Put",
  atMs: 0,
  bucket: { name: "b", account: "000000000000", region: "us-east-1" },
  key: "dir/a b@ü.txt",
  sizeBytes: 9,
  etag: "e",
  versionId: "v",
  token: "ffffffffffffff00",
  by: { requester: "000000000000", requestId: "r", sourceIp: "1.2.3.4", reason: "PutObject" },
};

test("the record has AWS's members in AWS's order", () => {
  const { Records } = JSON.parse(notificationBody(event, "cfg", "host")) as {
    Records: [Record<string, never>];
  };
  const [record] = Records;
  assert.deepEqual(Object.keys(record), [
    "eventVersion",
    "eventSource",
    "awsRegion",
    "eventTime",
    "eventName",
    "userIdentity",
    "requestParameters",
    "responseElements",
    "s3",
  ]);
  assert.equal(record["eventVersion"], eventVersion);
  assert.equal(record["eventTime"], "1970-01-01T00:00:00.000Z");
  assert.deepEqual(record["s3"]?.["object"], {
    key: "dir/a+b%40%C3%BC.txt",
    size: 9,
    eTag: "e",
    versionId: "v",
    sequencer: "00000000000000FF",
  });
  assert.deepEqual(record["responseElements"], { "x-amz-request-id": "r", "x-amz-id-2": "host" });
});

test("event buses get the key as it is, and a reason", () => {
  const told = busEvent(event);
  assert.equal(told?.detailType, "Object Created");
  const detail = JSON.parse(told?.detail ?? "") as Record<string, Record<string, unknown>>;
  assert.equal(detail["object"]?.["key"], "dir/a b@ü.txt");
  assert.equal(detail["object"]?.["version-id"], "v");
  assert.equal(detail["reason"], "PutObject");
  const deleted = busEvent({ ...event, name: "ObjectRemoved:DeleteMarkerCreated" });
  assert.equal(deleted?.detailType, "Object Deleted");
  assert.match(deleted?.detail ?? "", /"deletion-type":"Delete Marker Created"/);
  assert.equal(busEvent({ ...event, name: "ReducedRedundancyLostObject" }), undefined);
});
