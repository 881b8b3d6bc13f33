import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { getPriority, setPriority } from "node:os";
import { test } from "node:test";
import { atUsualPriority, raisePriority } from "./priority.ts";

function priorityOfChild(): number {
  return Number(execFileSync("nice", { encoding: "utf8" }));
}

test("what is started has the priority that lambdad was given, before and after its own is raised", (t) => {
  const given = getPriority();
  t.after(() => {
    if (getPriority() !== given) setPriority(given);
  });
  assert.equal(atUsualPriority(priorityOfChild), given);
  raisePriority();
  raisePriority();
  // Without the privilege it stays as it is.
  const raised = getPriority();
  assert.ok(
    raised === given - 5 || (raised === given && process.getuid?.() !== 0),
    `${given} became ${raised}`,
  );
  assert.equal(atUsualPriority(priorityOfChild), given);
  assert.throws(() =>
    atUsualPriority(() => {
      throw new Error("nothing could be started");
    }),
  );
  assert.equal(getPriority(), raised);
});
