import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { HttpRequest, IsStreamed, Step } from "./http1.ts";
import { RequestParser } from "./http1.ts";
import { runtimeHeaderBytesMax } from "../../limits.ts";

const bodyBytesMax = 1000;

/** Feeds the pieces one after the other and takes whatever comes out. */
function parse(pieces: readonly (string | Uint8Array)[], hasEnded = false, isStreamed?: IsStreamed): Step[] {
  const parser = new RequestParser(bodyBytesMax, isStreamed);
  const steps: Step[] = [];
  const pull = () => {
    for (let step = parser.next(); step.kind !== "more"; step = parser.next()) steps.push(step);
  };
  for (const piece of pieces) {
    parser.push(Buffer.from(piece));
    pull();
  }
  if (hasEnded) {
    parser.end();
    pull();
  }
  return steps;
}

function requestOf(step: Step | undefined): HttpRequest {
  assert.equal(step?.kind, "request");
  return step.request;
}

function bodyText({ body }: HttpRequest): string {
  assert.equal(body.kind, "whole");
  return Buffer.from(body.bytes).toString("latin1");
}

test("a request is its method, path, headers and body", () => {
  const [step, ...rest] = parse([
    "POST /a/b?c=d HTTP/1.1\r\nHost: x\r\nX-Two:  a \r\nx-two:\tb\r\nContent-Length: 3\r\n\r\nabc",
  ]);
  const request = requestOf(step);
  assert.deepEqual(rest, []);
  assert.deepEqual(
    [request.method, request.path, request.version, request.isKeptAlive],
    ["POST", "/a/b", "1.1", true],
  );
  assert.deepEqual(Object.fromEntries(request.headers), {
    host: "x",
    "x-two": "a, b",
    "content-length": "3",
  });
  assert.equal(bodyText(request), "abc");
});

const targets = [
  ["/a", "/a"],
  ["/a?b", "/a"],
  ["http://host:9001/a/b?c", "/a/b"],
  ["http://host", "/"],
  ["*", "*"],
] as const;

for (const [target, path] of targets) {
  test(`the target ${target} names the path ${path}`, () => {
    assert.equal(requestOf(parse([`GET ${target} HTTP/1.1\r\n\r\n`])[0]).path, path);
  });
}

const chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";

test("a chunked body is put together, with its trailers", () => {
  const [step] = parse([`${chunked}3;ext=1\r\nabc\r\nA \r\n0123456789\r\n0\r\nX-T: v\r\nY: w\r\n\r\n`]);
  const request = requestOf(step);
  assert.equal(bodyText(request), "abc0123456789");
  assert.deepEqual(Object.fromEntries(request.trailers), { "x-t": "v", y: "w" });
});

