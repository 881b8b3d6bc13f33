import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../base/random.ts";
import { Extensions } from "../extensions.ts";
import type { Answer, Exchange } from "./connection.ts";
import { register } from "./register.ts";
import type { RuntimePort } from "./runtime-port.ts";

/** Registers as `name`, bytes as they are in the header; answers the response's status and body. */
function registered(extensions: Extensions, name: Buffer, body: string): readonly [number, unknown] {
  let answered: Answer | undefined;
  const exchange = { answer: (answer: Answer) => (answered = answer) } as Partial<Exchange> as Exchange;
  const spec = { account: "123456789012", functionName: "f", handler: "index.handler", version: "1" };
  register({
    request: {
      method: "POST",
      path: "/2020-01-01/extension/register",
      version: "1.1",
      headers: new Map([["lambda-extension-name", name.toString("latin1")]]),
      trailers: new Map(),
      isKeptAlive: true,
      body: { kind: "whole", bytes: Buffer.from(body) },
    },
    exchange,
    port: { spec, extensions } as Partial<RuntimePort> as RuntimePort,
    requestId: "",
  });
  return [answered?.status ?? 0, JSON.parse(String(answered?.body))];
}

const silent = { onProgress: () => {}, onFailure: () => {}, onLost: () => {} };
const facts = { functionName: "f", functionVersion: "1", handler: "index.handler" };

test("an extension is known by its file's name, sent as UTF-8 or as Latin-1", () => {
  for (const encoding of ["utf8", "latin1"] as const) {
    const extensions = new Extensions(["é"], seededRandom(1), silent);
    const name = Buffer.from("é", encoding);
    // Only external ones may ask for SHUTDOWN.
    assert.deepEqual(registered(extensions, name, '{"events":["SHUTDOWN"]}'), [200, facts]);
    assert.equal(extensions.areRegistered, true, encoding);
  }
});

test("lists that are null are empty: Go's clients write them so", () => {
  const extensions = new Extensions(["e"], seededRandom(1), silent);
  const body = '{"events":null,"configurationKeys":null}';
  assert.deepEqual(registered(extensions, Buffer.from("e"), body), [200, facts]);
  assert.deepEqual(
    extensions.facts.map(({ events }) => events),
    [[]],
  );
});
