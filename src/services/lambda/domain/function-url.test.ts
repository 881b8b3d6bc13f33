import assert from "node:assert/strict";
import { test } from "node:test";
import { addressedUrl, corsOf, functionUrlOf, urlIdOf } from "./function-url.ts";
import { isText } from "./media-type.ts";
import { preflightHeaders, simpleHeaders } from "./url-cors.ts";

const id = "abcdefghijklmnopqrstuvwxyz234567";

const addresses: readonly (readonly [endpoint: string, url: string])[] = [
  ["http://127.0.0.1:4566", `http://${id}.lambda-url.us-east-1.localhost:4566/`],
  ["http://localhost:4566", `http://${id}.lambda-url.us-east-1.localhost:4566/`],
  ["http://[::1]:80", `http://${id}.lambda-url.us-east-1.localhost/`],
  ["https://lambda.example.com", `https://${id}.lambda-url.us-east-1.lambda.example.com/`],
  ["http://10.0.0.5:4566", `http://10.0.0.5:4566/_lambdad/url/${id}/`],
  [`http://${"a".repeat(60)}.example:4566`, `http://${"a".repeat(60)}.example:4566/_lambdad/url/${id}/`],
];

for (const [endpoint, url] of addresses) {
  test(`behind ${endpoint} a function URL is ${url}`, () => {
    assert.equal(functionUrlOf(id, "us-east-1", { endpoint, hasLoopbackNames: true }), url);
    const { host, pathname } = new URL(url);
    const prefix = pathname === "/" ? "" : `/_lambdad/url/${id}`;
    assert.deepEqual(addressedUrl(host, pathname), { urlId: id, path: "/", prefix });
  });
}

test("where names below localhost are not found a function URL is a path", () => {
  const at = (endpoint: string) => functionUrlOf(id, "us-east-1", { endpoint, hasLoopbackNames: false });
  assert.equal(at("http://127.0.0.1:4566"), `http://127.0.0.1:4566/_lambdad/url/${id}/`);
  assert.equal(at("http://localhost:4566"), `http://localhost:4566/_lambdad/url/${id}/`);
  assert.equal(at("https://lambda.example.com"), `https://${id}.lambda-url.us-east-1.lambda.example.com/`);
});

test("requests for something else are for no function URL", () => {
  assert.equal(addressedUrl("localhost:4566", "/2015-03-31/functions"), undefined);
  assert.deepEqual(addressedUrl(`${id.toUpperCase()}.lambda-url.x.localhost`, "/a%2Fb"), {
    urlId: id,
    path: "/a%2Fb",
    prefix: "",
  });
  const prefix = `/_lambdad/url/${id}`;
  assert.deepEqual(addressedUrl("localhost", prefix), { urlId: id, path: "/", prefix });
  assert.deepEqual(addressedUrl("localhost", `${prefix}/a//b`), { urlId: id, path: "/a//b", prefix });
});

test("an id is 32 lower-case letters and digits", () => {
  const bytes = Uint8Array.from({ length: 32 }, (_, index) => index * 8);
  assert.match(urlIdOf(bytes), /^[a-z2-7]{32}$/);
});

test("CORS answers origins that match, and no others", () => {
  const cors = corsOf({ AllowOrigins: ["https://a.example", "http://*"], ExposeHeaders: ["x-a", "x-b"] });
  assert.ok(cors);
  const from = (origin: string) => simpleHeaders(cors, { method: "GET", headers: { origin } });
  assert.equal(from("https://A.example")["access-control-allow-origin"], "https://A.example");
  assert.equal(from("http://any:80")["access-control-expose-headers"], "x-a,x-b");
  assert.deepEqual(from("https://b.example"), {});
  assert.deepEqual(simpleHeaders(cors, { method: "GET", headers: {} }), {});
  const any = { allowOrigins: ["*"] };
  const request = { method: "OPTIONS", headers: { origin: "https://a" } };
  assert.equal(preflightHeaders(any, request)["access-control-allow-origin"], "*");
  const withCredentials = preflightHeaders({ ...any, allowCredentials: true, maxAgeSeconds: 0 }, request);
  assert.equal(withCredentials["access-control-allow-origin"], "https://a");
  assert.equal(withCredentials["access-control-allow-credentials"], "true");
  assert.equal("access-control-max-age" in withCredentials, false);
  assert.equal(corsOf({}), undefined);
});

const types: readonly (readonly [string | undefined, boolean])[] = [
  ["application/json", true],
  ["Application/JSON; charset=utf-8", true],
  ["text/plain", true],
  ["text/plain; charset=iso-8859-1", false],
  ["application/graphql", true],
  ["application/vnd.api+json", true],
  ["application/x-www-form-urlencoded", false],
  ["multipart/form-data; boundary=x", false],
  ["image/png", false],
  [undefined, false],
];

for (const [type, expected] of types) {
  test(`a body of ${type} goes ${expected ? "as text" : "in base64"}`, () => {
    assert.equal(isText(type, undefined), expected);
    assert.equal(isText(type, "gzip"), false);
  });
}

test("CORS settings that no header could say are refused", () => {
  for (const settings of [
    { ExposeHeaders: ["x-\u20ac"] },
    { AllowHeaders: ["x-a", "x-b\r\nset-cookie: c=1"] },
    { AllowOrigins: ["https://a.example\n"] },
  ]) {
    assert.throws(() => corsOf(settings), /must be such as HTTP headers can have/);
  }
  assert.deepEqual(corsOf({ AllowOrigins: ["*"] }), { allowOrigins: ["*"] });
});
