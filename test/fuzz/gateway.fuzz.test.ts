import assert from "node:assert/strict";
import { test } from "node:test";
import { loadModel } from "../../src/wire/model-load.ts";
import { fakeService } from "../harness/gateway.ts";
import { fuzzGateway } from "./gateway.fuzz.ts";

const requests = 4000;

test("mutated requests get well-formed answers, crash nothing and leave nothing behind", async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const { faults, statuses, raw } = await fuzzGateway(requests, seed);
  assert.deepEqual(faults, [], `node test/fuzz/gateway.fuzz.ts --requests ${requests} --seed ${seed}`);
  assert.ok((statuses["2xx"] ?? 0) > requests / 10, "enough of them must get through to the handlers");
  assert.ok((statuses["4xx"] ?? 0) > requests / 10, "enough of them must be refused");
  assert.ok(raw > 0);
});

test("the fuzzer sees a handler that crashes", async () => {
  const crashing = (name: string) => {
    const names = [...loadModel(name).operations.keys()];
    return fakeService(name, Object.fromEntries(names.map((operation) => [operation, crash])));
  };
  async function crash(): Promise<object> {
    throw new TypeError("a bug");
  }
  const { faults } = await fuzzGateway(500, 1, crashing);
  assert.ok(faults.some((fault) => fault.includes("status 500") && fault.includes("a bug")));
});
