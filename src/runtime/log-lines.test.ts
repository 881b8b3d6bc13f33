import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { logLineBytesMax } from "../limits.ts";
import type { Message, MessageReader } from "./log-lines.ts";
import { FrameReader, LineReader } from "./log-lines.ts";

const texts = (messages: readonly Message[]) => messages.map(({ bytes }) => bytes.toString());

function readAll(reader: MessageReader, pieces: readonly (string | Uint8Array)[]): string[] {
  return texts([...pieces.flatMap((piece) => reader.push(Buffer.from(piece))), ...reader.flush()]);
}

function frame(text: string | Uint8Array, atMs = 0, type = 0xa55a0003): Buffer {
  const body = Buffer.from(text);
  const head = Buffer.alloc(16);
  head.writeUInt32BE(type, 0);
  head.writeUInt32BE(body.length, 4);
  head.writeBigUInt64BE(BigInt(atMs) * 1000n + 999n, 8);
  return Buffer.concat([head, body]);
}

const lines: readonly (readonly [what: string, pieces: readonly string[], expected: readonly string[]])[] = [
  ["one message a line", ["a\nb\n"], ["a\n", "b\n"]],
  ["a line in pieces", ["a", "b", "\nc"], ["ab\n", "c"]],
  ["an empty line is a message", ["\n\na\n"], ["\n", "\n", "a\n"]],
  ["a carriage return ends nothing and stays", ["a\rb\r\nc\n"], ["a\rb\r\n", "c\n"]],
  ["nothing at all", [""], []],
];

for (const [what, pieces, expected] of lines) {
  test(`lines: ${what}`, () => assert.deepEqual(readAll(new LineReader(), pieces), expected));
}

test("a line that is too long is cut between two characters, and loses nothing", () => {
  for (const character of ["x", "ü", "€", "😀"]) {
    const text = `-${character.repeat(logLineBytesMax)}\nnext\n`;
    const messages = readAll(new LineReader(), [text]);
    assert.equal(messages.join(""), text);
    assert.equal(messages.at(-1), "next\n");
    for (const message of messages) assert.ok(Buffer.byteLength(message) <= logLineBytesMax);
    assert.ok(Buffer.byteLength(messages[0] ?? "") > logLineBytesMax - 4);
  }
});

test("a line of exactly the largest size, with its newline, is one message", () => {
  const line = `${"x".repeat(logLineBytesMax - 1)}\n`;
  assert.deepEqual(readAll(new LineReader(), [line, "y"]), [line, "y"]);
  assert.deepEqual(readAll(new LineReader(), [`x${line}`]), [`x${line.slice(0, -1)}`, "\n"]);
});

test("bytes that are no UTF-8 are cut anywhere and end", () => {
  const reader = new LineReader();
  const messages = reader.push(Buffer.alloc(logLineBytesMax * 2 + 1, 0x80));
  assert.deepEqual(
    messages.map(({ bytes }) => bytes.length),
    [logLineBytesMax, logLineBytesMax],
  );
});

test("lines come out the same in whatever pieces they arrive", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom("a", "\n", "\r", "ü", "😀") }),
      fc.integer({ min: 1, max: 7 }),
      (text, size) => {
        const bytes = Buffer.from(text);
        const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
          bytes.subarray(index * size, (index + 1) * size),
        );
        assert.deepEqual(readAll(new LineReader(), pieces), text.match(/[^\n]*\n|[^\n]+$/g) ?? []);
      },
    ),
  );
});

test("a frame is a message with its newlines and its time, of any type and level", () => {
  const reader = new FrameReader();
  const bytes = Buffer.concat([
    ...[frame("a\nb", 1234), frame("{}", 5, 0xa55a0016), frame("")],
    ...[frame("{1}", 6, 0xa55a0002), frame("last", 0, 0xa55a0017)],
  ]);
  const messages = [...bytes].flatMap((_, index) => reader.push(bytes.subarray(index, index + 1)));
  assert.deepEqual(
    messages.map(({ bytes: text, atMs, level }) => [text.toString(), atMs, level]),
    [
      ["a\nb", 1234, undefined],
      ["{}", 5, 4],
      ["{1}", 6, undefined],
      ["last", 0, undefined],
    ],
  );
  assert.deepEqual(reader.flush(), []);
});

