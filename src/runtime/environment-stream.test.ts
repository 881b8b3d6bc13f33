/** Streamed answers in virtual time: what the reader gets, how the invocation ends, and when the environment is free. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { invocation, payloadOf, stage, until } from "../../test/harness/runtime-stage.ts";
import type { Script, ScriptedStream } from "../../test/harness/scripted-runtime.ts";
import { forever, ScriptedDriver } from "../../test/harness/scripted-runtime.ts";
import { invokeResponseBytesMax, streamWaitingBytesMax } from "../limits.ts";
import type { ResponseStream } from "./response-stream.ts";

/** An invocation whose answer has begun; `script` plays the runtime from its first event on. */
async function streaming(
  t: TestContext,
  script: (runtime: Parameters<Script>[0], requestId: string) => Promise<unknown>,
) {
  const driver = new ScriptedDriver(
    async (runtime) => {
      await script(runtime, (await runtime.next()).requestId);
    },
    async (runtime) => void (await runtime.next()),
  );
  const staged = await stage(t, driver);
  await staged.environment.initialised;
  const begun = Promise.withResolvers<ResponseStream>();
  const result = staged.environment.invoke({ ...invocation("r-1"), onStream: begun.resolve });
  const stream = await begun.promise;
  return { ...staged, stream, result, reader: stream[Symbol.asyncIterator]() };
}

async function textOf(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const piece of pieces) text += Buffer.from(piece).toString();
  return text;
}

test("I1 a streamed answer is read while the function runs; its result comes after it, with no payload", async (t) => {
  const opened = Promise.withResolvers<void>();
  const statuses: number[] = [];
  const { environment, stream, reader, result, clock } = await streaming(t, async (runtime, id) => {
    const answer = runtime.stream(id, "text/plain");
    await answer.write("one");
    await opened.promise;
    await answer.write("two");
    statuses.push(await answer.end());
    await runtime.next();
  });
  assert.equal(stream.contentType, "text/plain");
  assert.equal(Buffer.from((await reader.next()).value ?? []).toString(), "one");
  assert.equal(environment.status, "busy");
  await clock.advance(250);
  opened.resolve();
  assert.equal(await textOf(reader), "two");
  const { outcome, durationMs } = await result;
  assert.deepEqual([outcome.kind, outcome.payload.length, durationMs], ["success", 0, 250]);
  await environment.settled();
  assert.deepEqual([environment.status, statuses], ["idle", [202]]);
});

/** How a stream of "part" ends when the runtime does this. */
const endings: readonly {
  readonly name: string;
  readonly act: (answer: ScriptedStream, runtime: Parameters<Script>[0]) => Promise<unknown>;
  readonly kind: string;
  readonly payload: string;
  readonly status: string;
}[] = [
  {
    name: "an error in the trailers",
    act: async (answer, runtime) => {
      assert.equal(await answer.end({ errorType: "TypeError", errorMessage: "m" }), 202);
      await runtime.next();
    },
    kind: "function-error",
    payload: '{"errorType":"TypeError","errorMessage":"m"}',
    status: "idle",
  },
  {
    name: "an exit",
    act: (_answer, runtime) => runtime.exit(3),
    kind: "crash",
    payload:
      '{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r-1 Error: Runtime exited with error: exit status 3"}',
    status: "down",
  },
  {
    name: "breaking off, and an exit",
    act: (answer, runtime) => {
      answer.breakOff();
      return runtime.exit({ kind: "signal", signal: "SIGSEGV", oom: false });
    },
    kind: "crash",
    payload:
      '{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r-1 Error: Runtime exited with error: signal: segmentation fault"}',
    status: "down",
  },
];

for (const { name, act, kind, payload, status } of endings) {
  test(`I1 what was streamed before ${name} is read, and the result says how it ended`, async (t) => {
    const { environment, reader, result } = await streaming(t, async (runtime, id) => {
      const answer = runtime.stream(id);
      await answer.write("part");
      await act(answer, runtime);
      await forever;
    });
    assert.equal(await textOf(reader), "part");
    const ended = await result;
    assert.deepEqual([ended.outcome.kind, payloadOf(ended)], [kind, payload]);
    await environment.settled();
    assert.equal(environment.status, status);
  });
}

