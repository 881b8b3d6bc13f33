/**
 * Streaming handlers of the Node bootstrap against a tiny Runtime API: what leaves the runtime, byte for byte, and how it
 * says that something went wrong before, within and after the answer.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Guest, startGuest } from "./guest-runtime.ts";
import { bootstrap, type Node, nodes } from "./nodes.ts";
import type { Answer } from "./tiny-api.ts";

const octets = "application/octet-stream";
const preludeType = "application/vnd.awslambda.http-integration-response";
const nul = "\0".repeat(8);

interface Streamed {
  /** Between `awslambda.streamifyResponse(` and `)`. */
  readonly handler: string;
  readonly text: string;
  readonly contentType?: string;
  /** In the trailers. */
  readonly error?: readonly [type: string, message: string];
}

const streams: Readonly<Record<string, Streamed>> = {
  "what is written is the answer": {
    handler: "async (event, s) => { s.write('a'); s.write(Buffer.from('ü')); s.end(event.name); }",
    text: "aüJörg",
  },
  "the content type is set before the first byte": {
    handler: "async (e, s) => { s.setContentType('text/html'); s.end('<p>'); }",
    text: "<p>",
    contentType: "text/html",
  },
  "the content type cannot be set later": {
    handler: "async (e, s) => { s.write('a'); s.setContentType('text/html'); }",
    text: "a",
    error: ["Runtime.InvalidStreamingOperation", "Cannot set content-type, too late."],
  },
  "an answer may be empty": { handler: "async (e, s) => { s.end(); }", text: "" },
  "empty pieces are not the end": {
    handler: "async (e, s) => { s.write(''); s.write('a'); s.write(''); s.end('b'); }",
    text: "ab",
  },
  "an object is written as JSON": {
    handler: "async (e, s) => { s.write({ a: 1 }); s.end(); }",
    text: '{"a":1}',
  },
  "an HTTP head goes before the first byte": {
    handler: `async (e, s) => {
      s = awslambda.HttpResponseStream.from(s, { statusCode: 201, headers: { a: "b" }, cookies: ["c=d"] });
      s.write("x"); s.end("y");
    }`,
    text: `{"statusCode":201,"headers":{"a":"b"},"cookies":["c=d"]}${nul}xy`,
    contentType: preludeType,
  },
  "an HTTP head goes out without a body too": {
    handler: "async (e, s) => { awslambda.HttpResponseStream.from(s, { statusCode: 204 }).end(); }",
    text: `{"statusCode":204}${nul}`,
    contentType: preludeType,
  },
  "a pipeline is the answer": {
    handler: `async (e, s) => {
      const { Readable } = require("stream");
      await require("stream/promises").pipeline(Readable.from(["one ", "two ", "three"]), s);
    }`,
    text: "one two three",
  },
  "an answer larger than every buffer arrives whole": {
    handler: `async (e, s) => {
      for (let i = 0; i < 40; i++)
        if (!s.write("x".repeat(100_000))) await new Promise((go) => s.once("drain", go));
      s.end();
    }`,
    text: "x".repeat(4_000_000),
  },
  "what is written without waiting arrives whole, and before the error": {
    handler:
      "async (e, s) => { for (let i = 0; i < 100; i++) s.write('x'.repeat(9_999)); throw new RangeError('r'); }",
    text: "x".repeat(999_900),
    error: ["RangeError", "r"],
  },
  "an error after the first byte is in the trailers": {
    handler: "async (e, s) => { s.write('part'); throw new TypeError('no more'); }",
    text: "part",
    error: ["TypeError", "no more"],
  },
  "a pipeline that fails is in the trailers": {
    handler: `async (e, s) => {
      const { Readable } = require("stream");
      async function* source() { yield "part"; await null; throw new TypeError("source"); }
      await require("stream/promises").pipeline(Readable.from(source()), s);
    }`,
    text: "part",
    error: ["TypeError", "source"],
  },
  "a stream that is destroyed is not finished": {
    handler: "async (e, s) => { s.write('part'); await new Promise((go) => setImmediate(go)); s.destroy(); }",
    text: "part",
    error: ["Error", "Response stream is not finished."],
  },
  "an error after the end changes nothing": {
    handler: "async (e, s) => { s.end('all'); throw new Error('late'); }",
    text: "all",
  },
  "the answer ends although the handler returned before": {
    handler: "async (e, s) => { s.write('a'); setTimeout(() => s.end('b'), 5); }",
    text: "ab",
  },
  "a returned value is ignored": { handler: "async (e, s) => { s.end('a'); return 'b'; }", text: "a" },
  "a handler with three parameters gets the context": {
    handler: "async (e, s, context) => { s.end(context.functionName); }",
    text: "probe",
  },
};