test("a frame that is too long is several messages, and a huge one is never kept whole", () => {
  const text = "ü".repeat(logLineBytesMax);
  const messages = readAll(new FrameReader(), [frame(text, 1), frame("next")]);
  assert.equal(messages.slice(0, -1).join(""), text);
  assert.equal(messages.at(-1), "next");

  const endless = new FrameReader();
  const head = Buffer.from(frame("")); // of 4 GiB, says its length
  head.writeUInt32BE(0xffffffff, 4);
  endless.push(head);
  assert.deepEqual(
    endless.push(Buffer.alloc(logLineBytesMax * 3 + 1, "x")).map(({ bytes }) => bytes.length),
    [logLineBytesMax, logLineBytesMax, logLineBytesMax],
  );
});

test("an unfinished frame is shown when its program ends, and may still be finished", () => {
  const reader = new FrameReader();
  const whole = frame("abcdef");
  assert.deepEqual(reader.push(whole.subarray(0, 19)), []);
  assert.deepEqual(texts(reader.flush()), ["abc"]);
  assert.deepEqual(texts(reader.push(Buffer.concat([whole.subarray(19), frame("next")]))), ["def", "next"]);
});

test("what is printed comes in frames as it is, and is lines again, each stream's its own, with their time", () => {
  const [out, err] = [0xa55a0001, 0xa55a0005];
  const reader = new FrameReader();
  const bytes = Buffer.concat([
    ...[
      frame("be", 1, out),
      frame("error\npart", 2, err),
      frame("logged", 3),
      frame("gun\nwhole\nno end", 4, out),
    ],
    frame("ly\n", 5, err),
  ]);
  const messages = [...bytes].flatMap((_, index) => reader.push(bytes.subarray(index, index + 1)));
  assert.deepEqual(
    messages.map(({ bytes: text, atMs }) => [text.toString(), atMs]),
    [
      ["error\n", 2],
      ["logged", 3],
      ["begun\n", 4],
      ["whole\n", 4],
      ["partly\n", 5],
    ],
  );
  assert.deepEqual(texts(reader.flush()), ["no end"]);
  assert.deepEqual(reader.flush(), []);
});

test("a printed line that is begun is bounded as every other", () => {
  const text = "x".repeat(logLineBytesMax + 7);
  const messages = readAll(new FrameReader(), [
    frame(text.slice(0, 9), 1, 0xa55a0001),
    frame(text.slice(9), 1, 0xa55a0001),
  ]);
  assert.deepEqual(
    messages.map(({ length }) => length),
    [logLineBytesMax, 7],
  );
});

test("what is between frames is lines, also begun ones and what looks like a frame at first", () => {
  const reader = new FrameReader();
  const bytes = Buffer.concat([
    ...[Buffer.from("å plain\npart"), frame("framed", 3), Buffer.from("ly\n"), frame("last", 4)],
    ...[Buffer.from("åZ\0å\nåZ\0 \n"), Buffer.from([0xa5, 0x5a, 0xa5, 10]), Buffer.from("å")],
  ]);
  const messages = [...bytes].flatMap((_, index) => reader.push(bytes.subarray(index, index + 1)));
  assert.deepEqual(
    [...texts(messages), ...texts(reader.flush())],
    ["å plain\n", "framed", "partly\n", "last", "åZ\0å\n", "åZ\0 \n", "\ufffdZ\ufffd\n", "å"],
  );
  assert.deepEqual(readAll(reader, [frame("on it goes")]), ["on it goes"]);
});
