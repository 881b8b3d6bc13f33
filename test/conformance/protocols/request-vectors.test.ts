/** Smithy's request vectors: what a client sends must be read into the parameters that it was given. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { protocolById } from "../../../src/wire/protocols.ts";
import { operationOf, protocolOf, valueOf } from "./botocore-model.ts";
import { comparable } from "./comparable.ts";
import { exceptions } from "./exceptions.ts";
import { absent, loadVectors, settle, surprisesOf, type Vector } from "./vectors.ts";

const ec2 = "input/ec2#";

test("the table of exceptions is held against both: what fails and is not in it, what passes and is", () => {
  const failures = new Map([
    ["a", undefined],
    ["b", "wrong"],
    ["c", undefined],
    ["d", "wrong"],
  ]);
  assert.deepEqual(surprisesOf(failures, { c: "reason", d: "reason" }), [
    "b fails: wrong",
    "c passes now: take it off the table of exceptions",
  ]);
});

test("every exception names a vector that there is", (t) => {
  const vectors = [...(loadVectors("input") ?? []), ...(loadVectors("output") ?? [])];
  if (vectors.length === 0) return t.skip(absent);
  const keys = new Set(vectors.map((vector) => vector.key));
  assert.deepEqual(
    Object.keys(exceptions).filter((key) => !keys.has(key)),
    [],
  );
});

test("what clients send by Smithy's request vectors is read as they meant it", (t) => {
  const vectors = loadVectors("input");
  if (!vectors) return t.skip(absent);
  const passed = settle(t, {
    name: "request vectors",
    vectors: vectors.filter((vector) => !vector.key.startsWith(ec2)),
    check,
  });
  assert.ok(passed >= 299, `${passed} is below the bar`);
});

test("what clients send by Smithy's request vectors of ec2Query is read as they meant it", (t) => {
  const vectors = loadVectors("input");
  if (!vectors) return t.skip(absent);
  settle(t, { name: "ec2 request vectors", vectors: vectors.filter((v) => v.key.startsWith(ec2)), check });
});

function check({ suite, case: vector }: Vector): void {
  const operation = operationOf(suite, vector.given);
  const { serialized } = vector;
  assert.ok(serialized);
  const base = suite.clientEndpoint ? new URL(suite.clientEndpoint).pathname.replace(/\/$/, "") : "";
  const [fullPath = "", query = ""] = splitOnce(serialized.uri, "?");
  const path = fullPath.slice(base.length);
  const id = protocolOf(suite.metadata);
  const read = protocolById(id).read(
    operation,
    {
      method: serialized.method,
      path,
      query,
      headers: lowerCased(serialized.headers ?? {}),
      body: Buffer.from(serialized.body ?? "", id === "rpcv2Cbor" ? "base64" : "utf8"),
    },
    labelsOf(vector.given.http.requestUri, path),
  );
  assert.deepEqual(comparable(read), comparable(valueOf(operation.input, vector.params)));
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** What the router does: segments of the path for the labels of the template. */
function labelsOf(template: string, path: string): Record<string, string> {
  const names: string[] = [];
  const pattern = splitOnce(template, "?")[0]
    ?.replaceAll(/[.*()[\]\\|^$]/g, String.raw`\$&`)
    .replaceAll(/\{([^}+]+)(\+?)\}/g, (_, name: string, greedy: string) => {
      names.push(name);
      return greedy ? "(.+)" : "([^/]+)";
    });
  // A "+" outside labels is literal.
  const match = new RegExp(`^${pattern?.replaceAll(/(?<!\(\.)(?<!\])\+/g, String.raw`\+`)}$`).exec(path);
  return Object.fromEntries(names.map((name, i) => [name, match?.[i + 1] ?? ""]));
}
