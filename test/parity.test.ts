/** The parity tables in `docs/` say what the operations say. Mend a failure with `node tools/parity.ts`. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { notImplemented } from "../src/services/service.ts";
import { loadModel } from "../src/wire/model-load.ts";
import { parityPath, paritySources, parityTable } from "../tools/parity.ts";

for (const source of paritySources()) {
  const { service, operations, provenance = {} } = source;

  test(`docs/parity/${service}.md is what tools/parity.ts writes`, () => {
    assert.equal(readFileSync(parityPath(service), "utf8"), parityTable(source));
  });

  test(`the table notices when ${service} loses an operation`, () => {
    const [name = ""] =
      Object.entries(operations).find(([, operation]) => !("notImplemented" in operation)) ?? [];
    assert.notEqual(
      parityTable({ ...source, operations: { ...operations, [name]: notImplemented("it is gone") } }),
      parityTable(source),
    );
    const { [name]: _lost, ...others } = operations;
    assert.throws(() => parityTable({ ...source, operations: others }), /neither there nor refused/);
  });

  if (!source.provenance) continue;

  test(`the table notices when ${service} gains an operation that nobody vouches for`, () => {
    const [name = ""] = Object.keys(provenance);
    const { [name]: _origin, ...known } = provenance;
    assert.throws(() => parityTable({ ...source, provenance: known }), /nobody says where/);
  });

  test(`what vouches for ${service} names operations of its model`, () => {
    const names = loadModel(service).operations;
    assert.deepEqual(
      Object.keys(provenance).filter((name) => !names.has(name)),
      [],
    );
  });
}
