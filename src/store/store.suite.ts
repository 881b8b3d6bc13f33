/**
 * The laws of `store.ts` as tests, for any implementation: call it in a test file with a way to make one. A second
 * implementation is right when it passes. Properties compare with a plain model: a map, sorted when asked.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { InvariantError } from "../base/invariant.ts";
import { storeBatchBytesMax, storeBatchWritesMax, storeScanEntriesMax } from "../limits.ts";
import { blobSuite } from "./blob.suite.ts";
import { storeProperties } from "./store-model.suite.ts";
import type { BlobRef, Store, Write } from "./store.ts";
import { bytes, failsWith, put, remove, withStore } from "./under-test.suite.ts";
import type { MakeStore } from "./under-test.suite.ts";

export function storeSuite(name: string, make: MakeStore): void {
  durability(name, make);
  conditions(name, make);
  order(name, make);
  versions(name, make);
  watching(name, make);
  closing(name, make);
  bounds(name, make);
  storeProperties(name, make);
  blobSuite(name, make);
}

async function textAt(store: Store, key: string): Promise<string | undefined> {
  const entry = await store.get(key);
  return entry && new TextDecoder().decode(entry.value);
}

async function keysOf(store: Store, prefix = ""): Promise<readonly string[]> {
  return (await store.scan({ prefix, limit: storeScanEntriesMax })).map((entry) => entry.key);
}

function durability(name: string, make: MakeStore): void {
  test(`${name}: K1 a commit is whole, visible to every later read, and there after a reopen`, () =>
    withStore(make, async (store, made) => {
      await store.commit([put("a", "1"), put("b", ""), put("gone", "x")]);
      const { versions } = await store.commit([put("a", "2"), remove("gone"), remove("never")]);
      for (const reopens of [false, true]) {
        const each = reopens ? await made.reopen() : store;
        assert.deepEqual(await each.get("a"), { key: "a", value: bytes("2"), version: versions[0] });
        assert.equal(await textAt(each, "b"), "");
        assert.equal(await each.get("gone"), undefined);
        assert.deepEqual(await keysOf(each), ["a", "b"]);
      }
      assert.deepEqual(versions.slice(1), [0, 0]);
    }));

  test(`${name}: K1 the largest batch and values longer than a page survive a reopen`, () =>
    withStore(make, async (store, made) => {
      const long = new Uint8Array(3_000_001).map((_, index) => index % 251);
      const batch = Array.from({ length: storeBatchWritesMax - 1 }, (_, index) =>
        put(`k${index}`, `${index}`),
      );
      await store.commit([...batch, { kind: "put", key: "long", value: long }]);
      const again = await made.reopen();
      assert.equal((await keysOf(again, "k")).length, storeBatchWritesMax - 1);
      assert.equal(Buffer.compare((await again.get("long"))?.value ?? bytes(""), long), 0);
    }));

  test(`${name}: K1 an empty batch commits and changes nothing`, () =>
    withStore(make, async (store) => {
      assert.deepEqual(await store.commit([]), { versions: [] });
      assert.deepEqual(await keysOf(store), []);
    }));

  test(`${name}: bytes are copied in, and handed out for keeps`, () =>
    withStore(make, async (store) => {
      const pool = bytes("..before..");
      const committed = store.commit([
        { kind: "put", key: "view", value: pool.subarray(2, 8) },
        { kind: "put", key: "whole", value: pool },
      ]);
      pool.fill(0);
      await committed;
      assert.equal(await textAt(store, "view"), "before");
      assert.equal(await textAt(store, "whole"), "..before..");
      (await store.get("view"))?.value.fill(0);
      (await store.scan({ prefix: "", limit: 9 })).forEach((entry) => entry.value.fill(0));
      assert.equal(await textAt(store, "view"), "before");
    }));
}

function conditions(name: string, make: MakeStore): void {
  // `present` has a version, which "same" stands for.
  const table: readonly (readonly [
    Write["kind"],
    "present" | "absent",
    "same" | number | undefined,
    boolean,
  ])[] = [
    ["put", "absent", undefined, true],
    ["put", "absent", 0, true],
    ["put", "absent", 1, false],
    ["put", "present", undefined, true],
    ["put", "present", 0, false],
    ["put", "present", "same", true],
    ["put", "present", 999, false],
    ["remove", "absent", undefined, true],
    ["remove", "absent", 0, true],
    ["remove", "absent", 1, false],
    ["remove", "present", 0, false],
    ["remove", "present", "same", true],
    ["remove", "present", 999, false],
    ["check", "absent", 0, true],
    ["check", "absent", 1, false],
    ["check", "present", 0, false],
    ["check", "present", "same", true],
    ["check", "present", 999, false],
  ];
  test(`${name}: K2 a condition that does not hold fails its whole batch, one that holds does not`, () =>
    withStore(make, async (store) => {
      for (const [kind, key, condition, holds] of table) {
        await store.commit([put("present", "old"), remove("absent"), remove("first"), remove("last")]);
        const before = await store.get("present");
        const ifVersion = condition === "same" ? before?.version : condition;
        const write = { kind, key, ifVersion, value: bytes("new") } as Write;
        const committed = store.commit([put("first", "x"), write, put("last", "x")]);
        const row = `${kind} ${key} if ${condition}`;
        if (holds) {
          const { versions } = await committed;
          assert.equal(versions.length, 3, row);
          assert.equal(
            versions[1],
            kind === "check" ? ifVersion : ((await store.get(key))?.version ?? 0),
            row,
          );
          assert.deepEqual(await keysOf(store, "first"), ["first"], row);
        } else {
          await assert.rejects(committed, failsWith("conflict"), row);
          assert.deepEqual(await store.get("present"), before, row);
          assert.deepEqual(await keysOf(store), ["present"], row);
        }
      }
    }));
}

function order(name: string, make: MakeStore): void {
  test(`${name}: K3 commits take effect in the order of their calls`, () =>
    withStore(make, async (store) => {
      const outcomes = await Promise.allSettled([
        store.commit([put("k", "first", 0)]),
        store.commit([put("k", "late", 0), put("other", "late")]),
        store.commit([remove("k")]),
        store.commit([put("k", "second", 0)]),
        ...Array.from({ length: 300 }, (_, index) => store.commit([put("count", String(index))])),
      ]);
      assert.deepEqual(
        outcomes.flatMap(({ status }, index) => (status === "rejected" ? [index] : [])),
        [1],
      );
      assert.equal(await textAt(store, "k"), "second");
      assert.equal(await textAt(store, "count"), "299");
      assert.equal(await store.get("other"), undefined);
      const versions = outcomes.flatMap((outcome) =>
        outcome.status === "fulfilled" ? outcome.value.versions.filter((version) => version > 0) : [],
      );
      assert.deepEqual(
        versions,
        versions.toSorted((left, right) => left - right),
      );
    }));

  // Ascending by UTF-8 bytes; UTF-16 would put the last but one before the two that precede it.
  const ascending = [
    "/",
    "/a",
    "/a/",
    "/a/b",
    "/ab",
    "/z",
    "/é",
    "/\u{E000}",
    "/\u{FFFF}",
    "/\u{10000}",
    "/\u{10FFFF}x",
  ];
  const scans: readonly (readonly [string, Parameters<Store["scan"]>[0], readonly string[]])[] = [
    ["everything", { prefix: "", limit: 100 }, ascending],
    ["reverse", { prefix: "", limit: 100, reverse: true }, ascending.toReversed()],
    ["prefix", { prefix: "/a", limit: 100 }, ["/a", "/a/", "/a/b", "/ab"]],
    ["after a key", { prefix: "/a", after: "/a/", limit: 100 }, ["/a/b", "/ab"]],
    ["after no key", { prefix: "/a", after: "/a0", limit: 100 }, ["/ab"]],
    ["after, before the prefix", { prefix: "/a/", after: "", limit: 100 }, ["/a/", "/a/b"]],
    ["after, beyond the prefix", { prefix: "/a", after: "/b", limit: 100 }, []],
    ["after a multi-byte key", { prefix: "", after: "/\u{FFFF}", limit: 100 }, ascending.slice(-2)],
    ["before a key", { prefix: "/a", after: "/a/b", limit: 100, reverse: true }, ["/a/", "/a"]],
    ["before, beyond the prefix", { prefix: "/a", after: "/z", limit: 2, reverse: true }, ["/ab", "/a/b"]],
    ["before, before the prefix", { prefix: "/b", after: "/a", limit: 2, reverse: true }, []],
    ["limit", { prefix: "/", limit: 2 }, ["/", "/a"]],
    ["prefix of the last code point", { prefix: "/\u{10FFFF}", limit: 9 }, ["/\u{10FFFF}x"]],
    ["no such prefix", { prefix: "nothing", limit: 9 }, []],
  ];
  test(`${name}: K4 scans answer in the order of UTF-8 bytes, each key once`, () =>
    withStore(make, async (store) => {
      const shuffled = ascending.toSorted((left, right) => left.length - right.length);
      for (const key of shuffled) await store.commit([put(key, key)]);
      for (const [what, range, expected] of scans) {
        const found = await store.scan(range);
        assert.deepEqual(
          found.map((entry) => entry.key),
          expected,
          what,
        ); // prettier
        for (const entry of found) assert.deepEqual(await store.get(entry.key), entry, what);
      }
    }));

  test(`${name}: K4 the longest keys are found and bounded like any other`, () =>
    withStore(make, async (store) => {
      const longest = ["a".repeat(1024), "\u{10FFFF}".repeat(256)];
      await store.commit(longest.map((key) => put(key, "x")));
      assert.deepEqual(await keysOf(store), longest);
      assert.deepEqual(await keysOf(store, "\u{10FFFF}".repeat(255)), longest.slice(1));
    }));
}

function versions(name: string, make: MakeStore): void {
  test(`${name}: K5 versions grow with each write and never come back, not after removal nor reopen`, () =>
    withStore(make, async (first, made) => {
      const seen: number[] = [];
      let store = first;
      for (let round = 0; round < 3; round++) {
        seen.push(...(await store.commit([put("a", "x")])).versions);
        seen.push(...(await store.commit([put("a", "x"), put("b", "x")])).versions);
        await store.commit([remove("a"), remove("b")]);
        await assert.rejects(store.commit([put("a", "x", seen.at(-2))]), failsWith("conflict"));
        store = await made.reopen();
      }
      assert.ok(seen.every((version) => Number.isSafeInteger(version) && version > 0));
      assert.deepEqual(
        seen,
        [...new Set(seen)].toSorted((left, right) => left - right),
      );
    }));
}

function watching(name: string, make: MakeStore): void {
  test(`${name}: K6 watchers wake once per commit and prefix, in order, for what was committed only`, () =>
    withStore(make, async (store) => {
      const woken: string[] = [];
      for (const prefix of ["a/", "a/1", "b/", ""]) store.watch(prefix, () => woken.push(prefix));
      const cases: readonly (readonly [readonly Write[], readonly string[]])[] = [
        [
          [put("a/1", "x"), put("a/2", "x")],
          ["a/", "a/1", ""],
        ],
        [[put("b/1", "x")], ["b/", ""]],
        [[remove("a/2")], ["a/", ""]],
        [[{ kind: "check", key: "b/2", ifVersion: 0 }, put("c", "x")], [""]],
        [[put("a/1", "x", 0)], []],
        [[], []],
      ];
      for (const [batch, expected] of cases) {
        woken.length = 0;
        await store.commit(batch).catch((error: unknown) => assert.ok(failsWith("conflict")(error)));
        assert.deepEqual(woken, expected, JSON.stringify(batch));
      }
    }));

  test(`${name}: K6 a woken watcher reads what woke it, and an unwatched one sleeps`, () =>
    withStore(make, async (store) => {
      const reads: Promise<string | undefined>[] = [];
      const unwatch = store.watch("n", () => reads.push(textAt(store, "n")));
      await Promise.all(["1", "2", "3"].map((value) => store.commit([put("n", value)])));
      unwatch();
      unwatch();
      await store.commit([put("n", "4")]);
      const values = await Promise.all(reads);
      assert.equal(values.length, 3);
      values.forEach((value, index) => assert.ok(Number(value) >= index + 1, `${value} at ${index}`));
    }));

  test(`${name}: K6 a watcher that unwatches another while both are woken wins`, () =>
    withStore(make, async (store) => {
      const woken: string[] = [];
      store.watch("k", () => {
        woken.push("first");
        unwatchSecond();
      });
      const unwatchSecond = store.watch("k", () => woken.push("second"));
      await store.commit([put("k", "x")]);
      assert.deepEqual(woken, ["first"]);
    }));
}

function closing(name: string, make: MakeStore): void {
  test(`${name}: K7 a closed store refuses every call, after it has finished what was called before`, () =>
    withStore(make, async (store, made) => {
      const rest = Promise.withResolvers<Uint8Array>();
      async function* slowly() {
        yield bytes("bl");
        yield await rest.promise;
      }
      const called = Promise.all([
        ...Array.from({ length: 50 }, (_, index) => store.commit([put(`k${index}`, "x")])),
        store.blobs.put(slowly()),
      ]);
      let isClosed = false;
      const closed = store.close().then(() => (isClosed = true));
      const sha256 = "0".repeat(64);
      const refused: readonly (() => unknown)[] = [
        () => store.get("k0"),
        () => store.scan({ prefix: "", limit: 1 }),
        () => store.commit([put("late", "x")]),
        async () => store.watch("k", () => {}),
        () => store.blobs.put(bytes("late")),
        () => store.blobs.read(sha256),
        () => store.blobs.stat(sha256),
        () => store.blobs.remove(sha256),
        async () => {
          for await (const _ of store.blobs.stream(sha256)) assert.fail("a closed store streams");
        },
        async () => {
          for await (const _ of store.blobs.list()) assert.fail("a closed store lists");
        },
      ];
      for (const call of refused)
        await assert.rejects(async () => call(), failsWith("closed"), call.toString());
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(isClosed, false, "a blob is still being stored");
      rest.resolve(bytes("ob"));
      const answers = await called;
      await closed;
      await store.close();
      for (const call of refused)
        await assert.rejects(async () => call(), failsWith("closed"), call.toString());
      const again = await made.reopen();
      assert.equal((await keysOf(again)).length, 50);
      const blob = answers.at(-1) as BlobRef;
      assert.deepEqual(await again.blobs.read(blob.sha256), bytes("blob"));
      assert.equal(await again.get("late"), undefined);
    }));
}

function bounds(name: string, make: MakeStore): void {
  const many = (count: number) => Array.from({ length: count }, (_, index) => put(`k${index}`, ""));
  const scan = (limit: number) => (store: Store) => store.scan({ prefix: "", limit });
  const mistakes: readonly (readonly [string, (store: Store) => Promise<unknown>])[] = [
    ["an empty key", (store) => store.get("")],
    ["a key of 2,305 bytes", (store) => store.commit([put(`${"é".repeat(1152)}x`, "")])],
    ["a key with NUL", (store) => store.commit([remove("a\0b")])],
    ["half a surrogate pair", (store) => store.get("a\u{D800}")],
    ["a key twice", (store) => store.commit([put("a", "1"), remove("a")])],
    ["too many writes", (store) => store.commit(many(storeBatchWritesMax + 1))],
    [
      "too many bytes",
      (store) => store.commit([{ kind: "put", key: "a", value: new Uint8Array(storeBatchBytesMax) }]),
    ],
    ["a negative version", (store) => store.commit([put("a", "x", -1)])],
    ["a fractional version", (store) => store.commit([put("a", "x", 0.5)])],
    ["limit 0", scan(0)],
    ["limit beyond its maximum", scan(storeScanEntriesMax + 1)],
    ["a fractional limit", scan(1.5)],
    ["a blob's name with a path in it", (store) => store.blobs.read(`../../${"0".repeat(58)}`)],
    ["a blob's name in upper case", (store) => store.blobs.remove("A".repeat(64))],
  ];
  test(`${name}: what is out of bounds is the caller's mistake and changes nothing`, () =>
    withStore(make, async (store) => {
      for (const [what, call] of mistakes) await assert.rejects(call(store), InvariantError, what);
      assert.deepEqual(await keysOf(store), []);
      await store.commit(many(storeBatchWritesMax));
    }));
}
