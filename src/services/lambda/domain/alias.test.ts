import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../base/random.ts";
import type { AliasChange } from "./alias.ts";
import { aliasCreated, aliasOn, aliasRemoved, aliasUpdated, chosenVersion } from "./alias.ts";
import { noPolicy } from "./policy.ts";
import { noSettings } from "./settings.ts";
import type { FunctionRecord, Revision } from "./function.ts";
import { arnPrefix, awsError } from "../../../../test/harness/lambda-sim.ts";

const random = seededRandom(3);
const stamp = { nowMs: 0, uuid: () => random.uuid() };
const revision = { lifecycle: { kind: "active" }, revisionId: "r", policy: noPolicy } as unknown as Revision;
const fn: FunctionRecord = {
  id: { account: "000000000000", region: "eu-west-1", name: "thumb" },
  uid: "u",
  latest: revision,
  versions: [1, 2, 3].map((number) => Object.assign({ number, fingerprint: String(number) }, revision)),
  aliases: [],
  nextVersion: 4,
  tags: {},
  reservedConcurrency: undefined,
  settings: noSettings,
};
const arn = `${arnPrefix}:function:thumb`;

function create(change: AliasChange & { version: string }, name = "live") {
  return aliasCreated(fn, { name, ...change }, stamp);
}

test("an alias starts without description and routing", () => {
  const { alias } = create({ version: "1" });
  assert.equal(alias.description, "");
  assert.equal(alias.additional, undefined);
  assert.equal(alias.version, "1");
});

test("what an alias may not point to is refused in AWS's words", () => {
  const notLatest = "$LATEST is not supported for an alias pointing to more than 1 version";
  const refused: readonly (readonly [AliasChange & { version: string }, string, string])[] = [
    [{ version: "10" }, "ResourceNotFoundException", `Function not found: ${arn}:10`],
    [{ version: "1", weights: { 9: 0.5 } }, "ResourceNotFoundException", `Function not found: ${arn}:9`],
    [
      { version: "1", weights: { 1: 0.5 } },
      "InvalidParameterValueException",
      "Invalid function version 1. Function version 1 is already included in routing configuration.",
    ],
    [
      { version: "1", weights: { 2: 0.5, 3: 0.1 } },
      "InvalidParameterValueException",
      "Number of items in AdditionalVersionWeights cannot be greater than 1",
    ],
    [{ version: "$LATEST", weights: { 2: 0.5 } }, "InvalidParameterValueException", notLatest],
    [{ version: "1", weights: { $LATEST: 0.5 } }, "InvalidParameterValueException", notLatest],
  ];
  for (const [change, code, message] of refused) {
    assert.throws(() => create(change), awsError(code, message), JSON.stringify(change));
  }
  assert.equal(create({ version: "$LATEST" }).alias.version, "$LATEST", "alone, $LATEST is fine");
});

test("an alias is made once", () => {
  const made = create({ version: "1" }).fn;
  assert.throws(
    () => aliasCreated(made, { name: "live", version: "2" }, stamp),
    awsError("ResourceConflictException", `Alias already exists: ${arn}:live`),
  );
});

test("routing stays when it is not mentioned and goes when it is empty", () => {
  const routed = create({ version: "1", weights: { 2: 0.25 } });
  assert.deepEqual(routed.alias.additional, { version: "2", weight: 0.25 });
  const described = aliasUpdated(routed.fn, { name: "live", description: "d" }, stamp);
  assert.deepEqual(described.alias.additional, { version: "2", weight: 0.25 });
  assert.notEqual(described.alias.revisionId, routed.alias.revisionId);
  const plain = aliasUpdated(described.fn, { name: "live", weights: {} }, stamp);
  assert.equal(plain.alias.additional, undefined);
  assert.equal(plain.alias.description, "d");
});

test("moving the primary to where the rest goes is refused", () => {
  const routed = create({ version: "1", weights: { 2: 0.25 } }).fn;
  assert.throws(
    () => aliasUpdated(routed, { name: "live", version: "2" }, stamp),
    awsError("InvalidParameterValueException"),
  );
});

test("an update needs the alias and its latest revision id", () => {
  assert.throws(
    () => aliasUpdated(fn, { name: "live" }, stamp),
    awsError("ResourceNotFoundException", `Alias not found: ${arn}:live`),
  );
  const { fn: made, alias } = create({ version: "1" });
  assert.throws(
    () => aliasUpdated(made, { name: "live", revisionId: "stale" }, stamp),
    awsError("PreconditionFailedException"),
  );
  const { revisionId } = alias;
  assert.equal(aliasUpdated(made, { name: "live", version: "2", revisionId }, stamp).alias.version, "2");
});

test("aliases are in the order of their names and leave the function's revision alone", () => {
  const one = create({ version: "1" }, "b").fn;
  const two = aliasCreated(one, { name: "a", version: "2", weights: { 3: 0.5 } }, stamp).fn;
  assert.deepEqual(
    two.aliases.map(({ name }) => name),
    ["a", "b"],
  );
  assert.equal(two.latest, fn.latest);
  assert.equal(aliasOn(two, "3")?.name, "a");
  assert.equal(aliasOn(two, "1")?.name, "b");
  assert.equal(aliasOn(aliasRemoved(two, "a"), "3"), undefined);
});

test("the additional version gets its share of the traffic", () => {
  const { alias } = create({ version: "1", weights: { 2: 0.1 } });
  assert.equal(chosenVersion(alias, 0), "2");
  assert.equal(chosenVersion(alias, 0.0999), "2");
  assert.equal(chosenVersion(alias, 0.1), "1");
  assert.equal(chosenVersion(alias, 0.9999), "1");
  const draws = seededRandom(11);
  const chosen = Array.from({ length: 10_000 }, () => chosenVersion(alias, draws.float()));
  const share = chosen.filter((version) => version === "2").length / chosen.length;
  assert.ok(Math.abs(share - 0.1) < 0.02, `a tenth of the traffic, not ${share}`);
});

test("weights of nothing and of everything are exact", () => {
  const none = create({ version: "1", weights: { 2: 0 } }).alias;
  const all = create({ version: "1", weights: { 2: 1 } }).alias;
  for (const draw of [0, 0.5, 0.999999]) {
    assert.equal(chosenVersion(none, draw), "1");
    assert.equal(chosenVersion(all, draw), "2");
  }
});
