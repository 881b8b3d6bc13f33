import assert from "node:assert/strict";
import { test } from "node:test";
import { continued, lineageHash } from "./lineage.ts";

const root = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

test("E5 a chain of one function ends after 16 invocations", () => {
  let header = root;
  for (let count = 1; count <= 16; count += 1) {
    const next = continued(header, "aaaaaaaa");
    assert.equal(next.isRecursive, false, `invocation ${count}`);
    header = next.traceHeader;
  }
  assert.equal(header, `${root};Lineage=aaaaaaaa:16`);
  assert.equal(continued(header, "aaaaaaaa").isRecursive, true);
  assert.equal(continued(header, "bbbbbbbb").isRecursive, false, "another function has its own count");
});

test("E5 a chain through ever new functions ends too", () => {
  let header = root;
  let count = 0;
  while (!continued(header, lineageHash(String(count))).isRecursive) {
    header = continued(header, lineageHash(String(count))).traceHeader;
    count += 1;
    assert.ok(count < 1000, "the chain is bounded");
  }
  assert.equal(count, 64);
});

const cases: readonly [name: string, header: string, next: string][] = [
  ["a new chain", root, `${root};Lineage=aaaaaaaa:1`],
  [
    "the other functions are kept",
    `${root};Lineage=bbbbbbbb:3|aaaaaaaa:1`,
    `${root};Lineage=bbbbbbbb:3|aaaaaaaa:2`,
  ],
  ["AWS's newer form with a number before it", `${root};Lineage=1:aaaaaaaa:4`, `${root};Lineage=aaaaaaaa:5`],
  ["any case and place of the name", `lineage=aaaaaaaa:2;${root}`, `${root};Lineage=aaaaaaaa:3`],
  [
    "what cannot be read counts for nothing",
    `${root};Lineage=zz|:|aaaaaaaa:-4`,
    `${root};Lineage=aaaaaaaa:1`,
  ],
  ["no header at all", "", "Lineage=aaaaaaaa:1"],
];

for (const [name, header, next] of cases) {
  test(`lineage: ${name}`, () => assert.equal(continued(header, "aaaaaaaa").traceHeader, next));
}
