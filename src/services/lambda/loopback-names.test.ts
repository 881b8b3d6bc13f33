import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimClock } from "../../base/clock-sim.ts";
import { nameLookupMs } from "../../limits.ts";
import { createLoopbackNames } from "./loopback-names.ts";

test("names below localhost are used where they are found", async () => {
  const clock = createSimClock();
  const asked: string[] = [];
  const found = createLoopbackNames({ clock, lookUp: async (name) => asked.push(name) });
  assert.equal(await found(), true);
  assert.equal(await found(), true);
  assert.deepEqual(asked, ["probe.lambda-url.localhost"]);
  const missing = createLoopbackNames({ clock, lookUp: () => Promise.reject(new Error("ENOTFOUND")) });
  assert.equal(await missing(), false);
  assert.equal(await createLoopbackNames({ clock, lookUp: undefined })(), true);
});

test("a resolver that does not answer is not waited for", async () => {
  const clock = createSimClock();
  const silent = createLoopbackNames({ clock, lookUp: () => new Promise(() => {}) });
  await clock.advance(nameLookupMs);
  assert.equal(await silent(), false);
});
