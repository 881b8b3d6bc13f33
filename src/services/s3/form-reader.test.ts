/** Forms of browsers, as far as a hostile one can take them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { postFormFieldsBytesMax } from "../../limits.ts";
import { AwsError } from "../../wire/aws-error.ts";
import { FormReader } from "./form-reader.ts";

const type = "multipart/form-data; boundary=b";
const field = (name: string, value = "") =>
  `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
const file =
  '--b\r\nContent-Disposition: form-data; name="file"; filename="C:\\x\\../y.txt"\r\nContent-Type: text/plain\r\n\r\nbytes\r\n--b--\r\n';

/** Counts what is read of it. */
function body(parts: Iterable<string>) {
  const read = { bytes: 0 };
  async function* pieces() {
    for (const part of parts) {
      read.bytes += part.length;
      yield Buffer.from(part);
    }
  }
  return { read, reader: new FormReader(pieces(), type) };
}

function* endless(part: (index: number) => string) {
  for (let index = 0; ; index += 1) yield part(index);
}

const tooLarge = (error: unknown) =>
  error instanceof AwsError && error.code === "MaxPostPreDataLengthExceeded";

test("a form gives its fields, its file's name without a path, and its bytes; not the type that a browser guesses", async () => {
  const { reader } = body([field("key", "k"), field("Policy", "p"), file]);
  const { fields, file: found } = await reader.untilFile();
  assert.deepEqual(
    [...fields],
    [
      ["key", "k"],
      ["policy", "p"],
    ],
  );
  assert.equal(found.fileName, "y.txt");
  const bytes: Uint8Array[] = [];
  for await (const piece of found.bytes) bytes.push(piece);
  assert.equal(Buffer.concat(bytes).toString(), "bytes");
});

const bombs: readonly (readonly [string, (index: number) => string])[] = [
  ["fields without end", (index) => field(`name${index}`, "value")],
  ["empty fields with long names", (index) => field("n".repeat(7000) + index)],
  ["empty fields", (index) => field(`n${index}`)],
  ["one value without end", (index) => (index === 0 ? field("a").slice(0, -2) : "x".repeat(1000))],
  ["headers without end", (index) => (index === 0 ? "--b\r\n" : `x-${index}: ${"y".repeat(900)}\r\n`)],
  ["a first line without end", () => "x".repeat(1000)],
];

for (const [what, part] of bombs) {
  test(`a form with ${what} is refused before much of it is held`, async () => {
    const { read, reader } = body(endless(part));
    await assert.rejects(reader.untilFile(), (error) => tooLarge(error) || error instanceof AwsError);
    assert.ok(read.bytes < 4 * postFormFieldsBytesMax, `${read.bytes} bytes were read`);
  });
}