const refused: readonly (readonly [what: string, status: number, text: string])[] = [
  ["no request line", 400, "nonsense\r\n\r\n"],
  ["a bare line feed in a header", 400, "GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n"],
  ["a bare carriage return", 400, "GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n"],
  ["a NUL", 400, "GET / HTTP/1.1\r\nA: \0\r\n\r\n"],
  ["a folded line", 400, "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n"],
  ["a space before the colon", 400, "GET / HTTP/1.1\r\nA : b\r\n\r\n"],
  ["a header without a name", 400, "GET / HTTP/1.1\r\n: b\r\n\r\n"],
  ["two spaces", 400, "GET  / HTTP/1.1\r\n\r\n"],
  ["HTTP/2's preface", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["a length and chunks", 400, "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ["two lengths", 400, "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n"],
  ["a negative length", 400, "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"],
  ["a hexadecimal length", 400, "POST / HTTP/1.1\r\nContent-Length: 0x1\r\n\r\n"],
  ["an empty length", 400, "POST / HTTP/1.1\r\nContent-Length:\r\n\r\n"],
  ["an unknown coding", 501, "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"],
  ["chunks in HTTP/1.0", 400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ["an expectation that nobody knows", 417, "POST / HTTP/1.1\r\nExpect: miracles\r\n\r\n"],
  ["a chunk without a size", 400, `${chunked}\r\nabc`],
  ["a chunk with a sign", 400, `${chunked}+3\r\nabc\r\n`],
  ["a chunk that is longer than its size", 400, `${chunked}3\r\nabcd\r\n`],
  ["a chunk size beyond all bounds", 400, `${chunked}${"f".repeat(9)}\r\n`],
  ["an endless chunk extension", 400, `${chunked}1;${"e".repeat(2000)}`],
  ["a broken trailer", 400, `${chunked}0\r\nA b\r\n\r\n`],
];

for (const [what, status, text] of refused) {
  test(`${what} is refused with ${status}, and nothing after it is read`, () => {
    const steps = parse([text, "GET /next HTTP/1.1\r\n\r\n"]);
    assert.deepEqual(steps, [{ kind: "bad", status }]);
  });
}

test("headers have a bound, whether or not their end ever comes", () => {
  const endless = `GET / HTTP/1.1\r\nA: ${"x".repeat(runtimeHeaderBytesMax)}`;
  assert.deepEqual(parse([endless]), [{ kind: "bad", status: 431 }]);
  assert.deepEqual(parse([`${endless}\r\n\r\n`]), [{ kind: "bad", status: 431 }]);
  assert.deepEqual(parse([`${chunked}0\r\nA: ${"x".repeat(runtimeHeaderBytesMax)}`]), [
    { kind: "bad", status: 431 },
  ]);
});

test("a body of the largest size is whole; one byte more is too large, and the connection goes on", () => {
  const sizes = [bodyBytesMax, bodyBytesMax + 1];
  const plain = sizes.map((size) => `POST / HTTP/1.1\r\nContent-Length: ${size}\r\n\r\n${"x".repeat(size)}`);
  const inChunks = sizes.map(
    (size) => `${chunked}1\r\ny\r\n${(size - 1).toString(16)}\r\n${"x".repeat(size - 1)}\r\n0\r\n\r\n`,
  );
  for (const texts of [plain, inChunks]) {
    const kinds = parse(texts).map((step) => requestOf(step).body.kind);
    assert.deepEqual(kinds, ["whole", "too-large"]);
    assert.equal(parse([...texts, "GET / HTTP/1.1\r\n\r\n"]).length, 3);
  }
});

test("a body that is too large is not kept", () => {
  const parser = new RequestParser(bodyBytesMax);
  parser.push(Buffer.from("POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n"));
  for (let count = 0; count < 99; count += 1) {
    parser.push(Buffer.alloc(1000));
    assert.equal(parser.next().kind, "more");
    assert.equal(parser.heldBytes, 0);
  }
});

test("a client that waits for leave gets it, unless what it has is too large", () => {
  const head = (size: number) => `POST / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: ${size}\r\n\r\n`;
  assert.deepEqual(
    parse([head(3), "abc"]).map(({ kind }) => kind),
    ["continue", "request"],
  );
  // It did not wait.
  assert.deepEqual(
    parse([`${head(3)}abc`]).map(({ kind }) => kind),
    ["request"],
  );
  const [step, ...rest] = parse([head(bodyBytesMax + 1), "GET / HTTP/1.1\r\n\r\n"]);
  const request = requestOf(step);
  assert.deepEqual([request.body.kind, request.isKeptAlive, rest.length], ["too-large", false, 0]);
});

const persistence: readonly (readonly [string, boolean])[] = [
  ["GET / HTTP/1.1\r\n\r\n", true],
  ["GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", false],
  ["GET / HTTP/1.0\r\n\r\n", false],
  ["GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true],
];

for (const [text, isKeptAlive] of persistence) {
  test(`after ${JSON.stringify(text)} the connection is ${isKeptAlive ? "kept" : "closed"}`, () => {
    const steps = parse([text, text]);
    assert.equal(requestOf(steps[0]).isKeptAlive, isKeptAlive);
    assert.equal(steps.length, isKeptAlive ? 2 : 1);
  });
}

test("a client that stops in the middle of a body has sent a truncated request", () => {
  for (const text of [
    "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab",
    `${chunked}3\r\nab`,
    `${chunked}3\r\nabc\r\n0\r\n`,
  ]) {
    assert.equal(requestOf(parse([text], true)[0]).body.kind, "truncated");
  }
  assert.deepEqual(parse(["POST / HTTP/1.1\r\nContent"], true), []);
});

test("empty lines before a request are skipped, in whatever pieces", () => {
  const text = "\r\n\r\nGET /a HTTP/1.1\r\n\r\n\r\nGET /b HTTP/1.1\r\n\r\n";
  assert.deepEqual(
    parse(text.split("")).map((step) => requestOf(step).path),
    ["/a", "/b"],
  );
});

const requestArbitrary = fc.record({
  path: fc.stringMatching(/^\/[a-z0-9/]{0,40}$/),
  body: fc.uint8Array({ maxLength: bodyBytesMax }),
  chunks: fc.option(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 })),
});

test("any sequence of requests comes out the same, in whatever pieces it arrives", () => {
  fc.assert(
    fc.property(
      fc.array(requestArbitrary, { minLength: 1, maxLength: 5 }),
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 20 }),
      (requests, sizes) => {
        const bytes = Buffer.concat(requests.map(serialised));
        const steps = parse(cut(bytes, sizes));
        assert.deepEqual(
          steps.map(requestOf).map((request) => [request.path, bodyText(request)]),
          requests.map(({ path, body }) => [path, Buffer.from(body).toString("latin1")]),
        );
      },
    ),
  );
});

