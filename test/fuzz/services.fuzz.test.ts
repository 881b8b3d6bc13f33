import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzServices } from "./services.fuzz.ts";

const requests = 5000;

test("mutated requests to the services as they are never get a 5xx, nor keep an answer from coming", async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const { faults, statuses, succeeded } = await fuzzServices(requests, seed);
  assert.deepEqual(faults, [], `node test/fuzz/services.fuzz.ts --requests ${requests} --seed ${seed}`);
  assert.ok((statuses["2xx"] ?? 0) > requests / 20, "enough of them must be carried out");
  assert.ok(succeeded.size > 100, `${succeeded.size} operations of the 200 and more that there are`);
});
