import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { crc32, deflateRawSync } from "node:zlib";
import { until } from "../../test/harness/runtime-stage.ts";
import { zipOf } from "../../test/harness/zip.ts";
import { silentLogger } from "../base/logger.ts";
import { seededRandom } from "../base/random.ts";
import { unzippedBytesMax, zipEntriesMax, zipPathBytesMax } from "../limits.ts";
import { StoreError } from "../store/store.ts";
import { createCodeMounts } from "./code-mount.ts";
import type { ZipErrorCode } from "./contract.ts";
import { ZipError } from "./contract.ts";

async function mounts(t: TestContext, ...zips: readonly Uint8Array[]) {
  const dir = await mkdtemp(join(tmpdir(), "lambdad-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const reads: string[] = [];
  const blobs = new Map(zips.map((zip) => [hashOf(zip), zip]));
  const read = async (sha256: string) => {
    reads.push(sha256);
    const bytes = blobs.get(sha256);
    if (!bytes) throw new StoreError("not-found", sha256);
    return bytes;
  };
  const random = seededRandom(1);
  const make = () => createCodeMounts({ blobs: { read }, dir, random, logger: silentLogger });
  return { dir, reads, make, code: await make() };
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function isZipError(code: ZipErrorCode) {
  return (error: unknown) => error instanceof ZipError && error.code === code;
}

test("a package is unpacked with its modes and links, for all to read and nobody to change", async (t) => {
  const large = "0123456789".repeat(300_000);
  const zip = await zipOf({
    "index.mjs": "export {}",
    "bin/tool": { content: "#!/bin/sh", mode: 0o100755 },
    secret: { content: "s", mode: 0o100600 },
    setuid: { content: "s", mode: 0o104777 },
    "node_modules/.bin/tool": { content: "../../bin/tool", mode: 0o120777 },
    here: { content: "node_modules/.bin", mode: 0o120777 },
    "large.txt": large,
    "ünïcode/€.txt": "u",
    empty: "",
  });
  const { code } = await mounts(t, zip);
  const { source, target } = await code.mount(hashOf(zip));
  const modeOf = async (path: string) => ((await stat(join(source, path))).mode & 0o7777).toString(8);
  assert.equal(target, "/var/task");
  assert.equal(await readFile(join(source, "index.mjs"), "utf8"), "export {}");
  assert.equal(await readFile(join(source, "large.txt"), "utf8"), large);
  assert.equal(await readFile(join(source, "ünïcode/€.txt"), "utf8"), "u");
  assert.equal(await readFile(join(source, "empty"), "utf8"), "");
  assert.deepEqual(await Promise.all(["", "bin", "bin/tool", "index.mjs", "secret", "setuid"].map(modeOf)), [
    "755",
    "755",
    "755",
    "644",
    "644",
    "755",
  ]);
  assert.equal(await readlink(join(source, "node_modules/.bin/tool")), "../../bin/tool");
  assert.equal(await readFile(join(source, "here/tool"), "utf8"), "#!/bin/sh");
});

test("inspect counts what a package has, and writes nothing", async (t) => {
  const { code, dir } = await mounts(t);
  const before = await readdir(dir, { recursive: true });
  assert.deepEqual(await code.inspect(await zipOf({ a: "12345", "b/c": "678" })), {
    unzippedBytes: 8,
    entries: 2,
  });
  assert.deepEqual(await readdir(dir, { recursive: true }), before);
});

test("a package is unpacked once, however many ask for it at the same time", async (t) => {
  const zip = await zipOf({ a: "1" });
  const { code, reads } = await mounts(t, zip);
  const all = await Promise.all(Array.from({ length: 5 }, () => code.mount(hashOf(zip))));
  assert.equal(new Set(all.map(({ source }) => source)).size, 1);
  assert.deepEqual(reads, [hashOf(zip)]);
});

test("a removed package is gone and can be mounted again, also at the same time", async (t) => {
  const zip = await zipOf({ a: "1" });
  const { code } = await mounts(t, zip);
  const { source } = await code.mount(hashOf(zip));
  await code.remove(hashOf(zip));
  await assert.rejects(stat(source), { code: "ENOENT" });
  await code.remove(hashOf(zip));
  await code.mount(hashOf(zip));
  const [, again] = await Promise.all([code.remove(hashOf(zip)), code.mount(hashOf(zip))]);
  assert.equal(await readFile(join(again.source, "a"), "utf8"), "1");
});

test("a package that cannot be unpacked leaves nothing, and the next attempt is a fresh one", async (t) => {
  const zip = Buffer.from(await zipOf({ a: "x".repeat(100_000), b: "y" }));
  damage(zip);
  const { code, dir, reads } = await mounts(t, zip);
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    await assert.rejects(code.mount(hashOf(zip)), isZipError("unreadable"));
    assert.equal(reads.length, attempt);
  }
  assert.deepEqual(
    (await readdir(dir, { recursive: true })).filter((path) => path.includes("/")),
    [],
  );
  await assert.rejects(
    code.mount("0".repeat(64)),
    (error) => error instanceof StoreError && error.code === "not-found",
  );
  assert.throws(() => code.mount("../../etc"), /SHA-256/);
});

test("what an earlier run left is removed at the start", async (t) => {
  const { dir, make } = await mounts(t);
  await mkdir(join(dir, "earlier/abc"), { recursive: true });
  await writeFile(join(dir, "earlier/abc/file"), "x");
  await make();
  await until(() => !existsSync(join(dir, "earlier")), "it is gone");
});

const unsafe: readonly (readonly [what: string, entries: readonly RawEntry[]])[] = [
  ["an absolute path", [{ name: "/etc/passwd" }]],
  ["a path that climbs out", [{ name: "a/../../b" }]],
  ["a path that climbs", [{ name: "a/../b" }]],
  ["a NUL", [{ name: "a\0b" }]],
  ["a backslash", [{ name: "a\\b" }]],
  ["a name of 256 bytes", [{ name: "x".repeat(256) }]],
  ["a path beyond the bound", [{ name: "d/".repeat(zipPathBytesMax / 2) + "x" }]],
  ["no name", [{ name: "" }]],
  ["the same file twice", [{ name: "a" }, { name: "a" }]],
  ["the same file twice, spelled differently", [{ name: "a/b" }, { name: "a//./b" }]],
  ["a file that is a directory", [{ name: "a" }, { name: "a/b" }]],
  ["a directory that is a file", [{ name: "a/b" }, { name: "a" }]],
  ["a file below a link", [{ name: "a", mode: 0o120777, content: "." }, { name: "a/b" }]],
  ["a link to the outside", [{ name: "a/b", mode: 0o120777, content: "../../etc" }]],
  ["an absolute link", [{ name: "a", mode: 0o120777, content: "/etc/passwd" }]],
  ["a link that climbs after it descended", [{ name: "a", mode: 0o120777, content: "b/../.." }]],
  ["an empty link", [{ name: "a", mode: 0o120777, content: "" }]],
  ["a link with an endless target", [{ name: "a", mode: 0o120777, content: "x".repeat(5000) }]],
  ["a device", [{ name: "a", mode: 0o020666 }]],
  ["a fifo", [{ name: "a", mode: 0o010666 }]],
];

for (const [what, entries] of unsafe) {
  test(`${what} makes a package unsafe, and nothing of it is written`, async (t) => {
    const zip = rawZip(entries);
    const { code, dir } = await mounts(t, zip);
    await assert.rejects(code.inspect(zip), isZipError("unsafe"));
    await assert.rejects(code.mount(hashOf(zip)), isZipError("unsafe"));
    assert.deepEqual(
      (await readdir(dir, { recursive: true })).filter((path) => path.includes("/")),
      [],
    );
  });
}

test("directories may be named again and again, and the package itself too", async (t) => {
  const zip = rawZip([{ name: "./" }, { name: "a/" }, { name: "a/" }, { name: "./a/b", content: "1" }]);
  const { code } = await mounts(t, zip);
  const { source } = await code.mount(hashOf(zip));
  assert.equal(await readFile(join(source, "a/b"), "utf8"), "1");
});

test("files of systems without modes are readable and not executable", async (t) => {
  const zip = rawZip([{ name: "a", content: "1", madeBy: 0, mode: 0o100755 }]);
  const { code } = await mounts(t, zip);
  const { source } = await code.mount(hashOf(zip));
  assert.equal((await stat(join(source, "a"))).mode & 0o777, 0o644);
});

const unreadable: readonly (readonly [what: string, zip: () => Uint8Array | Promise<Uint8Array>])[] = [
  ["no zip", () => Buffer.from("hello")],
  ["nothing", () => Buffer.alloc(0)],
  ["a zip without its end", async () => (await zipOf({ a: "1".repeat(1000) })).subarray(0, -10)],
  ["a zip without its beginning", async () => (await zipOf({ a: "1".repeat(1000), b: "2" })).subarray(40)],
  ["damaged content", () => damage(rawZip([{ name: "a", content: "x".repeat(1000) }]))],
  ["stored content with a wrong checksum", () => damage(rawZip([{ name: "a", content: "x", stored: true }]))],
  ["an encrypted entry", () => rawZip([{ name: "a", flags: 1 }])],
  ["an unknown compression", () => rawZip([{ name: "a", method: 12 }])],
  ["less content than declared", () => rawZip([{ name: "a", content: "x", declaredBytes: 2 }])],
  ["more content than declared", () => rawZip([{ name: "a", content: "xyz", declaredBytes: 2 }])],
  [
    "much more content than declared",
    () => rawZip([{ name: "a", content: "x".repeat(50_000_000), declaredBytes: 10 }]),
  ],
  [
    "large content, larger than declared",
    () => rawZip([{ name: "a", content: "x".repeat(5_000_000), declaredBytes: 4_000_000 }]),
  ],
];

for (const [what, make] of unreadable) {
  test(`${what} is unreadable`, async (t) => {
    const { code } = await mounts(t);
    await assert.rejects(code.inspect(await make()), isZipError("unreadable"));
  });
}

test("a bomb is too large before it is unpacked: by bytes, by entries, by directories that paths imply", async (t) => {
  const { code } = await mounts(t);
  const bytes = rawZip([
    { name: "a", declaredBytes: unzippedBytesMax },
    { name: "b", declaredBytes: 1 },
  ]);
  await assert.rejects(code.inspect(bytes), isZipError("too-large"));
  const directories = Array.from({ length: 401 }, (_, index) => ({ name: `${index}/${"d/".repeat(500)}x` }));
  assert.ok(directories.length * 500 > zipEntriesMax);
  await assert.rejects(code.inspect(rawZip(directories)), isZipError("too-large"));
});

interface RawEntry {
  readonly name: string;
  readonly content?: string;
  readonly mode?: number;
  readonly madeBy?: number;
  readonly flags?: number;
  readonly method?: number;
  readonly stored?: boolean;
  readonly declaredBytes?: number;
}

/** A zip as no tool would write it. */
function rawZip(entries: readonly RawEntry[]): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const name = Buffer.from(entry.name);
    const content = Buffer.from(entry.content ?? "");
    const packed = entry.stored ? content : deflateRawSync(content);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(name.length, 26);
    locals.push(local, name, packed);
    directory.push(centralHeader(entry, { name, content, packedBytes: packed.length, offset }), name);
    offset += 30 + name.length + packed.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, central, end]);
}

