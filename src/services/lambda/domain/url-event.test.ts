import assert from "node:assert/strict";
import { test } from "node:test";
import { urlEvent } from "./url-event.ts";

const requestTo = (host: string, headers: Record<string, string>, query = "") => ({
  urlId: "a".repeat(32),
  method: "GET",
  host,
  path: "/a%2Fb",
  query,
  headers,
  body: new Uint8Array(),
  remoteAddress: "10.0.0.7",
  requestId: "r",
  traceHeader: "Root=1-2-3",
  nowMs: 0,
  caller: undefined,
});

test("an event has the request's headers without those of the connection and of HTTP/2", () => {
  const { headers } = urlEvent(
    requestTo("x.localhost:4566", {
      ":method": "GET",
      ":authority": "x.localhost:4566",
      host: "x.localhost:4566",
      connection: "Upgrade, HTTP2-Settings",
      upgrade: "h2c",
      "http2-settings": "AAMAAABkAAQAAP__",
      "transfer-encoding": "chunked",
      accept: "*/*",
      "x-amzn-trace-id": "Root=9",
      "x-forwarded-for": "1.2.3.4",
    }),
  );
  assert.deepEqual(headers, {
    host: "x.localhost:4566",
    accept: "*/*",
    "x-amzn-trace-id": "Root=1-2-3",
    "x-forwarded-for": "1.2.3.4, 10.0.0.7",
    "x-forwarded-port": "4566",
    "x-forwarded-proto": "http",
  });
});

test("behind a proxy that ends TLS an event says https", () => {
  const { headers } = urlEvent(requestTo("x.example", { "x-forwarded-proto": "https" }));
  assert.deepEqual(headers, {
    "x-amzn-trace-id": "Root=1-2-3",
    "x-forwarded-for": "10.0.0.7",
    "x-forwarded-port": "443",
    "x-forwarded-proto": "https",
  });
});

test("an event has cookies and parameters only if the request has", () => {
  const bare = urlEvent(requestTo("x", {}));
  for (const absent of ["cookies", "queryStringParameters", "body", "pathParameters", "stageVariables"]) {
    assert.equal(absent in bare, false, absent);
  }
  const full = urlEvent(requestTo("x", { cookie: "a=1; b=2" }, "k=1&k=%2F&__proto__=x"));
  assert.deepEqual(full["cookies"], ["a=1", "b=2"]);
  assert.equal(full["rawQueryString"], "k=1&k=%2F&__proto__=x");
  assert.equal(JSON.stringify(full["queryStringParameters"]), '{"k":"1,/","__proto__":"x"}');
});
