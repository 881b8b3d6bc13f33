import assert from "node:assert/strict";
import { test } from "node:test";
import { Runtime } from "@aws-sdk/client-lambda";
import { runtimeFacts } from "./runtime-facts.ts";

test("every runtime identifier of AWS's API has its facts, and no other", () => {
  // The SDK's list is older than the API's: these came with AWS's announcements of 2026.
  const newer = ["nodejs26.x", "python3.15", "java8.al2023", "java11.al2023", "java17.al2023", "ruby4.0"];
  assert.deepEqual(
    Object.keys(runtimeFacts).toSorted(),
    [...new Set([...Object.values(Runtime), ...newer])].toSorted(),
  );
});

test("dates are days, and creation is blocked no later than updates", () => {
  for (const [id, facts] of Object.entries(runtimeFacts)) {
    const { deprecatedAt, createBlockedAt, updateBlockedAt } = facts;
    for (const day of [deprecatedAt, createBlockedAt, updateBlockedAt]) {
      if (day !== undefined) assert.equal(new Date(day).toISOString().slice(0, 10), day, id);
    }
    assert.equal(createBlockedAt === undefined, updateBlockedAt === undefined, id);
    assert.ok((createBlockedAt ?? "") <= (updateBlockedAt ?? ""), id);
  }
});