interface Placed {
  readonly name: Buffer;
  readonly content: Buffer;
  readonly packedBytes: number;
  readonly offset: number;
}

function centralHeader(entry: RawEntry, { name, content, packedBytes, offset }: Placed): Buffer {
  const header = Buffer.alloc(46);
  header.writeUInt32LE(0x02014b50, 0);
  header.writeUInt16LE(((entry.madeBy ?? 3) << 8) | 20, 4);
  header.writeUInt16LE((entry.flags ?? 0) | 0x800, 8);
  header.writeUInt16LE(entry.method ?? (entry.stored ? 0 : 8), 10);
  header.writeUInt32LE(crc32(content), 16);
  header.writeUInt32LE(packedBytes, 20);
  header.writeUInt32LE(entry.declaredBytes ?? content.length, 24);
  header.writeUInt16LE(name.length, 28);
  header.writeUInt32LE(((entry.mode ?? 0o100644) << 16) >>> 0, 38);
  header.writeUInt32LE(offset, 42);
  return header;
}

/** Flips bits in the first entry's content. */
function damage(zip: Buffer): Buffer {
  const start = 30 + zip.readUInt16LE(26) + zip.readUInt16LE(28);
  zip[start] = (zip[start] ?? 0) ^ 0xff;
  return zip;
}

