import assert from "node:assert/strict";
import { test } from "node:test";
import { isPreflight, refuseForeignPage } from "./cors.ts";
import { bucketInHost, endpointOf, isLocalName, isPlainHost, isWebHost, plainAddress } from "./hosts.ts";

const hosts: readonly (readonly [host: string, bucket: string | undefined, local: boolean])[] = [
  ["localhost:4566", undefined, true],
  ["LOCALHOST", undefined, true],
  ["127.0.0.1:4566", undefined, true],
  ["[::1]:4566", undefined, true],
  ["10.1.2.3", undefined, true],
  ["bucket.localhost:4566", "bucket", true],
  ["a.b.s3.us-east-1.amazonaws.com", "a.b", false],
  ["s3.us-east-1.amazonaws.com", undefined, false],
  ["bucket.s3-eu-west-1.amazonaws.com", "bucket", false],
  ["bucket.s3.localhost.example:4566", "bucket", false],
  ["s3.localhost:4566", undefined, true],
  ["lambdad:4566", undefined, false],
  ["evil.example", undefined, false],
  ["127.0.0.1.evil.example", undefined, false],
  ["localhost.evil.example", undefined, false],
  ["", undefined, false],
  ["[", undefined, false],
];

for (const [host, bucket, local] of hosts) {
  test(`the host "${host}" has bucket ${bucket} and is ${local ? "" : "not "}this machine's own`, () => {
    assert.equal(bucketInHost(host), bucket);
    assert.equal(isLocalName(host), local);
  });
}

test("only plain names, addresses and ports are put into URLs", () => {
  for (const host of ["localhost:4566", "[::1]:1", "a_b.example"]) assert.ok(isPlainHost(host), host);
  for (const host of ["", "a/b", "a b", 'a"b', "a@b", "a\n", "x".repeat(300)])
    assert.ok(!isPlainHost(host), host);
});

test("URLs that we answer with lead to where the caller has reached us", () => {
  const at = (host: string | undefined) => endpointOf(host, "http://0.0.0.0:4566");
  assert.equal(at("lambdad:4566"), "http://lambdad:4566");
  assert.equal(at("lambdad.example"), "http://lambdad.example");
  assert.equal(at(undefined), "http://0.0.0.0:4566");
  assert.equal(at("a/b"), "http://0.0.0.0:4566");
  for (const host of ["localhost", "127.0.0.1", "[::1]"]) assert.equal(at(host), `http://${host}:4566`);
  assert.equal(endpointOf("localhost", "http://127.0.0.1"), "http://localhost");
});

test("web endpoints are told by their host", () => {
  assert.ok(isWebHost("abc.lambda-url.us-east-1.localhost:4566"));
  assert.ok(isWebHost("abc.execute-api.us-east-1.amazonaws.com"));
  assert.ok(isWebHost("ABC.Lambda-URL.us-east-1.localhost"), "hosts know no case");
  assert.ok(!isWebHost("lambda.us-east-1.amazonaws.com"));
});

test("a client's address is the one that it has", () => {
  for (const [seen, address] of [
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["192.0.2.7", "192.0.2.7"],
    ["2001:db8::7", "2001:db8::7"],
    ["::ffff:c000:207", "::ffff:c000:207"],
    ["", ""],
  ] as const) {
    assert.equal(plainAddress(seen), address);
  }
});

const pages: readonly (readonly [what: string, headers: Record<string, string>, isRefused: boolean])[] = [
  ["an SDK", { host: "localhost:4566" }, false],
  ["a page of localhost", { origin: "http://localhost:3000", host: "localhost:4566" }, false],
  ["a page of 127.0.0.1", { origin: "https://127.0.0.1", host: "localhost:4566" }, false],
  ["a page of ::1", { origin: "http://[::1]:3000", host: "localhost:4566" }, false],
  ["a page of app.localhost", { origin: "http://app.localhost", host: "localhost:4566" }, false],
  [
    "a page of the address that we are called at",
    { origin: "http://10.0.0.7:3000", host: "10.0.0.7:4566" },
    false,
  ],
  ["a page of another address", { origin: "http://203.0.113.9", host: "127.0.0.1:4566" }, true],
  ["a page of another site", { origin: "https://evil.example", host: "localhost:4566" }, true],
  [
    "a page whose name was rebound to us",
    { origin: "http://evil.example:4566", host: "evil.example:4566" },
    true,
  ],
  ["a page with a deceptive name", { origin: "http://127.0.0.1.evil.example", host: "localhost:4566" }, true],
  ["a sandboxed frame", { origin: "null", host: "localhost:4566" }, true],
  [
    "an image on another site",
    { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", host: "localhost" },
    true,
  ],
  [
    "a link on another site",
    { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", host: "localhost" },
    false,
  ],
  [
    "an image on our own page",
    { "sec-fetch-site": "same-origin", "sec-fetch-mode": "no-cors", host: "localhost" },
    false,
  ],
];

for (const [what, headers, isRefused] of pages) {
  test(`${what} may ${isRefused ? "not " : ""}call while signatures are not verified, and may with --secure`, () => {
    const head = { method: "POST", path: "/", query: "", headers };
    const check = () => refuseForeignPage(head, false);
    if (isRefused) assert.throws(check, { code: "AccessDeniedException", status: 403 });
    else assert.doesNotThrow(check);
    assert.doesNotThrow(() => refuseForeignPage(head, true));
  });
}

test("a link on another site that carries an action is refused", () => {
  const headers = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", host: "localhost" };
  const head = { method: "GET", path: "/", query: "Action=DeleteTopic&TopicArn=x", headers };
  assert.throws(() => refuseForeignPage(head, false), { code: "AccessDeniedException" });
});

test("a preflight is an OPTIONS with an origin, and nothing else", () => {
  const head = { method: "OPTIONS", path: "/", query: "", headers: { origin: "http://localhost" } };
  assert.ok(isPreflight(head));
  assert.ok(!isPreflight({ ...head, headers: {} }));
  assert.ok(!isPreflight({ ...head, method: "GET" }));
});
