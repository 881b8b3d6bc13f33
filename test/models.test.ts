/**
 * The golden test of `models/`: fails when the installed SDK packages say something else than the committed files, or
 * when a file was edited by hand. Mend it by running the tools (`models/README.md`) and reading the diff.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadModel, serviceNames } from "../src/wire/model-load.ts";
import type { Shape } from "../src/wire/model.ts";
import type { ServiceJson } from "../src/wire/model-json.ts";
import { type BotocoreModel, deriveConstraints } from "../tools/derive-constraints.ts";
import { extractModel, formatModel } from "../tools/extract-models.ts";
import { readConstraintsText, readModelText, readSummary, summarize } from "../tools/model-summary.ts";
import { withNewerShapes } from "../tools/newer-shapes.ts";
import { readSchemas } from "../tools/sdk-schema.ts";

for (const name of ["lambda", "sqs", "s3"])
  test(`models/${name}.json is what the installed SDK package says`, async () => {
    assert.equal(formatModel(await extractModel(name)), readModelText(name));
  });

test("every model and its constraints are as the summary has them", () => {
  const summary = readSummary();
  assert.deepEqual(Object.keys(summary), [...serviceNames]);
  for (const name of serviceNames)
    assert.deepEqual(summarize(readModelText(name), readConstraintsText(name)), summary[name], name);
});

test("the 28 services have the operations that the SDK packages had when the wire was designed", () => {
  const summary = readSummary();
  const total = Object.values(summary).reduce((sum, { operations }) => sum + operations, 0);
  assert.equal(total, 1870);
  assert.equal(summary["lambda"]?.operations, 88);
  assert.equal(summary["s3"]?.operations, 112);
});

test("each error that an operation names is a shape of its model", () => {
  for (const name of serviceNames) {
    const model = loadModel(name);
    for (const operation of model.operations.values())
      for (const error of operation.errors)
        assert.ok(model.errors.has(error), `${name} ${operation.name} ${error}`);
  }
});

test("every shape of every model resolves, and is named only once", () => {
  for (const name of serviceNames) {
    const model = loadModel(name);
    const seen = new Set<Shape>();
    const walk = (shape: Shape): void => {
      if (seen.has(shape)) return;
      seen.add(shape);
      for (const member of [...shape.members, shape.element, shape.key]) if (member) walk(member.shape);
    };
    for (const { input, output } of model.operations.values()) [input, output].forEach(walk);
    model.errors.forEach(walk);
    const structures = [...seen].filter(({ kind }) => kind === "structure" || kind === "union");
    assert.equal(new Set(structures.map((shape) => shape.name)).size, structures.length, name);
    assert.ok(structures.length > model.operations.size / 2, name);
  }
});

const structure = (name: string, ...members: readonly unknown[]): readonly unknown[] => [
  3,
  "ns",
  name,
  0,
  ...members,
];

test("an extraction fails loudly where the tuples mean something new", () => {
  const cases: readonly (readonly [string, readonly unknown[], RegExp])[] = [
    ["an unknown kind", [12, "ns", "A", 0], /unknown kind 12/],
    ["an unknown builtin", structure("A", ["b"], [3]), /unknown schema code 3/],
    ["an unknown trait", structure("A", ["b"], [[0, { httpNew: 1 }]]), /unknown member trait httpNew/],
    ["an unknown trait bit", structure("A", ["b"], [[0, 128]]), /unknown trait bits 128/],
    ["members without schemas", structure("A", ["b", "c"], [0]), /A is malformed/],
    ["more required members than members", structure("A", ["b"], [0], 2), /A is malformed/],
    ["a member that would lose its place", structure("A", ["1"], [0]), /can't be a key/],
  ];
  for (const [label, shape, message] of cases) {
    const operation = [9, "ns", "Go", 0, () => shape, () => "unit"];
    assert.throws(() => readSchemas({ Go$: operation }, () => false), message, label);
  }
});

test("two different shapes of one name stop an extraction, two equal ones do not", () => {
  const pair = (first: number, second: number): unknown => [
    9,
    "ns",
    "Go",
    0,
    () =>
      structure(
        "A",
        ["b", "c"],
        [
          [1, "ns", "L", 0, first],
          [1, "ns", "L", 0, second],
        ],
      ),
    () => "unit",
  ];
  assert.throws(() => readSchemas({ Go$: pair(0, 1) }, () => false), /two different shapes are called L/);
  assert.deepEqual(readSchemas({ Go$: pair(0, 0) }, () => false).shapes["L"], {
    kind: "list",
    element: "string",
  });
});

const tinySdk: ServiceJson = {
  generator: "",
  source: "",
  serviceId: "Tiny",
  apiVersion: "",
  signingName: "",
  endpointPrefix: "",
  targetPrefix: "",
  protocols: [],
  operations: { Go: { input: "GoInput", output: "GoOutput" }, New: { input: "unit", output: "unit" } },
  shapes: {
    GoInput: {
      kind: "structure",
      required: 1,
      members: { Color: "string", Sizes: "number[]", Fresh: "string" },
    },
    GoOutput: { kind: "structure", members: { Shade: "string", Total: "number" } },
  },
};

const tinyBotocore: BotocoreModel = {
  operations: {
    Go: { input: { shape: "GoRequest" }, output: { shape: "GoResponse" }, errors: [{ shape: "Lost" }] },
  },
  shapes: {
    GoRequest: { type: "structure", members: { Color: { shape: "Color" }, Sizes: { shape: "Sizes" } } },
    GoResponse: { type: "structure", members: { Shade: { shape: "Shade" }, Total: { shape: "Total" } } },
    Color: { type: "string", enum: ["red", "blue"] },
    Sizes: { type: "list", max: 3, member: { shape: "Size" } },
    Size: { type: "integer", min: 1 },
    Shade: { type: "string", max: 9 },
    Total: { type: "long", max: 9 },
  },
};

test("constraints meet the SDK's shapes by walking both models, whatever the structures are called", () => {
  const { constraints, differences } = deriveConstraints(
    tinySdk,
    tinyBotocore,
    new Map([["Color", ["blue", "green"]]]),
  );
  assert.deepEqual(constraints.types, {
    Color: { enum: ["red", "blue", "green"] },
    Size: { kind: "integer", min: 1 },
    Sizes: { max: 3, element: "Size" },
    Total: { kind: "long" }, // of outputs only the number's type counts
  });
  assert.deepEqual(constraints.members, {
    GoInput: { Color: "Color", Sizes: "Sizes" },
    GoOutput: { Total: "Total" },
  });
  assert.deepEqual(constraints.errors, { Go: ["Lost"] });
  assert.deepEqual(differences, [
    "member GoInput.Color is required in the SDK",
    "member GoInput.Fresh is unknown to botocore",
    "operation New is unknown to botocore",
    "error Lost of Go is unknown to the SDK",
  ]);
});

test("newer shapes replace botocore's, and members are added only to structures that exist", () => {
  const newer = {
    shapes: { Color: { type: "string", max: 4 } },
    members: { GoRequest: { Fresh: "Color" } },
    operations: {},
  };
  const { constraints } = deriveConstraints(tinySdk, withNewerShapes(tinyBotocore, newer), new Map());
  assert.deepEqual(constraints.types["Color"], { max: 4 });
  assert.equal(constraints.members["GoInput"]?.["Fresh"], "Color");
  const stray = { ...newer, members: { Nowhere: { A: "Color" } } };
  assert.throws(() => withNewerShapes(tinyBotocore, stray), /no structure Nowhere/);
});