test("one layer alone is mounted as it was unpacked", async (t) => {
  const layer = await zipOf({ "python/one.py": "1" });
  const { code } = await mounts(t, layer);
  const { source } = await code.mount(hashOf(layer));
  assert.deepEqual(await code.mountLayers([hashOf(layer)]), { source, target: "/opt" });
});

test("layers lie over each other in the order of the list", async (t) => {
  const lower = await zipOf({
    "bin/tool": { content: "lower", mode: 0o100755 },
    "lib/only-lower": "lower",
    file: "lower",
    folder: { content: "lib", mode: 0o120777 },
    "becomes-file/inner": "lower",
  });
  const upper = await zipOf({
    "bin/tool": { content: "upper", mode: 0o100755 },
    file: { content: "bin/tool", mode: 0o120777 },
    "folder/inside": "upper",
    "becomes-file": "upper",
  });
  const { code } = await mounts(t, lower, upper);
  const { source, target } = await code.mountLayers([lower, upper].map(hashOf));
  const text = (path: string) => readFile(join(source, path), "utf8");
  assert.equal(target, "/opt");
  assert.equal(await text("bin/tool"), "upper");
  assert.equal((await stat(join(source, "bin/tool"))).mode & 0o7777, 0o755);
  assert.equal(await text("lib/only-lower"), "lower");
  assert.equal(await readlink(join(source, "file")), "bin/tool", "a link replaces a file");
  assert.equal(await text("folder/inside"), "upper", "a folder replaces a link");
  assert.deepEqual(await readdir(join(source, "lib")), ["only-lower"], "nothing went through the link");
  assert.equal(await text("becomes-file"), "upper");

  const reversed = await code.mountLayers([upper, lower].map(hashOf));
  assert.notEqual(reversed.source, source);
  assert.equal(await readFile(join(reversed.source, "bin/tool"), "utf8"), "lower");
  assert.equal(await text("bin/tool"), "upper", "what is merged never changes");
  const { source: unpacked } = await code.mount(hashOf(lower));
  assert.equal(await readFile(join(unpacked, "file"), "utf8"), "lower", "nor does what it was made from");
});

test("a list of layers is merged once, and goes with any of its layers", async (t) => {
  const [one, two] = [await zipOf({ one: "1" }), await zipOf({ two: "2" })];
  const { code, reads } = await mounts(t, one, two);
  const list = [one, two].map(hashOf);
  const [{ source }, again] = await Promise.all([code.mountLayers(list), code.mountLayers(list)]);
  assert.equal(again.source, source);
  assert.equal(reads.length, 2);
  const [, remade] = await Promise.all([code.remove(hashOf(two)), code.mountLayers(list)]);
  assert.equal(await readFile(join(remade.source, "two"), "utf8"), "2", "made anew after the removal");
  await code.remove(hashOf(one));
  assert.equal(existsSync(source), false);
});
