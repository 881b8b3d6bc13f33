/** What targets are sent. Source: map-events-observability 1.6, recorded. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { shaped, ShapeError, type Shape } from "./shape.ts";

const event = `{"version":"0","id":"i","detail-type":"Order","source":"shop","account":"0","time":"t","region":"r","resources":[],"detail":{"user":"baz","n":12345678901234567890,"yes":true,"acc":{"acc_id":"0a-40","sf_id":"baz"},"list":["A","B"],"quote":"a\\"b","items":[{"id":1},{"id":2}]}}`;
const occasion = { event, ingestedAtMs: Date.UTC(2026, 0, 1), ruleArn: "arn:rule", ruleName: "rule" };
const paths = {
  user: "$.detail.user",
  n: "$.detail.n",
  yes: "$.detail.yes",
  acc: "$.detail.acc",
  list: "$.detail.list",
  none: "$.detail.none",
  quote: "$.detail.quote",
  second: "$.detail.items[1].id",
  ids: "$.detail.items[*].id",
  type: "$['detail-type']",
};

const table: readonly (readonly [template: string, sent: string | undefined])[] = [
  ['{"id":<user>}', '{"id":"baz"}'],
  ['{"id":"<user>"}', '{"id":"baz"}'],
  ['{"path":"a/<user>/b/<user>"}', '{"path":"a/baz/b/baz"}'],
  [
    '{"n":<n>,"yes":<yes>,"acc":<acc>}',
    '{"n":12345678901234567890,"yes":true,"acc":{"acc_id":"0a-40","sf_id":"baz"}}',
  ],
  ['{"second":<second>,"ids":<ids>,"type":<type>}', '{"second":2,"ids":[1,2],"type":"Order"}'],
  ['{"command":<none>}', '{"command":""}'],
  ['{"command":"<none>"}', '{"command":""}'],
  ['"acc <acc> list <list> yes <yes>"', '"acc {acc_id:0a-40,sf_id:baz} list [A,B] yes true"'],
  ['"one <user>"\n"two <none>"', '"one baz"\n"two "'],
  ['"<user>"', '"baz"'],
  ["<user>", '"baz"'],
  ["<list> text", undefined],
  ['{"a":"<list>"}', undefined],
  ['{"a":"<quote>"}', undefined],
  ['{"rule":<aws.events.rule-name>,"arn":"<aws.events.rule-arn>"}', '{"rule":"rule","arn":"arn:rule"}'],
  ['{"at":<aws.events.event.ingestion-time>}', '{"at":"2026-01-01T00:00:00.000Z"}'],
  ['{"all":<aws.events.event.json>}', `{"all":${event}}`],
  [
    '{"event":<aws.events.event>}',
    '{"event":{"id":"i","account":"0","detailType":"Order","time":"2026-01-01T00:00:00.000Z","source":"shop","region":"r","resources":[],"version":"0"}}',
  ],
  ['{"absent":"<aws.events.nothing>"}', '{"absent":""}'],
];

for (const [template, sent] of table) {
  test(`the template ${template} gives ${sent ?? "nothing"}`, () => {
    const shape: Shape = { kind: "template", template, paths };
    if (sent === undefined) assert.throws(() => shaped(shape, occasion), ShapeError);
    else assert.equal(shaped(shape, occasion), sent);
  });
}

for (const [path, sent] of [
  ["$", event],
  ["$.detail.user", '"baz"'],
  ["$.detail.n", "12345678901234567890"],
  ["$.detail.items[0]", '{"id":1}'],
  ["$.detail['acc'].acc_id", '"0a-40"'],
  ["$.detail.none.deeper", "null"],
  ["$.detail.constructor", "null"],
] as const) {
  test(`the path ${path} gives ${sent.slice(0, 40)}`, () => {
    assert.equal(shaped({ kind: "path", path }, occasion), sent);
  });
}

test("a template that repeats a large event is given up before it fills the memory", () => {
  const event = JSON.stringify({ detail: "x".repeat(250_000) });
  const shape: Shape = { kind: "template", template: `"${"<d>".repeat(2700)}"`, paths: { d: "$.detail" } };
  const outsized = { event, ingestedAtMs: 0, ruleArn: "", ruleName: "" };
  assert.throws(() => shaped(shape, outsized), /more than 1048576 bytes/);
  const four = { ...shape, template: '"<d><d><d><d>"' };
  assert.equal(shaped(four, outsized).length, 1_000_002);
});
