import assert from "node:assert/strict";
import { test } from "node:test";
import { awsError } from "../../../../test/harness/lambda-sim.ts";
import type { Mapping, MappingState } from "./mapping.ts";
import { nextState, requireStable, stateWhileChanging } from "./mapping.ts";

function mapping(state: MappingState, isEnabled = true): Mapping {
  return {
    id: { account: "000000000000", region: "eu-west-1", uuid: "u" },
    functionArn: "arn:aws:lambda:eu-west-1:000000000000:function:thumb",
    source: { kind: "sqs", arn: "arn:aws:sqs:eu-west-1:000000000000:jobs" },
    settings: {
      isEnabled,
      batchSize: 10,
      windowSeconds: 0,
      filters: [],
      reportsBatchItemFailures: false,
      concurrencyMax: undefined,
      pollers: undefined,
      countsEvents: false,
      stream: undefined,
    },
    state,
    tags: {},
    lastModifiedAtMs: 0,
  };
}

const moves: readonly (readonly [
  MappingState,
  whenEnabled: string | undefined,
  whenDisabled: string | undefined,
])[] = [
  ["Creating", "Enabled", "Disabled"],
  ["Enabling", "Enabled", "Disabled"],
  ["Disabling", "Enabled", "Disabled"],
  ["Updating", "Enabled", "Disabled"],
  ["Deleting", "gone", "gone"],
  ["Enabled", undefined, undefined],
  ["Disabled", undefined, undefined],
];

for (const [state, whenEnabled, whenDisabled] of moves) {
  test(`L3: ${state} leads to ${whenEnabled ?? "nothing"}, or to ${whenDisabled ?? "nothing"} when switched off`, () => {
    assert.equal(nextState(mapping(state)), whenEnabled);
    assert.equal(nextState(mapping(state, false)), whenDisabled);
  });
  test(`a mapping that is ${state} ${whenEnabled === undefined ? "may" : "may not"} be changed`, () => {
    const update = () => requireStable(mapping(state), "update");
    if (whenEnabled === undefined) return assert.doesNotThrow(update);
    assert.throws(
      update,
      awsError("ResourceInUseException", "Cannot update the event source mapping because it is in use."),
    );
  });
}

test("switching a mapping on or off has states of its own", () => {
  const { settings: on } = mapping("Enabled");
  const off = { ...on, isEnabled: false };
  assert.equal(stateWhileChanging(on, off), "Disabling");
  assert.equal(stateWhileChanging(off, on), "Enabling");
  assert.equal(stateWhileChanging(on, on), "Updating");
});
