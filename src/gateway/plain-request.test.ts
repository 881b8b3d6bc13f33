import assert from "node:assert/strict";
import { test } from "node:test";
import { plainRequestBytesMax } from "../limits.ts";
import { readPlainRequest } from "./plain-request.ts";

const line = "POST /2015-03-31/functions/f/invocations?Qualifier=1 HTTP/1.1";

function read(head: readonly string[], body = "") {
  return readPlainRequest(Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`, "latin1"));
}

test("a plain request is taken apart", () => {
  const request = read([line, "Host: a:1", "X-Amz-Date:  now \t", "content-length: 2", "Empty:"], "{}");
  assert.ok(typeof request === "object");
  assert.equal(request.method, "POST");
  assert.equal(request.path, "/2015-03-31/functions/f/invocations");
  assert.equal(request.query, "Qualifier=1");
  assert.deepEqual(
    { ...request.headers },
    { host: "a:1", "x-amz-date": "now", "content-length": "2", empty: "" },
  );
  assert.equal(Buffer.from(request.body).toString(), "{}");
});

test("a path without a query, and a query with a question mark", () => {
  for (const [target, path, query] of [
    ["/", "/", ""],
    ["/a?", "/a", ""],
    ["/a?b?c", "/a", "b?c"],
  ] as const) {
    const request = read([`GET ${target} HTTP/1.1`, "host: x"]);
    assert.ok(typeof request === "object", target);
    assert.deepEqual([request.path, request.query], [path, query]);
  }
});

test("no header's name reaches a prototype", () => {
  const request = read([line, "host: x", "__proto__: a", "constructor: b"]);
  assert.ok(typeof request === "object");
  assert.equal(Object.getPrototypeOf(request.headers), null);
  assert.deepEqual(Object.keys(request.headers), ["host", "__proto__", "constructor"]);
});

test("a body that is not complete is waited for, if all of it may be short", () => {
  const length = `content-length: ${plainRequestBytesMax}`;
  assert.equal(read([line, "host: x", "content-length: 2"], "{"), "begun");
  assert.equal(read([line, "host: x", "content-length: 2"]), "begun");
  assert.equal(read([line, "host: x", length], "{"), undefined);
});

const host = "host: x";
const others: readonly (readonly [string, readonly string[], string?])[] = [
  ["two requests at once", [line, host, "content-length: 2"], "{}GET / HTTP/1.1"],
  ["a body that nobody announced", [line, host], "{}"],
  ["a method that is rare", [line.replace("POST", "HEAD"), host]],
  ["a method in small letters", [line.replace("POST", "post"), host]],
  ["a whole address as the target", ["GET http://x/ HTTP/1.1", host]],
  ["no target", ["GET HTTP/1.1", host]],
  ["a target with a space", ["GET /a b HTTP/1.1", host]],
  ["a target beyond ASCII", ["GET /\u00fc HTTP/1.1", host]],
  ["HTTP/1.0", [line.replace("1.1", "1.0"), host]],
  ["HTTP/2's preface", ["PRI * HTTP/2.0"]],
  ["no host", [line, "a: b"]],
  ["two hosts", [line, host, host]],
  ["a header twice", [line, host, "A: 1", "a: 2"]],
  ["no headers", [line]],
  ["a header without a name", [line, host, ": a"]],
  ["a header without a colon", [line, host, "a"]],
  ["a space before the colon", [line, host, "a : b"]],
  ["a folded header", [line, host, "a: b", " c"]],
  ["a control character in a value", [line, host, "a: b\u0000"]],
  ["a line feed in a value", [line, host, "a: b\nc: d"]],
  ["a carriage return in a value", [line, host, "a: b\rc: d"]],
  ["a value beyond ASCII", [line, host, "a: \u00fc"]],
  ["chunks", [line, host, "Transfer-Encoding: chunked"]],
  ["chunks and a length", [line, host, "content-length: 2", "transfer-encoding: chunked"], "{}"],
  ["two lengths", [line, host, "content-length: 2", "content-length: 2"], "{}"],
  ["a list of lengths", [line, host, "content-length: 2, 2"], "{}"],
  ["a signed length", [line, host, "content-length: +2"], "{}"],
  ["an empty length", [line, host, "content-length:"]],
  ["a length that is too long", [line, host, "content-length: 99999999999999999999"]],
  ["somebody who expects something", [line, host, "Expect: 100-continue", "content-length: 2"]],
  ["an upgrade", [line, host, "Connection: upgrade", "Upgrade: h2c"]],
  ["a client that closes", [line, host, "Connection: close"]],
  ["headers of this connection only", [line, host, "Connection: keep-alive, x-mine"]],
  ["trailers", [line, host, "Trailer: x-amz-checksum-crc32"]],
];

for (const [what, head, body] of others) {
  test(`${what}: not plain`, () => assert.equal(read(head, body), undefined));
}

test("a head that has not come whole is not plain", () => {
  const whole = `${line}\r\nhost: x\r\n\r\n`;
  for (let length = 0; length < whole.length; length += 1) {
    assert.equal(readPlainRequest(Buffer.from(whole.slice(0, length))), undefined);
  }
  assert.equal(typeof readPlainRequest(Buffer.from(whole)), "object");
});
