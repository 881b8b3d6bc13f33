/**
 * The examples do what their READMEs say: each makes a thumbnail of the image in its event, in its runtime.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { inflateSync } from "node:zlib";
import { startGuest, type GuestOptions } from "./guest-runtime.ts";

interface Thumbnail {
  readonly image: string;
  readonly format: string;
  readonly width: number;
  readonly height: number;
  readonly original: { readonly format: string; readonly width: number; readonly height: number };
}

interface Made extends Omit<Thumbnail, "image"> {
  readonly given: Buffer;
  readonly bytes: Buffer;
}

const root = join(import.meta.dirname, "../..");
const examples = join(root, "examples");
const timeout = 120_000;

test("the Node example makes a JPEG of 160 × 120 from one of 640 × 480", { timeout }, async (t) => {
  const code = join(examples, "thumbnail");
  if (!existsSync(join(code, "node_modules", "sharp")))
    return t.skip("run examples/thumbnail/build.sh first");
  const argv = [process.execPath, join(root, "guest/runtimes/node/index.cjs")];
  const { given, bytes, ...facts } = await thumbnail(t, { argv, code, handler: "index.handler" });
  const original = { format: "jpeg", width: 640, height: 480 };
  assert.deepEqual(facts, { format: "jpeg", width: 160, height: 120, original });
  const startOfImage = Buffer.from([0xff, 0xd8, 0xff]);
  assert.ok(given.subarray(0, 3).equals(startOfImage) && bytes.subarray(0, 3).equals(startOfImage));
  assert.ok(bytes.length > 1000 && bytes.length < given.length / 2, `${bytes.length} bytes`);
});

test("the Python example makes a PNG of 120 × 90 from one of 320 × 240", { timeout }, async (t) => {
  const python = ["/usr/local/bin/python3", "/usr/bin/python3"].find((path) => existsSync(path));
  if (python === undefined) return t.skip("no python3 in /usr");
  const argv = [python, "-B", join(root, "guest/runtimes/python/bootstrap.py")];
  const code = join(examples, "thumbnail-python");
  const { given, bytes, ...facts } = await thumbnail(t, { argv, code, handler: "lambda_function.handler" });
  const original = { format: "png", width: 320, height: 240 };
  assert.deepEqual(facts, { format: "png", width: 120, height: 90, original });
  assert.deepEqual([bytes.readUInt32BE(16), bytes.readUInt32BE(20)], [120, 90]);
  assert.ok(bytes.subarray(0, 8).equals(given.subarray(0, 8)));
  const begin = bytes.indexOf("IDAT");
  const pixels = inflateSync(bytes.subarray(begin + 4, begin + 4 + bytes.readUInt32BE(begin - 4)));
  const channels = bytes[25] === 2 ? 3 : 4;
  assert.equal(pixels.length, 90 * (120 * channels + 1));
  // Sky above, trees below.
  assert.ok(meanOf(pixels.subarray(0, 1000)) > meanOf(pixels.subarray(-1000)) + 20);
});

test("the C example makes a PPM of 40 × 30 from one of 160 × 120", { timeout }, async (t) => {
  const compiler = ["/usr/bin/cc", "/usr/local/bin/cc"].find((path) => existsSync(path));
  if (compiler === undefined) return t.skip("no C compiler");
  const code = await mkdtemp(join(tmpdir(), "lambdad-example-"));
  t.after(() => rm(code, { recursive: true, force: true }));
  const bootstrap = join(code, "bootstrap");
  execFileSync(compiler, [
    "-std=c11",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-o",
    bootstrap,
    join(examples, "thumbnail-c/bootstrap.c"),
  ]);
  await copyFile(join(examples, "thumbnail-c/event.json"), join(code, "event.json"));
  const guest = { argv: [bootstrap], code, handler: "any", transport: "tcp", frames: false } as const;
  const { given, bytes, ...facts } = await thumbnail(t, guest);
  const original = { format: "ppm", width: 160, height: 120 };
  assert.deepEqual(facts, { format: "ppm", width: 40, height: 30, original });
  assert.equal(bytes.toString("latin1", 0, 13), "P6\n40 30\n255\n");
  assert.equal(bytes.length, 13 + 40 * 30 * 3);
  const [before, after] = [given.subarray(15), bytes.subarray(13)].map(meanOf);
  assert.ok(Math.abs((before ?? 0) - (after ?? 255)) < 2, "the mean colour stays");
});

/** Sends the example's own event, twice, and one that is no image in between. */
async function thumbnail(t: TestContext, options: GuestOptions & { readonly code: string }): Promise<Made> {
  const event = await readFile(join(options.code, "event.json"), "utf8");
  const guest = await startGuest(options);
  t.after(() => guest.stop());
  const first = await guest.invoke(event);
  assert.equal(first.kind, "response", first.text.slice(0, 500));
  assert.equal((await guest.invoke({ image: "bm8gaW1hZ2U=" })).kind, "error");
  assert.equal((await guest.invoke(event)).text, first.text);
  const { image, ...facts } = first.body as Thumbnail;
  const given = (JSON.parse(event) as { image: string }).image;
  return { ...facts, given: Buffer.from(given, "base64"), bytes: Buffer.from(image, "base64") };
}

function meanOf(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => sum + byte, 0) / bytes.length;
}