test("no bytes make it throw, and after a refusal nothing more comes", () => {
  const grammar = fc.oneof(
    fc.constantFrom(
      "GET ",
      "POST / HTTP/1.1",
      "\r\n",
      "\r\n\r\n",
      "Content-Length: 5",
      "Transfer-Encoding: chunked",
    ),
    fc.constantFrom("0\r\n", "5\r\nhello", ":", " ", "Expect: 100-continue", "HTTP/1.0", "\n", "\0"),
    fc.string({ maxLength: 5 }),
  );
  fc.assert(
    fc.property(fc.array(grammar, { maxLength: 40 }), (parts) => {
      const steps = parse(parts, true);
      const bad = steps.findIndex(({ kind }) => kind === "bad");
      assert.ok(bad < 0 || bad === steps.length - 1);
    }),
    { numRuns: 2000 },
  );
});

function serialised({
  path,
  body,
  chunks,
}: {
  path: string;
  body: Uint8Array;
  chunks: number[] | null;
}): Buffer {
  if (!chunks)
    return Buffer.concat([
      Buffer.from(`POST ${path} HTTP/1.1\r\nContent-Length: ${body.length}\r\n\r\n`),
      body,
    ]);
  const pieces = cut(body, chunks).flatMap((chunk) => [
    Buffer.from(`${chunk.length.toString(16)}\r\n`),
    chunk,
    Buffer.from("\r\n"),
  ]);
  const head = Buffer.from(`POST ${path} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n`);
  return Buffer.concat([head, ...pieces, Buffer.from("0\r\n\r\n")]);
}

function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let start = 0, index = 0; start < bytes.length; index += 1) {
    const end = start + (sizes[index % sizes.length] ?? 1);
    pieces.push(bytes.subarray(start, end));
    start = end;
  }
  return pieces;
}

/** What comes of a message whose body is streamed, the pieces joined. */
function streamed(pieces: readonly (string | Uint8Array)[], hasEnded = false): unknown[] {
  const seen: unknown[] = [];
  let body = "";
  for (const step of parse(pieces, hasEnded, () => true)) {
    if (step.kind === "request") seen.push([step.request.path, step.request.body.kind]);
    else if (step.kind === "piece") {
      assert.ok(step.bytes.length > 0);
      body += Buffer.from(step.bytes).toString("latin1");
    } else if (step.kind !== "body-end") seen.push(step);
    else {
      const { end } = step;
      seen.push([body, end.kind === "whole" ? Object.fromEntries(end.trailers) : end.kind]);
      body = "";
    }
  }
  return seen;
}

const begun = "POST /a HTTP/1.1\r\n";
const streamedMessages: readonly (readonly [name: string, message: string, expected: unknown[]])[] = [
  [
    "in chunks with trailers",
    `${begun}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Error: e\r\n\r\n`,
    [
      ["/a", "streamed"],
      ["abcde", { "x-error": "e" }],
    ],
  ],
  [
    "with a length, then another request",
    `${begun}Content-Length: 3\r\n\r\nabcPOST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    [
      ["/a", "streamed"],
      ["abc", {}],
      ["/b", "streamed"],
      ["", {}],
    ],
  ],
  [
    "longer than collected bodies may be",
    `${begun}Transfer-Encoding: chunked\r\n\r\n7d0\r\n${"x".repeat(2000)}\r\n0\r\n\r\n`,
    [
      ["/a", "streamed"],
      ["x".repeat(2000), {}],
    ],
  ],
  [
    "broken off within a chunk",
    `${begun}Transfer-Encoding: chunked\r\n\r\n5\r\nabc`,
    [
      ["/a", "streamed"],
      ["abc", "truncated"],
    ],
  ],
  [
    "that is no chunk any more",
    `${begun}Transfer-Encoding: chunked\r\n\r\n1\r\naXX`,
    [["/a", "streamed"], { kind: "bad", status: 400 }],
  ],
];

for (const [name, message, expected] of streamedMessages) {
  test(`a streamed body ${name} comes piece by piece, wherever it is cut`, () => {
    for (let size = 1; size <= message.length; size += size < 40 ? 1 : 97) {
      const pieces: string[] = [];
      for (let at = 0; at < message.length; at += size) pieces.push(message.slice(at, at + size));
      assert.deepEqual(streamed(pieces, true), expected, `in pieces of ${size}`);
    }
  });
}

test("of a streamed body each byte is handed out as soon as it is there, and none is kept", () => {
  const parser = new RequestParser(bodyBytesMax, ({ headers }) => headers.has("x-streamed"));
  parser.push(Buffer.from(`${begun}X-Streamed: 1\r\nTransfer-Encoding: chunked\r\n\r\n`));
  assert.equal(parser.next().kind, "request");
  assert.equal(parser.next().kind, "more");
  parser.push(Buffer.from("ff\r\na"));
  assert.deepEqual(parser.next(), { kind: "piece", bytes: Buffer.from("a") });
  assert.deepEqual([parser.next().kind, parser.heldBytes], ["more", 0]);
});
