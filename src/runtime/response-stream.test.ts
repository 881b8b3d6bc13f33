import assert from "node:assert/strict";
import { test } from "node:test";
import { streamBurstBytes, streamWaitingBytesMax } from "../limits.ts";
import { ResponseStream } from "./response-stream.ts";

const piece = (bytes: number): Uint8Array => Buffer.alloc(bytes, "x");

function stage(pace?: (bytes: number) => Promise<void>) {
  let room = 0;
  const stream = new ResponseStream({ contentType: undefined, onRoom: () => (room += 1), pace });
  return { stream, reader: stream[Symbol.asyncIterator](), rooms: () => room };
}

test("what waits is bounded, comes as one piece, and room is announced once", async () => {
  const { stream, reader, rooms } = stage();
  assert.equal(stream.push(piece(streamWaitingBytesMax - 1)), true);
  assert.equal(stream.push(piece(1)), false);
  assert.equal(rooms(), 0);
  assert.equal((await reader.next()).value?.length, streamWaitingBytesMax);
  assert.equal(rooms(), 1);
  assert.equal(stream.push(piece(1)), true);
  assert.equal((await reader.next()).value?.length, 1);
  assert.equal(rooms(), 1);
});

test("what waits at the end is still read, and nothing is taken after it", async () => {
  const { stream, reader } = stage();
  stream.push(piece(3));
  stream.end();
  stream.end();
  assert.equal(stream.push(piece(5)), true);
  assert.equal((await reader.next()).value?.length, 3);
  assert.equal((await reader.next()).done, true);
});

test("a stream that nobody reads any more takes everything and keeps nothing, read or not", async () => {
  const { stream, reader, rooms } = stage();
  const waiting = reader.next();
  stream.abandon();
  assert.equal((await waiting).done, true);
  assert.equal(stream.push(piece(streamWaitingBytesMax)), true);

  const unread = stage();
  assert.equal(unread.stream.push(piece(streamWaitingBytesMax)), false);
  unread.stream.abandon();
  unread.stream.abandon();
  assert.deepEqual([unread.rooms(), rooms()], [1, 0]);
  assert.equal((await unread.reader.next()).done, true);
});

test("the burst goes at full speed, every byte beyond it is paced", async () => {
  const paced: number[] = [];
  const { stream, reader } = stage(async (bytes) => void paced.push(bytes));
  for (const bytes of [streamBurstBytes - 10, 30, 500]) {
    stream.push(piece(bytes));
    assert.equal((await reader.next()).value?.length, bytes);
  }
  stream.end();
  assert.equal((await reader.next()).done, true);
  assert.deepEqual(paced, [20, 500]);
});
