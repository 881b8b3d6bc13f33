import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptedAtMs, asyncEvent } from "../../test/harness/async-event.ts";
import type { AsyncEvent, LaneName } from "../events/async/event.ts";
import type { WebRequest } from "../services/service.ts";
import { asyncRoutes } from "./admin-async.ts";

const arn = "arn:aws:lambda:us-east-1:000000000000:function:echo";
const other = asyncEvent({ functionName: "other", qualifier: "live" });

function stage() {
  const purged: [string[], boolean][] = [];
  const chosen = (wants: (event: AsyncEvent) => boolean) =>
    [asyncEvent(), other].filter((event) => wants(event)).map(({ functionName }) => functionName);
  const routes = asyncRoutes({
    list: async (_limit, after) =>
      after
        ? { items: [{ event: other, isRunning: false }], isLast: true }
        : { items: [{ event: asyncEvent({ invocations: 1 }), isRunning: true }], isLast: false },
    failed: async (_limit, after) =>
      after ? [] : [{ event: asyncEvent(), reason: "RetriesExhausted", atMs: acceptedAtMs }],
    redrive: async (wants) => chosen(wants).length,
    async purge(wants: (name: LaneName) => boolean, failed) {
      purged.push([chosen(wants), failed]);
      return 7;
    },
  });
  async function ask(method: string, path: string, request: Partial<WebRequest> = {}) {
    const route = routes.find((each) => each.method === method && each.path === path);
    assert.ok(route, `${method} ${path} is there`);
    const empty = { query: "", headers: {}, body: new Uint8Array() };
    const { status, body } = await route.answer({ ...empty, ...request } as WebRequest);
    return { status, body: JSON.parse(body as string) as Record<string, Record<string, unknown>[]> };
  }
  return { ask, purged };
}

const json = { "content-type": "application/json" };

test("the queue is listed over all its pages, with the state of each event", async () => {
  const { body } = await stage().ask("GET", "/_lambdad/async");
  const shown = (rows: Record<string, unknown>[] = []) =>
    rows.map(({ functionArn, qualifier, state, invocations, reason }) => [
      functionArn,
      qualifier,
      state,
      invocations,
      reason,
    ]);
  assert.deepEqual(shown(body["events"]), [
    [arn, undefined, "running", 1, undefined],
    [arn.replace("echo", "other"), "live", "waiting", 0, undefined],
  ]);
  assert.deepEqual(shown(body["failed"]), [[arn, undefined, "failed", 0, "RetriesExhausted"]]);
});

for (const name of ["other", arn.replace("echo", "other")]) {
  test(`one function's events are listed by ${name}`, async () => {
    const { body } = await stage().ask("GET", "/_lambdad/async", {
      query: `function=${encodeURIComponent(name)}`,
    });
    assert.deepEqual([body["events"]?.length, body["failed"]?.length], [1, 0]);
  });
}

test("acting wants a function in a JSON body, which no foreign page can send", async () => {
  const { ask, purged } = stage();
  const body = Buffer.from('{"function":"echo"}');
  const refused: Partial<WebRequest>[] = [
    { body },
    { body, headers: { "content-type": "text/plain" } },
    { body: Buffer.from("{"), headers: json },
    { body: Buffer.from("{}"), headers: json },
  ];
  for (const request of refused) {
    assert.equal((await ask("POST", "/_lambdad/async/purge", request)).status, 400);
  }
  assert.deepEqual(purged, []);
  assert.deepEqual((await ask("POST", "/_lambdad/async/redrive", { body, headers: json })).body, {
    count: 1,
  });
  await ask("POST", "/_lambdad/async/purge", {
    body: Buffer.from('{"function":"echo","failed":true}'),
    headers: json,
  });
  assert.deepEqual(purged, [[["echo"], true]]);
});
