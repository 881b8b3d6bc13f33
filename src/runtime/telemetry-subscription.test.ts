import assert from "node:assert/strict";
import { test } from "node:test";
import { readSubscription } from "./telemetry-subscription.ts";

const destination = { protocol: "HTTP", URI: "http://sandbox.localdomain:8080/in?a=1" };
const whole = { schemaVersion: "2022-12-13", types: ["function", "platform"], destination };
const read = (body: unknown, api: "telemetry" | "logs" = "telemetry") =>
  readSubscription(api, Buffer.from(typeof body === "string" ? body : JSON.stringify(body)), [4566, 9001]);

test("a subscription is read, with AWS's defaults", () => {
  assert.deepEqual(read(whole), {
    api: "telemetry",
    schemaVersion: "2022-12-13",
    types: ["platform", "function"],
    buffering: { maxItems: 10_000, maxBytes: 262_144, timeoutMs: 1000 },
    destination: { protocol: "HTTP", port: 8080, path: "/in?a=1", method: "POST" },
  });
  const buffering = { maxItems: 1000, maxBytes: 1_048_576, timeoutMs: 25 };
  const tcp = read({ types: ["extension"], buffering, destination: { protocol: "TCP", port: 1234 } }, "logs");
  assert.deepEqual(tcp, {
    api: "logs",
    schemaVersion: "2020-08-15",
    types: ["extension"],
    buffering,
    destination: { protocol: "TCP", port: 1234 },
  });
});

test("a destination may be called as in AWS's examples for the Logs API", () => {
  const subscription = read({ ...uri("http://sandbox:4243"), schemaVersion: "2020-08-15" }, "logs");
  assert(typeof subscription === "object");
  assert.deepEqual(subscription.destination, { protocol: "HTTP", port: 4243, path: "/", method: "POST" });
});

const uri = (URI: unknown) => ({ ...whole, destination: { protocol: "HTTP", URI } });
const buffering = (change: object) => ({ ...whole, buffering: change });
const place = /^destination\.URI must begin with http:\/\/sandbox\.localdomain$/;

const wrong: readonly (readonly [string, unknown, RegExp])[] = [
  ["no JSON", "{", /not a JSON object/],
  ["a list", [], /not a JSON object/],
  [
    "a schema of the other API",
    { ...whole, schemaVersion: "2020-08-15" },
    /^schemaVersion must be one of \[2022-07-01, /,
  ],
  ["no types", { ...whole, types: [] }, /^types must be/],
  ["an unknown type", { ...whole, types: ["platform", "all"] }, /^types must be/],
  ["too few items", buffering({ maxItems: 999 }), /^buffering\.maxItems must be between 1000 and 10000$/],
  ["too many items", buffering({ maxItems: 10_001 }), /maxItems/],
  [
    "too few bytes",
    buffering({ maxBytes: 262_143 }),
    /^buffering\.maxBytes must be between 262144 and 1048576$/,
  ],
  ["too short a time", buffering({ timeoutMs: 24 }), /^buffering\.timeoutMs must be between 25 and 30000$/],
  ["too long a time", buffering({ timeoutMs: 30_001 }), /timeoutMs/],
  ["half an item", buffering({ maxItems: 1000.5 }), /maxItems/],
  ["buffering that is a number", { ...whole, buffering: 1 }, /^buffering must be an object$/],
  ["no destination", { types: ["platform"] }, /^destination must be an object$/],
  ["another protocol", { ...whole, destination: { protocol: "UDP", port: 1 } }, /^destination\.protocol/],
  ["TCP without a port", { ...whole, destination: { protocol: "TCP" } }, /^destination\.port/],
  ["TCP to lambdad itself", { ...whole, destination: { protocol: "TCP", port: 4566 } }, /port 4566/],
  ["no URI", uri(undefined), /^destination\.URI must be a URI$/],
  ["no real URI", uri("sandbox.localdomain:1"), place],
  ["HTTPS", uri("https://sandbox.localdomain:1/"), place],
  ["another host", uri("http://169.254.169.254/latest"), place],
  ["lambdad", uri("http://169.254.100.1:4566/_lambdad/health"), place],
  ["the loopback", uri("http://localhost:1/"), place],
  ["the short name as a suffix", uri("http://other.sandbox:1/"), place],
  ["a host that only begins so", uri("http://sandbox.localdomain.example:1/"), place],
  ["a user before another host", uri("http://sandbox.localdomain:1@127.0.0.1:2/"), place],
  ["a user before the right host", uri("http://a@sandbox.localdomain:1/"), place],
  ["a backslash", uri("http://127.0.0.1\\@sandbox.localdomain:1/"), place],
  ["lambdad's own port", uri("http://sandbox.localdomain:9001/"), /port 9001/],
  ["a very long one", uri(`http://sandbox.localdomain:1/${"x".repeat(1024)}`), /must be a URI/],
  ["another method", { ...whole, destination: { ...destination, method: "GET" } }, /^destination\.method/],
  [
    "another encoding",
    { ...whole, destination: { ...destination, encoding: "XML" } },
    /^destination\.encoding/,
  ],
];

for (const [name, body, sentence] of wrong) {
  test(`refused: ${name}`, () => {
    const found = read(body);
    assert.match(typeof found === "string" ? found : "accepted", sentence);
  });
}
