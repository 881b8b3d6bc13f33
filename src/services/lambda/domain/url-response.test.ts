import assert from "node:assert/strict";
import { test } from "node:test";
import { urlResponse } from "./url-response.ts";

const json = { "content-type": "application/json" };

const answers: readonly (readonly [answer: string, expected: unknown])[] = [
  ['"hello"', { status: 200, headers: json, body: "hello" }],
  ["3.1", { status: 200, headers: json, body: "3.1" }],
  ["true", { status: 200, headers: json, body: "true" }],
  ["null", { status: 200, headers: json, body: "null" }],
  ['{"hello": "world"}', { status: 200, headers: json, body: '{"hello":"world"}' }],
  ["not json", { status: 200, headers: json, body: "not json" }],
  ['{"statusCode":201}', { status: 201, headers: json, body: "" }],
  ['{"statusCode":"418","body":{"a":1}}', { status: 418, headers: json, body: '{"a":1}' }],
  [
    '{"statusCode":200,"headers":{"X-N":1,"Date":"d","Transfer-Encoding":"chunked"},"cookies":["a=1"]}',
    {
      status: 200,
      headers: { ...json, "x-n": "1", "x-amzn-remapped-date": "d", "set-cookie": ["a=1"] },
      body: "",
    },
  ],
  [
    '{"statusCode":200,"headers":{"Upgrade":"h2c","TE":"trailers","Trailer":"x-t","Proxy-Connection":"close","HTTP2-Settings":"x"}}',
    { status: 200, headers: json, body: "" },
  ],
  [
    '{"statusCode":200,"headers":{"Set-Cookie":"a=1","x-none":null},"cookies":["b=2","c=3"]}',
    { status: 200, headers: { ...json, "set-cookie": ["a=1", "b=2", "c=3"] }, body: "" },
  ],
  [
    '{"statusCode":200,"body":"aGk=","isBase64Encoded":true}',
    { status: 200, headers: json, body: Buffer.from("hi") },
  ],
  ['{"statusCode":1000}', undefined],
  ['{"statusCode":100}', undefined],
  ['{"statusCode":"ok"}', undefined],
  ['{"statusCode":200,"headers":[]}', undefined],
  ['{"statusCode":200,"headers":{"a b":"c"}}', undefined],
  ['{"statusCode":200,"headers":{"a":"b\\r\\nc: d"}}', undefined],
  ['{"statusCode":200,"headers":{"a":["b","c"]}}', undefined],
  ['{"statusCode":200,"cookies":"a=1"}', undefined],
  ['{"statusCode":200,"body":"?","isBase64Encoded":true}', undefined],
];

for (const [answer, expected] of answers) {
  test(`a function that answers ${answer} is ${expected ? "a response" : "no response"}`, () => {
    assert.deepEqual(urlResponse(Buffer.from(answer)), expected);
  });
}
