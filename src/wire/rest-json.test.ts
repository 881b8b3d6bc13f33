import assert from "node:assert/strict";
import { test } from "node:test";
import { memberOf, operationOf, shapeOf, structureOf } from "../../test/harness/shapes.ts";
import { withKeptBody } from "./protocol.ts";
import { restJson1 } from "./rest-json.ts";

const output = structureOf("Page", [memberOf("Names", shapeOf("string"))]);
const operation = operationOf(structureOf("Nothing", []), output);

test("the body of an output that has a place for it is written once", () => {
  const page = withKeptBody({ Names: "a, b" });
  const first = restJson1.write(operation, page, "1");
  const again = restJson1.write(operation, page, "2");
  assert.equal(Buffer.from(first.body as Uint8Array).toString(), '{"Names":"a, b"}');
  assert.equal(again.body, first.body, "the very same bytes");
  assert.equal(first.headers["content-type"], "application/json");
  assert.notEqual(again.headers["x-amzn-requestid"], first.headers["x-amzn-requestid"]);
});

test("any other output is written each time", () => {
  const plain = { Names: "a" };
  assert.equal(restJson1.write(operation, plain, "1").body, '{"Names":"a"}');
  plain.Names = "b";
  assert.equal(restJson1.write(operation, plain, "1").body, '{"Names":"b"}');
});
