import assert from "node:assert/strict";
import { test } from "node:test";
import { versionSpec } from "../../test/harness/fake-environment.ts";
import { silentLogger } from "../base/logger.ts";
import { createFakeDriver } from "../isolation/fake/fake.ts";
import { inspectedTimeoutMs } from "../limits.ts";
import { Inspections } from "./inspection.ts";

const ownVariables = { OWN: "1", NODE_OPTIONS: "--enable-source-maps" };

test("what is being debugged has no timeout in INIT or in an invocation, and its runtime's debugger", async (t) => {
  const inspections = new Inspections({ logger: silentLogger, driver: createFakeDriver({}) });
  t.after(() => inspections.closeAll());
  for (const [runtime, waits, variables] of [
    ["nodejs24.x", false, { NODE_OPTIONS: /^--enable-source-maps --inspect=[\d.]+:\d+$/ }],
    ["nodejs20.x", true, { NODE_OPTIONS: /^--enable-source-maps --inspect-wait=[\d.]+:\d+$/ }],
    ["nodejs18.x", true, { NODE_OPTIONS: /^--enable-source-maps --inspect-brk=[\d.]+:\d+$/ }],
    ["python3.13", false, { _LAMBDAD_DEBUGPY: /^[\d.]+:\d+$/ }],
    ["python3.13", true, { _LAMBDAD_DEBUGPY: /^[\d.]+:\d+:wait$/ }],
    // Nothing of ours reaches a function whose runtime does not take it away.
    ["provided.al2023", true, {}],
  ] as const) {
    await inspections.open({ functionName: "debugged", port: 0, waits });
    const functionArn = "arn:aws:lambda:us-east-1:000000000000:function:debugged";
    const begun = inspections.begin(versionSpec({ functionArn, runtime, variables: ownVariables }));
    assert(begun);
    const { spec, driver } = begun;
    assert.deepEqual([spec.timeoutMs, spec.initTimeoutMs], [inspectedTimeoutMs, inspectedTimeoutMs]);
    assert.equal(driver.guarantees.freezes, false);
    const expected: Readonly<Record<string, RegExp | string>> = { ...ownVariables, ...variables };
    assert.deepEqual(Object.keys(spec.variables).toSorted(), Object.keys(expected).toSorted(), runtime);
    for (const [name, value] of Object.entries(expected))
      assert.match(spec.variables[name] ?? "", RegExp(value));
  }
  const other = versionSpec({ functionArn: "arn:aws:lambda:us-east-1:000000000000:function:other" });
  assert.equal(inspections.begin(other), undefined);
});