/** Errors before the first byte: ordinary ones. */
const failures: Readonly<Record<string, readonly [handler: string, type: string, message: RegExp]>> = {
  "a throw": ["async () => { throw new TypeError('early'); }", "TypeError", /^early$/],
  "a handler without a promise": ["(e, s) => { throw new RangeError('sync'); }", "RangeError", /^sync$/],
  "a value without a promise": ["() => 5", "Error", /^Streaming does not support non-async handlers\.$/],
  "a stream that never ends": ["async () => {}", "Runtime.NodejsExit", /unexpected Node\.js exit code/],
};

type Start = (source: string, env?: Record<string, string>) => Promise<Guest>;
const streamifying = (handler: string, options = ""): string =>
  `exports.handler = awslambda.streamifyResponse(${handler}${options});`;

function checkStream(answer: Answer, { text, contentType = octets, error }: Streamed): void {
  assert.equal(answer.kind, "response");
  assert.equal(answer.text === text, true, `${answer.text.length} bytes: ${answer.text.slice(0, 200)}`);
  const { trace, ...body } = (answer.streamed?.error?.body ?? {}) as Record<string, unknown>;
  assert.equal(Array.isArray(trace), error !== undefined);
  assert.deepEqual(
    [answer.streamed?.contentType, answer.streamed?.error?.errorType, body],
    [contentType, error?.[0], error ? { errorType: error[0], errorMessage: error[1] } : {}],
  );
}

const others: Readonly<Record<string, (start: Start, node: Node) => Promise<void>>> = {
  "after a streamed answer comes the next invocation, streamed or failed": async (start) => {
    const guest = await start(
      streamifying("async (e, s) => { if (e.early) throw 1; s.write('w'); if (e.late) throw 2; s.end(); }"),
    );
    for (const event of [{}, { late: true }, { early: true }, {}, { late: true }, {}]) {
      const answer = await guest.invoke(event);
      assert.equal(answer.kind, "early" in event ? "error" : "response");
      if ("early" in event) continue;
      assert.deepEqual(
        [answer.text, answer.streamed?.error?.errorType],
        ["w", "late" in event ? "number" : undefined],
      );
    }
  },
  "the high-water mark is the function's": async (start) => {
    const guest = await start(
      streamifying("async (e, s) => { s.end(String(s.writableHighWaterMark)); }", ", { highWaterMark: 7.9 }"),
    );
    assert.equal((await guest.invoke({})).text, "7");
  },
  "a marked handler streams without the global": async (start) => {
    const source = `exports.handler = async (e, s) => { s.end(typeof awslambda); };
      exports.handler[Symbol.for("aws.lambda.runtime.handler.streaming")] = "response";`;
    const guest = await start(source, { AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA: "true" });
    assert.equal((await guest.invoke({})).text, "undefined");
  },
  "a handler that is marked otherwise fails INIT": async (start) => {
    const guest = await start(
      `exports.handler = async () => {}; exports.handler[Symbol.for("aws.lambda.runtime.handler.streaming")] = "request";`,
    );
    const answer = await guest.init;
    assert.deepEqual(
      [answer?.errorType, (answer?.body as { errorMessage: string } | undefined)?.errorMessage],
      ["Runtime.MalformedStreamingHandler", "Only response streaming is supported."],
    );
  },
  "an exception that nobody catches ends the answer up to Node 22": async (start, node) => {
    const guest = await start(
      streamifying(
        "async (e, s) => { s.write('part'); setImmediate(() => { throw new TypeError('lost'); }); await new Promise((r) => setTimeout(r, 60_000)); }",
      ),
    );
    const answer = await guest.invoke({});
    if (node.major >= 24) assert.deepEqual([answer.kind, (await guest.ended).exit], ["exit", 1]);
    else {
      checkStream(answer, { handler: "", text: "part", error: ["TypeError", "lost"] });
      assert.equal((await guest.ended).exit, 129);
    }
  },
};

for (const node of await nodes()) {
  const run = (name: string, play: (start: Start) => Promise<void>): void => {
    test(`Node ${node.major}: ${name}`, { timeout: 60_000 }, async (t) => {
      await play(async (source, env = {}) => {
        const guest = await startGuest({
          argv: [node.path, bootstrap],
          handler: "index.handler",
          files: { "index.js": source },
          env: { ...node.env, ...env },
        });
        t.after(() => guest.stop());
        return guest;
      });
    });
  };
  for (const [name, expected] of Object.entries(streams)) {
    run(name, async (start) => {
      const guest = await start(streamifying(expected.handler));
      checkStream(await guest.invoke({ name: "Jörg" }), expected);
      await guest.waits();
    });
  }
  for (const [name, [handler, errorType, message]] of Object.entries(failures)) {
    run(`${name} before the first byte is an ordinary error`, async (start) => {
      const answer = await (await start(streamifying(handler))).invoke({});
      assert.deepEqual([answer.kind, answer.errorType], ["error", errorType]);
      assert.match((answer.body as { errorMessage: string }).errorMessage, message);
    });
  }
  for (const [name, play] of Object.entries(others)) run(name, (start) => play(start, node));
}
