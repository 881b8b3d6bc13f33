import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { NumberedFlow } from "../events/trail.ts";
import { line } from "./events.ts";

const base: NumberedFlow = {
  number: 1,
  atMs: Date.UTC(2026, 0, 1, 14, 2, 11, 123),
  kind: "delivery",
  sourceArn: "arn:aws:s3:::uploads",
  targetArn: "arn:aws:lambda:us-east-1:000000000000:function:thumb",
  records: 1,
  tookMs: 2.34,
  result: "ok",
};
const lines: readonly (readonly [Partial<NumberedFlow>, string])[] = [
  [{}, "14:02:11.123  s3 uploads → lambda thumb  delivered  2.3 ms"],
  [
    { kind: "attempt", sourceArn: undefined, tookMs: 118, waitedMs: 3, targetArn: `${base.targetArn}:live` },
    "14:02:11.123  api → lambda thumb:live  ok  118 ms, waited 3.0 ms",
  ],
  [
    {
      kind: "batch",
      sourceArn: "arn:aws:sqs:us-east-1:000000000000:jobs",
      records: 5,
      result: "failed",
      detail: "1 of 5 records",
    },
    "14:02:11.123  sqs jobs → lambda thumb  failed: 1 of 5 records  2.3 ms, 5 records",
  ],
  [
    {
      sourceArn: "arn:aws:events:us-east-1:000000000000:rule/nightly",
      targetArn: "arn:aws:sqs:us-east-1:000000000000:gone",
      result: "refused",
      detail: "QueueDoesNotExist: no such queue",
    },
    "14:02:11.123  events nightly → sqs gone  refused: QueueDoesNotExist: no such queue  2.3 ms",
  ],
];
for (const [more, expected] of lines) {
  test(`a flow is one line: ${expected.slice(14)}`, () => {
    assert.equal(stripVTControlCharacters(line({ ...base, ...more })), expected);
  });
}
