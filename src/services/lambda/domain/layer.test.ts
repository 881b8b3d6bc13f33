import assert from "node:assert/strict";
import { test } from "node:test";
import { awsError } from "../../../../test/harness/lambda-sim.ts";
import type { LayerVersion } from "./layer.ts";
import {
  checkLayerArns,
  isCompatible,
  layerArn,
  layerVersionArn,
  parseLayerName,
  parseLayerVersionArn,
} from "./layer.ts";

const own = { account: "000000000000", region: "eu-west-1" };
const arn = (name: string, number = 1, region = own.region) =>
  `arn:aws:lambda:${region}:${own.account}:layer:${name}:${number}`;

test("a layer is named by name or ARN, in its region's partition", () => {
  const id = { ...own, name: "a" };
  assert.deepEqual(parseLayerName("a", own), id);
  assert.deepEqual(parseLayerName("arn:aws:lambda:eu-west-1:000000000000:layer:a", own), id);
  assert.deepEqual(parseLayerName("arn:aws:lambda:us-east-1:111122223333:layer:b", own), {
    account: "111122223333",
    region: "us-east-1",
    name: "b",
  });
  assert.equal(
    layerArn({ ...id, region: "cn-north-1" }),
    "arn:aws-cn:lambda:cn-north-1:000000000000:layer:a",
  );
  assert.equal(layerVersionArn({ id, number: 7 }), arn("a", 7));
  assert.deepEqual(parseLayerVersionArn(arn("a", 7)), { id, number: 7 });
  assert.equal(parseLayerVersionArn("arn:aws:lambda:::awslayer:AmazonLinux1803"), undefined);
});

test("a list of layers is refused in AWS's words", () => {
  const cases: readonly (readonly [readonly string[], string])[] = [
    [["a", "b", "c", "d", "e", "f"].map((name) => arn(name)), "Cannot reference more than 5 layers."],
    [
      [arn("a", 1, "us-east-1")],
      "Layers are not in the same region as the function. Layers are expected to be in region eu-west-1.",
    ],
    [
      [arn("a", 1), arn("b"), arn("a", 2)],
      `Two different versions of the same layer are not allowed to be referenced in the same function. ${arn("a", 1)} and ${arn("a", 2)} are versions of the same layer.`,
    ],
  ];
  for (const [arns, text] of cases) {
    assert.throws(() => checkLayerArns(arns, own.region), awsError("InvalidParameterValueException", text));
  }
  checkLayerArns([], own.region);
  checkLayerArns(
    ["a", "b", "c", "d", "e"].map((name) => arn(name)),
    own.region,
  );
});

test("a filter finds versions that name what it asks for", () => {
  const version = { runtimes: ["python3.12"], architectures: ["arm64"] } as unknown as LayerVersion;
  const silent = { runtimes: undefined, architectures: undefined } as unknown as LayerVersion;
  assert.equal(isCompatible(version, {}), true);
  assert.equal(isCompatible(version, { runtime: "python3.12", architecture: "arm64" }), true);
  assert.equal(isCompatible(version, { runtime: "python3.12", architecture: "x86_64" }), false);
  assert.equal(isCompatible(version, { runtime: "python3.11" }), false);
  assert.equal(isCompatible(silent, {}), true);
  assert.equal(isCompatible(silent, { architecture: "arm64" }), false);
});
