import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimDisk } from "../base/disk-sim.ts";
import type { SimDisk } from "../base/disk-sim.ts";
import { seededRandom } from "../base/random.ts";
import { openDiskBlobs } from "./disk-blobs.ts";
import { Lifetime } from "./lifetime.ts";
import type { Blobs } from "./store.ts";
import { bytes, failsWith } from "./under-test.suite.ts";

const dir = "/blobs";
const kept = bytes("stored before");
const content = bytes("stored while the power fails");

function opened(disk: SimDisk): Promise<Blobs> {
  return openDiskBlobs({ disk, dir, lifetime: new Lifetime() });
}

/** A put during which the disk fails from its `at`-th operation on. */
async function putFailingAt(seed: number, at: number, code: "EIO" | "ENOSPC") {
  const disk = createSimDisk(seededRandom(seed));
  const blobs = await opened(disk);
  const before = await blobs.put(kept);
  const startedAt = disk.operations;
  disk.failFrom(at, code);
  const outcome = await blobs.put(content).then(
    (ref) => ({ ref }),
    (error: unknown) => ({ error }),
  );
  return { disk, before, outcome, operations: disk.operations - startedAt };
}

async function listed(blobs: Blobs): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const name of blobs.list()) names.push(name);
  return names;
}

test("B1 whenever the power fails, a blob is there whole or not at all, and there once put has resolved", async () => {
  const { operations } = await putFailingAt(0, 1000, "EIO");
  assert.ok(operations >= 5, "create, write, sync, rename, sync of the directory");
  let lost = 0;
  for (let seed = 0; seed < 40; seed++) {
    for (let at = 0; at <= operations; at++) {
      const { disk, before, outcome } = await putFailingAt(seed, at, "EIO");
      const where = `seed ${seed}, operation ${at}`;
      assert.equal("ref" in outcome, at === operations, where);
      disk.restart();
      const blobs = await opened(disk);
      assert.deepEqual(await blobs.read(before.sha256), kept, where);
      for (const sha256 of await listed(blobs)) {
        assert.deepEqual(await blobs.read(sha256), sha256 === before.sha256 ? kept : content, where);
      }
      const found = (await listed(blobs)).length;
      if ("ref" in outcome) assert.equal(found, 2, where);
      if (found === 1) lost += 1;
      assert.deepEqual(
        disk.files().filter((path) => path.startsWith(`${dir}/tmp`)),
        [],
        where,
      ); // prettier
    }
  }
  assert.ok(lost > 100, "the disk was hard on what was not synced");
});

test("a full disk is answered full, leaves nothing behind and hinders nothing once there is room", async () => {
  const { operations } = await putFailingAt(0, 1000, "ENOSPC");
  for (let at = 0; at < operations; at++) {
    const { disk, before, outcome } = await putFailingAt(1, at, "ENOSPC");
    assert.ok("error" in outcome && failsWith("full")(outcome.error), `operation ${at}`);
    disk.restart();
    const blobs = await opened(disk);
    const ref = await blobs.put(content);
    assert.deepEqual(await listed(blobs), [before.sha256, ref.sha256].toSorted());
  }
});

test("a disk that fails otherwise is answered io", async () => {
  const disk = createSimDisk(seededRandom(1));
  const blobs = await opened(disk);
  const { sha256 } = await blobs.put(content);
  disk.failFrom(0, "EIO");
  for (const call of [() => blobs.put(content), () => blobs.read(sha256), () => blobs.stat(sha256)]) {
    await assert.rejects(async () => call(), failsWith("io"));
  }
  await assert.rejects(blobs.remove(sha256), failsWith("io"));
  await assert.rejects(opened(disk), failsWith("io"));
});

test("the simulated disk may lose, tear or keep what was not synced, and keeps what was", async () => {
  const found = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    const disk = createSimDisk(seededRandom(seed));
    await disk.makeDirs("/d");
    const file = await disk.create("/d/f");
    await file.write(bytes("synced"));
    await file.sync();
    await disk.syncDir("/d");
    await file.write(bytes("more"));
    await disk.create("/d/unsynced");
    disk.restart();
    assert.ok(disk.files().includes("/d/f"));
    found.add(`f ${await disk.sizeOf("/d/f")}`);
    found.add(`unsynced ${disk.files().includes("/d/unsynced")}`);
  }
  const sizes = [6, 7, 8, 9, 10].map((size) => `f ${size}`);
  assert.deepEqual([...found].toSorted(), [...sizes, "unsynced false", "unsynced true"].toSorted());
});
