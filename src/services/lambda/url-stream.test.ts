/** From what a function streams to the head and body of a URL's response, and to the events of an event stream. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { invokeResponseBytesMax, urlPreludeBytesMax } from "../../limits.ts";
import type { Outcome } from "../../runtime/invocation.ts";
import { ResponseStream } from "../../runtime/response-stream.ts";
import type { WebResponse } from "../service.ts";
import { streamEvents } from "./stream-events.ts";
import { invokeStreamed } from "./streamed.ts";
import { collectedResponse, streamedResponse } from "./url-stream.ts";
import { invocationRequest, versionSpec } from "../../../test/harness/fake-environment.ts";

const preludeType = "application/vnd.awslambda.http-integration-response";
const nul = "\0".repeat(8);
const success: Outcome = { kind: "success", payload: Buffer.alloc(0) };
const failure: Outcome = { kind: "timeout", payload: Buffer.from('{"errorType":"Sandbox.Timedout"}') };

/** A function that streams these pieces and then ends like this. */
function streamOf(pieces: readonly string[], contentType?: string, outcome = success) {
  const stream = new ResponseStream({ contentType, onRoom: () => undefined });
  const ended = Promise.withResolvers<{ kind: "done"; outcome: Outcome; logTail: undefined }>();
  for (const piece of pieces) stream.push(Buffer.from(piece));
  const end = () => {
    stream.end();
    ended.resolve({ kind: "done", outcome, logTail: undefined });
  };
  return { streamed: { kind: "stream", stream, ended: ended.promise } as const, stream, end };
}

async function textOf(body: WebResponse["body"] = ""): Promise<string> {
  if (typeof body === "string" || body instanceof Uint8Array) return Buffer.from(body).toString();
  let text = "";
  for await (const piece of body) text += Buffer.from(piece).toString();
  return text;
}

/** What is streamed, to be read by the test. */
function piecesOf(answered: WebResponse | undefined): AsyncIterable<Uint8Array> {
  const body = answered?.body;
  assert.ok(typeof body === "object" && !(body instanceof Uint8Array));
  return body;
}

const heads: readonly {
  readonly name: string;
  readonly pieces: readonly string[];
  readonly contentType?: string;
  /** Status, headers, body of RESPONSE_STREAM; and what BUFFERED has else. */
  readonly response: readonly [number, Record<string, unknown>, string] | 502;
  readonly buffered?: readonly [number, Record<string, unknown>, string];
}[] = [
  {
    name: "bytes without a head have the function's content type",
    pieces: ["a", "b"],
    contentType: "text/css",
    response: [200, { "content-type": "text/css" }, "ab"],
    buffered: [200, { "content-type": "application/json" }, "ab"],
  },
  {
    name: "bytes without a content type are octets",
    pieces: ['{"statusCode":418,"body":"tea"}'],
    response: [200, { "content-type": "application/octet-stream" }, '{"statusCode":418,"body":"tea"}'],
    buffered: [418, { "content-type": "application/json" }, "tea"],
  },
  {
    name: "nothing at all is an empty body",
    pieces: [],
    response: [200, { "content-type": "application/octet-stream" }, ""],
    buffered: [200, { "content-type": "application/json" }, ""],
  },
  {
    name: "a head names status, headers and cookies, and NUL bytes of the body are kept",
    pieces: [
      `{"statusCode":201,"headers":{"Content-Type":"text/plain","X-N":5},"cookies":["a=1","b=2"]}${nul}one`,
      `${nul}two`,
    ],
    contentType: preludeType,
    response: [
      201,
      { "content-type": "text/plain", "x-n": "5", "set-cookie": ["a=1", "b=2"] },
      `one${nul}two`,
    ],
  },
  {
    name: "a head that comes byte by byte, with an empty body",
    pieces: Array.from(`{}${nul}`),
    contentType: `${preludeType}; charset=utf-8`,
    response: [200, { "content-type": "application/octet-stream" }, ""],
  },
  {
    name: "a head with repeated headers",
    pieces: [
      `{"headers":{"Vary":["a","b"],"link":["<c>"],"none":[]},"multiValueHeaders":{"X-M":["d","e"]},"cookies":["f=1"]}${nul}`,
    ],
    contentType: preludeType,
    response: [
      200,
      {
        "content-type": "application/octet-stream",
        vary: ["a", "b"],
        link: "<c>",
        none: [],
        "set-cookie": ["f=1"],
        "x-m": ["d", "e"],
      },
      "",
    ],
  },
  {
    name: "a list with a header that would begin another",
    pieces: [`{"headers":{"a":["b","c\\r\\nd: e"]}}${nul}`],
    contentType: preludeType,
    response: 502,
  },
  { name: "a head without its end", pieces: ['{"statusCode":200}'], contentType: preludeType, response: 502 },
  { name: "a head that is no JSON", pieces: [`200${nul}x`], contentType: preludeType, response: 502 },
  {
    name: "an impossible status",
    pieces: [`{"statusCode":99}${nul}`],
    contentType: preludeType,
    response: 502,
  },
  {
    name: "a header that would begin another",
    pieces: [`{"headers":{"a":"b\\r\\nc: d"}}${nul}`],
    contentType: preludeType,
    response: 502,
  },
  {
    name: "a cookie that would begin a header",
    pieces: [`{"cookies":["a\\r\\nb: c"]}${nul}`],
    contentType: preludeType,
    response: 502,
  },
  {
    name: "a head without bounds",
    pieces: [`{"headers":{"a":"${"x".repeat(urlPreludeBytesMax)}"}}${nul}`],
    contentType: preludeType,
    response: 502,
  },
];

