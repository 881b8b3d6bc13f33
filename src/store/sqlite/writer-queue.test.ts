import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { storePendingBatchesMax, storePendingBytesMax } from "../../limits.ts";
import { failsWith, put } from "../under-test.suite.ts";
import { Watchers } from "../watchers.ts";
import type { Reply, Request } from "./writer-thread.ts";
import { WriterQueue } from "./writer-queue.ts";

/** A writer that answers when told to. */
class ScriptedWriter extends EventEmitter {
  readonly sent: Request[] = [];
  terminated = 0;
  postMessage(request: Request): void {
    this.sent.push(request);
  }
  reply(reply: Reply): void {
    this.emit("message", reply);
  }
  async terminate(): Promise<number> {
    this.terminated += 1;
    return 0;
  }
}

function scripted() {
  const writer = new ScriptedWriter();
  const woken: string[] = [];
  const watchers = new Watchers();
  watchers.watch("", () => woken.push("woken"));
  return { writer, woken, queue: new WriterQueue(writer as unknown as Worker, watchers) };
}

const committed = { kind: "committed", versions: [1] } as const;
const fault = (code: "full" | "io") => ({ code, message: "as scripted", cause: undefined });

test("commits are answered in order, each with its own result", async () => {
  const { writer, queue, woken } = scripted();
  const commits = ["a", "b", "c"].map((key) => queue.commit([put(key, "x")], 2));
  const settled = Promise.allSettled(commits);
  writer.reply({ kind: "results", results: [committed, { kind: "conflict", key: "b" }] });
  writer.reply({ kind: "results", results: [{ kind: "committed", versions: [2] }] });
  const [first, second, third] = await settled;
  assert.deepEqual(first, { status: "fulfilled", value: { versions: [1] } });
  assert.ok(second?.status === "rejected" && failsWith("conflict")(second.reason));
  assert.deepEqual(third, { status: "fulfilled", value: { versions: [2] } });
  assert.equal(woken.length, 2, "K6: not for the conflict");
});

test("a full disk refuses the group, wakes nobody and the store goes on", async () => {
  const { writer, queue, woken } = scripted();
  const commits = ["a", "b", "c"].map((key) => queue.commit([put(key, "x")], 2));
  writer.reply({ kind: "failed", fault: fault("full"), batches: 2 });
  writer.reply({ kind: "results", results: [committed] });
  await assert.rejects(commits[0] ?? Promise.resolve(), failsWith("full"));
  await assert.rejects(commits[1] ?? Promise.resolve(), failsWith("full"));
  assert.deepEqual(await commits[2], { versions: [1] });
  assert.equal(woken.length, 1);
  assert.equal(writer.terminated, 0);
});

test("any other failure refuses all that waits and all that comes, and nothing more is sent", async () => {
  const { writer, queue, woken } = scripted();
  const commits = ["a", "b", "c"].map((key) => queue.commit([put(key, "x")], 2));
  writer.reply({ kind: "failed", fault: fault("io"), batches: 1 });
  for (const commit of [...commits, queue.commit([put("d", "x")], 2)]) {
    await assert.rejects(commit, failsWith("io"));
  }
  await queue.close();
  assert.equal(writer.sent.length, 3);
  assert.equal(writer.terminated, 1);
  assert.deepEqual(woken, []);
});

test("beyond the queue's bounds a commit is refused as busy, and sent to nobody", async () => {
  const { writer, queue } = scripted();
  const half = queue.commit([put("a", "x")], storePendingBytesMax);
  await assert.rejects(queue.commit([put("b", "x")], 1), failsWith("busy"));
  writer.reply({ kind: "results", results: [committed] });
  await half;
  const waiting = Array.from({ length: storePendingBatchesMax }, () => queue.commit([put("a", "x")], 2));
  await assert.rejects(queue.commit([put("b", "x")], 2), failsWith("busy"));
  assert.equal(writer.sent.length, 1 + storePendingBatchesMax);
  writer.reply({ kind: "results", results: waiting.map(() => committed) });
  await Promise.all(waiting);
  const again = queue.commit([put("b", "x")], 2);
  writer.reply({ kind: "results", results: [committed] });
  await again;
});

for (const [how, script] of [
  ["throws", `require("node:worker_threads").parentPort.on("message", () => { throw new Error("a bug"); })`],
  ["exits", `require("node:worker_threads").parentPort.on("message", () => process.exit(3))`],
  ["does not start", `throw new Error("no such file")`],
] as const) {
  test(`a writer thread that ${how} fails what waits and the store with it`, async () => {
    const queue = new WriterQueue(new Worker(script, { eval: true }), new Watchers());
    const commits = ["a", "b"].map((key) => queue.commit([put(key, "x")], 2));
    for (const commit of commits) await assert.rejects(commit, failsWith("io"));
    await assert.rejects(queue.opened(), failsWith("io"));
    await assert.rejects(queue.commit([put("c", "x")], 2), failsWith("io"));
    await queue.close();
  });
}
