import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../base/random.ts";
import { createMemoryState, createMemoryStore } from "../../store/memory/memory-store.ts";
import { CodeStore } from "./code-store.ts";
import { lambdaCollections } from "./collections.ts";
import { bytes } from "../../../test/harness/lambda-sim.ts";

const zip = { bytes: bytes("zip"), unzippedBytes: 3 };
const use = ["000000000000", "eu-west-1", "thumb"];

function arranged() {
  const state = createMemoryState();
  const store = createMemoryStore(state);
  const collections = lambdaCollections(store);
  const removed: string[] = [];
  const codeMounts = {
    async remove(sha256: string) {
      removed.push(sha256);
    },
  };
  const codeStore = new CodeStore({ store, collections, codeMounts, random: seededRandom(1) });
  const take = (sha256: string) =>
    store.commit([collections.codeUses.put([sha256, ...use], true), collections.codeChecks.remove([sha256])]);
  return { state, store, collections, codeStore, removed, take };
}

test("what is staged and released without use is removed, unpacked directory first", async () => {
  const { state, codeStore, removed } = arranged();
  const { code, release } = await codeStore.stage(zip);
  await codeStore.sweep([code.sha256]);
  assert.equal(state.blobs.size, 1, "it is held");
  release();
  await codeStore.sweep([code.sha256]);
  assert.equal(state.blobs.size, 0);
  assert.deepEqual(removed, [code.sha256]);
  assert.deepEqual(state.entries, []);
});

test("what is in use stays, and is not looked at again", async () => {
  const { state, codeStore, collections, store, take } = arranged();
  const { code, release } = await codeStore.stage(zip);
  await take(code.sha256);
  await store.commit([collections.codeChecks.put([code.sha256], true)]);
  release();
  await codeStore.sweepMarked();
  assert.equal(state.blobs.size, 1);
  assert.equal(await collections.codeChecks.get([code.sha256]), undefined);
});

test("what is taken into use while a sweep looks for users stays", async () => {
  const { state, codeStore, store, take } = arranged();
  const first = await codeStore.stage(zip);
  first.release();
  const scan = store.scan.bind(store);
  store.scan = async (range) => {
    store.scan = scan;
    const found = await scan(range);
    const second = await codeStore.stage(zip);
    await take(second.code.sha256);
    second.release();
    return found;
  };
  await codeStore.sweep([first.code.sha256]);
  assert.equal(state.blobs.size, 1, "L2");
});

test("who stages what is being removed waits, and it is there afterwards", async () => {
  const { state, codeStore, store } = arranged();
  const first = await codeStore.stage(zip);
  first.release();
  const { promise: removing, resolve: begun } = Promise.withResolvers<void>();
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const remove = store.blobs.remove.bind(store.blobs);
  store.blobs.remove = async (sha256) => {
    begun();
    await gate;
    return remove(sha256);
  };
  const swept = codeStore.sweep([first.code.sha256]);
  await removing;
  const staging = codeStore.stage(zip);
  open();
  await Promise.all([swept, staging]);
  assert.equal(state.blobs.size, 1, "L2");
});

test("the secret is made once for a data directory", async () => {
  const { state, codeStore } = arranged();
  const secret = await codeStore.secret();
  assert.equal(secret.length, 32);
  const store = createMemoryStore(state);
  const collections = lambdaCollections(store);
  const codeMounts = { async remove() {} };
  const next = new CodeStore({ store, collections, codeMounts, random: seededRandom(9) });
  assert.deepEqual(await next.secret(), secret);
});