for (const { name, pieces, contentType, response, buffered } of heads) {
  test(`${name}: ${response === 502 ? "502" : "a response"}`, async () => {
    const wanted = response === 502 ? undefined : response;
    for (const [respond, expected] of [
      [streamedResponse, wanted],
      [collectedResponse, buffered ?? wanted],
    ] as const) {
      const { streamed, end } = streamOf(pieces, contentType);
      end();
      const answered = await respond(streamed);
      if (!expected) return assert.equal(answered, undefined);
      assert.ok(answered);
      const text = await textOf(answered.body);
      assert.deepEqual([answered.status, answered.headers, text], expected);
    }
  });
}

test("the head is answered before the body, and the body as it comes", async () => {
  const { streamed, stream, end } = streamOf([`{"statusCode":202}${nul}`], preludeType);
  const answered = await streamedResponse(streamed);
  assert.equal(answered?.status, 202);
  const body = piecesOf(answered)[Symbol.asyncIterator]();
  const first = body.next();
  stream.push(Buffer.from("now"));
  assert.equal(Buffer.from((await first).value ?? []).toString(), "now");
  end();
  assert.equal((await body.next()).done, true);
});

test("what fails before the first byte is 502; afterwards the body breaks off", async () => {
  const early = streamOf([], undefined, failure);
  early.end();
  assert.equal(await streamedResponse(early.streamed), undefined);
  for (const respond of [streamedResponse, collectedResponse]) {
    const late = streamOf(["part"], undefined, failure);
    late.end();
    const answered = await respond(late.streamed);
    if (respond === collectedResponse) assert.equal(answered, undefined);
    else await assert.rejects(textOf(answered?.body), /failed within/);
  }
});

test("a URL that buffers takes no more than a whole answer may have", async () => {
  const { streamed, stream, end } = streamOf([]);
  const answered = collectedResponse(streamed);
  stream.push(Buffer.alloc(invokeResponseBytesMax + 1));
  end();
  assert.equal(await answered, undefined);
  assert.equal(stream.push(Buffer.alloc(10_000_000)), true, "nobody waits for more");
});

test("a client that leaves frees the function", async () => {
  const { streamed, stream } = streamOf(["x"]);
  const answered = await streamedResponse(streamed);
  for await (const _piece of piecesOf(answered)) break;
  assert.equal(stream.push(Buffer.alloc(10_000_000)), true);
});

test("events are chunks as they come, then how the function ended", async () => {
  const { streamed, stream, end } = streamOf(["a"], undefined, failure);
  const events = streamEvents(streamed);
  assert.deepEqual((await events.next()).value, { PayloadChunk: { Payload: Buffer.from("a") } });
  const second = events.next();
  stream.push(Buffer.from("b"));
  assert.deepEqual((await second).value, { PayloadChunk: { Payload: Buffer.from("b") } });
  end();
  const last = { ErrorCode: "Sandbox.Timedout", ErrorDetails: '{"errorType":"Sandbox.Timedout"}' };
  assert.deepEqual((await events.next()).value, { InvokeComplete: last });
  assert.equal((await events.next()).done, true);
});

test("a stream that has begun and ended at once is still a stream; what rejects before it begins, rejects", async () => {
  const order = {
    spec: versionSpec(),
    request: invocationRequest(),
    wantTail: false,
    reservedConcurrency: undefined,
    unreservedConcurrency: 10,
  };
  const done = { kind: "done", outcome: success, logTail: undefined } as const;
  const answer = await invokeStreamed(
    {
      async invoke({ request }) {
        request.onStream?.(streamOf(["x"]).stream);
        return done;
      },
    },
    order,
  );
  assert.equal(answer.kind, "stream");
  assert.equal(await invokeStreamed({ invoke: async () => done }, order), done);
  const refused = invokeStreamed({ invoke: () => Promise.reject(new Error("no room")) }, order);
  await assert.rejects(refused, /no room/);
});