test("I1 a runtime that breaks its answer off and asks for more has failed that invocation, and goes on", async (t) => {
  const polled: number[] = [];
  const { environment, reader, result } = await streaming(t, async (runtime, id) => {
    const answer = runtime.stream(id);
    await answer.write("part");
    answer.breakOff();
    // Refused until its breaking off has been seen.
    for (;;) {
      const { status, requestId } = await runtime.next();
      polled.push(status);
      if (status === 200) await runtime.respond(requestId, '"again"');
    }
  });
  assert.equal(await textOf(reader), "part");
  const ended = await result;
  assert.equal(
    payloadOf(ended),
    '{"errorType":"Runtime.TruncatedResponse","errorMessage":"RequestId: r-1 Error: Runtime response was truncated"}',
  );
  await environment.settled();
  assert.equal(environment.status, "idle");
  assert.equal(payloadOf(await environment.invoke(invocation("r-2"))), '"again"');
  assert.equal(polled.at(-1), 200);
});

test("I1 a timeout in the middle ends the stream and the runtime", async (t) => {
  const { environment, reader, result, clock, driver } = await streaming(t, async (runtime, id) => {
    await runtime.stream(id).write("part");
    await forever;
  });
  assert.equal(Buffer.from((await reader.next()).value ?? []).toString(), "part");
  await clock.advance(3000);
  assert.equal((await reader.next()).done, true);
  const ended = await result;
  assert.equal(ended.outcome.kind, "timeout");
  assert.match(payloadOf(ended), /Task timed out after 3\.00 seconds/);
  await environment.settled();
  assert.deepEqual([environment.status, driver.destroyed], ["down", 1]);
});

test("I1 a shutdown in the middle ends the stream", async (t) => {
  const { environment, reader, result } = await streaming(t, async (runtime, id) => {
    await runtime.stream(id).write("part");
    await forever;
  });
  await reader.next();
  await environment.shutdown();
  assert.equal((await reader.next()).done, true);
  assert.equal((await result).outcome.kind, "crash");
});

test("I2 nothing else is taken while an answer streams", async (t) => {
  const seen: unknown[] = [];
  const { reader, result } = await streaming(t, async (runtime, id) => {
    const answer = runtime.stream(id);
    await answer.write("part");
    const texts = [await runtime.next(), await runtime.respond(id, "1"), await runtime.error(id, "{}")];
    seen.push(...texts.map(({ status }) => status), await runtime.stream(id).end());
    await answer.end();
    await runtime.next();
  });
  assert.equal(await textOf(reader), "part");
  assert.equal((await result).outcome.kind, "success");
  assert.deepEqual(seen, [403, 403, 403, 403]);
});

test("a slow reader makes the runtime wait; one that leaves does not, and the function ends well", async (t) => {
  const piece = Buffer.alloc(64 * 1024, "x");
  const pieces = 200;
  let written = 0;
  const script = async (runtime: Parameters<Script>[0], id: string) => {
    written = 0;
    const answer = runtime.stream(id);
    for (; written < pieces; written++) await answer.write(piece);
    await answer.end();
    await runtime.next();
  };
  const slow = await streaming(t, script);
  const first = await slow.reader.next();
  let before = -1;
  // Until the runtime makes no progress over some rounds.
  for (let still = 0; still < 20; still = before === written ? still + 1 : 0) {
    before = written;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.ok(written < pieces, "the runtime waits");
  let read = first.value?.length ?? 0;
  for await (const next of slow.reader) {
    assert.ok(next.length <= streamWaitingBytesMax + piece.length, `${next.length} bytes were waiting`);
    read += next.length;
  }
  assert.equal(read, pieces * piece.length);
  assert.equal((await slow.result).outcome.kind, "success");

  const left = await streaming(t, script);
  await left.reader.next();
  await left.reader.return();
  assert.equal((await left.result).outcome.kind, "success");
  await left.environment.settled();
  assert.deepEqual([left.environment.status, written], ["idle", pieces]);
});

test("for a caller that takes no stream it is collected, up to the limit of whole answers", async (t) => {
  const sizes = [10, invokeResponseBytesMax + 1];
  const statuses: number[] = [];
  const driver = new ScriptedDriver(async (runtime) => {
    for (const size of sizes) {
      const answer = runtime.stream((await runtime.next()).requestId);
      await answer.write(Buffer.alloc(size, "y"));
      statuses.push(await answer.end());
    }
    await runtime.next();
  });
  const { environment } = await stage(t, driver);
  await environment.initialised;
  const whole = await environment.invoke(invocation("r-1"));
  assert.deepEqual([whole.outcome.kind, payloadOf(whole)], ["success", "y".repeat(10)]);
  await environment.settled();
  const tooLarge = await environment.invoke(invocation("r-2"));
  assert.match(payloadOf(tooLarge), /\(6291556 bytes\).*Function\.ResponseSizeTooLarge/);
  await until(() => statuses.length === 2, "both were answered");
  assert.deepEqual(statuses, [202, 413]);
});
