import assert from "node:assert/strict";
import { test } from "node:test";
import type { SimLambda } from "../../../../test/harness/lambda-sim.ts";
import { arnPrefix, awsError, bytes, newFunction, simLambda } from "../../../../test/harness/lambda-sim.ts";
import { unzippedBytesMax } from "../../../limits.ts";
import { sha256Of } from "../domain/lifecycle.ts";
import type { Input } from "../operation-types.ts";

const badParameter = "InvalidParameterValueException";
const notFound = "ResourceNotFoundException";
const arn = (name: string, number = 1) => `${arnPrefix}:layer:${name}:${number}`;

async function publish(sim: SimLambda, LayerName: string, more: Partial<Input<"PublishLayerVersion">> = {}) {
  const Content = { ZipFile: bytes(`layer ${LayerName}`) };
  const made = await sim.call("PublishLayerVersion", { LayerName, Content, ...more });
  await sim.settle();
  return made;
}

function blobNames(sim: SimLambda): string[] {
  return [...sim.state.blobs.keys()].sort();
}

test("a published layer version is answered as AWS does", async () => {
  const sim = simLambda();
  const { Content, ...rest } = await publish(sim, "a", {
    Description: "d",
    LicenseInfo: "MIT",
    CompatibleRuntimes: ["python3.12"],
    CompatibleArchitectures: ["x86_64"],
  });
  assert.deepEqual(rest, {
    LayerArn: `${arnPrefix}:layer:a`,
    LayerVersionArn: arn("a"),
    Version: 1,
    Description: "d",
    CreatedDate: new Date(sim.clock.now()).toISOString().replace("Z", "+0000"),
    CompatibleRuntimes: ["python3.12"],
    CompatibleArchitectures: ["x86_64"],
    LicenseInfo: "MIT",
  });
  const sha256 = sha256Of("layer a");
  assert.equal(Content?.CodeSha256, Buffer.from(sha256, "hex").toString("base64"));
  assert.equal(Content?.CodeSize, 7);
  assert.match(Content?.Location ?? "", new RegExp(`^http://127.0.0.1:4566/_lambdad/code/${sha256}\\?`));
  const bare = await publish(sim, "b");
  assert.deepEqual(Object.keys(bare).sort(), [
    "Content",
    "CreatedDate",
    "Description",
    "LayerArn",
    "LayerVersionArn",
    "Version",
  ]);
  assert.equal(bare.Description, "");
});

test("numbers grow and are never used again, also when published at once", async () => {
  const sim = simLambda();
  const made = await Promise.all([1, 2, 3].map(() => publish(sim, "a")));
  assert.deepEqual(made.map(({ Version }) => Version).sort(), [1, 2, 3]);
  for (const VersionNumber of [1, 2, 3]) {
    await sim.call("DeleteLayerVersion", { LayerName: "a", VersionNumber });
  }
  assert.deepEqual(await sim.call("ListLayers", {}), { Layers: [] });
  assert.equal((await publish(sim, "a")).Version, 4);
});

test("what is no layer version is answered in AWS's words", async () => {
  const sim = simLambda();
  await publish(sim, "a");
  for (const VersionNumber of [0, -1]) {
    for (const name of ["GetLayerVersion", "DeleteLayerVersion"] as const) {
      await assert.rejects(
        sim.call(name, { LayerName: "a", VersionNumber }),
        awsError(badParameter, "Layer Version Cannot be less than 1"),
      );
    }
  }
  const missing = awsError(notFound, "The resource you requested does not exist.");
  await assert.rejects(sim.call("GetLayerVersion", { LayerName: "a", VersionNumber: 2 }), missing);
  await assert.rejects(sim.call("GetLayerVersion", { LayerName: "b", VersionNumber: 1 }), missing);
  await assert.rejects(sim.call("GetLayerVersionByArn", { Arn: arn("b") }), missing);
  await assert.rejects(
    sim.call("GetLayerVersionByArn", { Arn: "arn:aws:lambda:::awslayer:AmazonLinux1803" }),
    missing,
  );
  await assert.rejects(sim.call("GetLayerVersionByArn", { Arn: arn("a") }, { region: "us-east-1" }), missing);
  assert.deepEqual(await sim.call("DeleteLayerVersion", { LayerName: "a", VersionNumber: 9 }), {});
  const of = { LayerName: "b", VersionNumber: 1 };
  await assert.rejects(
    sim.call("GetLayerVersionPolicy", of),
    awsError(notFound, `Layer version ${arn("b")} does not exist.`),
  );
  await assert.rejects(
    sim.call("PublishLayerVersion", { LayerName: "x", Content: { ZipFile: bytes("bad") } }),
    awsError(
      badParameter,
      "Could not unzip uploaded file. Please check your file, then try to upload again.",
    ),
  );
  await assert.rejects(
    sim.call("PublishLayerVersion", { LayerName: "x", Content: { S3Bucket: "none", S3Key: "k" } }),
    awsError(
      badParameter,
      "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist",
    ),
  );
  const strange = { CompatibleRuntimes: ["cobol"] } as unknown as Partial<Input<"PublishLayerVersion">>;
  await assert.rejects(publish(sim, "x", strange), awsError("ValidationException"));
});

test("a layer comes from S3, through the caller's own call", async () => {
  const sim = simLambda();
  sim.world.call = async (_service, input) => {
    assert.deepEqual(input, { Bucket: "b", Key: "k", VersionId: "v" });
    return { Body: bytes("from S3") };
  };
  const Content = { S3Bucket: "b", S3Key: "k", S3ObjectVersion: "v" };
  const made = await sim.call("PublishLayerVersion", { LayerName: "a", Content });
  assert.equal(made.Content?.CodeSize, 7);
});

test("lists are paged by name and by number, and stay right when items come and go", async () => {
  const sim = simLambda();
  for (const name of ["b", "d", "a", "c"]) await publish(sim, name);
  for (let number = 2; number <= 4; number += 1) await publish(sim, "b");
  const first = await sim.call("ListLayers", { MaxItems: 2 });
  assert.deepEqual(
    first.Layers?.map(({ LayerName, LatestMatchingVersion }) => [LayerName, LatestMatchingVersion?.Version]),
    [
      ["a", 1],
      ["b", 4],
    ],
  );
  await sim.call("DeleteLayerVersion", { LayerName: "b", VersionNumber: 4 });
  await publish(sim, "aa");
  const second = await sim.call("ListLayers", { MaxItems: 2, Marker: first.NextMarker });
  assert.deepEqual(
    second.Layers?.map(({ LayerName }) => LayerName),
    ["c", "d"],
  );
  assert.equal(second.NextMarker, undefined);

  const newest = await sim.call("ListLayerVersions", { LayerName: "b", MaxItems: 2 });
  assert.deepEqual(
    newest.LayerVersions?.map(({ Version }) => Version),
    [3, 2],
  );
  const rest = await sim.call("ListLayerVersions", { LayerName: "b", Marker: newest.NextMarker });
  assert.deepEqual(
    rest.LayerVersions?.map(({ Version }) => Version),
    [1],
  );
  assert.equal(rest.NextMarker, undefined);
  assert.deepEqual(await sim.call("ListLayerVersions", { LayerName: "none" }), { LayerVersions: [] });
  await assert.rejects(sim.call("ListLayers", { Marker: "x" }), awsError(badParameter));
});

test("a function shows its layers, runs with them in their order, and mounts them before it is active", async () => {
  const sim = simLambda();
  await publish(sim, "a");
  await publish(sim, "b");
  const Layers = [arn("b"), arn("a")];
  const shown = Layers.map((Arn) => ({ Arn, CodeSize: 7 }));
  assert.deepEqual((await sim.create("thumb", { Layers })).Layers, shown);
  const hashes = ["layer b", "layer a"].map(sha256Of);
  assert.deepEqual(sim.world.layersMounted, [hashes]);
  await sim.call("Invoke", { FunctionName: "thumb" });
  assert.deepEqual(sim.world.orders.at(-1)?.spec.layers, hashes);
  const [listed] = (await sim.call("ListFunctions", {})).Functions ?? [];
  assert.deepEqual(listed?.Layers, shown);

  const kept = await sim.call("UpdateFunctionConfiguration", { FunctionName: "thumb", Timeout: 9 });
  assert.deepEqual(kept.Layers, shown, "not mentioned: as they are");
  await sim.settle();
  const gone = await sim.call("UpdateFunctionConfiguration", { FunctionName: "thumb", Layers: [] });
  assert.equal(gone.Layers, undefined);
});

test("layers that a function may not have are refused, and nothing is made", async () => {
  const sim = simLambda();
  await publish(sim, "a");
  const cases: readonly (readonly [readonly string[], string])[] = [
    [["a", "b", "c", "d", "e", "f"].map((name) => arn(name)), "Cannot reference more than 5 layers."],
    [[arn("a", 2)], `Layer version ${arn("a", 2)} does not exist.`],
    [[arn("a"), arn("none")], `Layer version ${arn("none")} does not exist.`],
  ];
  for (const [Layers, text] of cases) {
    await assert.rejects(sim.create("thumb", { Layers: [...Layers] }), awsError(badParameter, text));
  }
  assert.deepEqual((await sim.call("ListFunctions", {})).Functions, []);
  await sim.create("thumb");
  await assert.rejects(
    sim.call("UpdateFunctionConfiguration", { FunctionName: "thumb", Layers: [arn("none")] }),
    awsError(badParameter, `Layer version ${arn("none")} does not exist.`),
  );
});

test("code and layers together may unzip to 262144000 bytes and not to one more", async () => {
  const sim = simLambda();
  sim.world.unzippedBytes = unzippedBytesMax - 10;
  await publish(sim, "big");
  sim.world.unzippedBytes = 10;
  await sim.create("fits", { Layers: [arn("big")] });
  sim.world.unzippedBytes = 11;
  const tooLarge = awsError(
    badParameter,
    "Function code combined with layers exceeds the maximum allowed size of 262144000 bytes. The actual size is 262144001 bytes.",
  );
  await assert.rejects(sim.create("burst", { Layers: [arn("big")] }), tooLarge);
  const ZipFile = bytes("more");
  await assert.rejects(sim.call("UpdateFunctionCode", { FunctionName: "fits", ZipFile }), tooLarge);
  const dry = { FunctionName: "fits", ZipFile, DryRun: true };
  await assert.rejects(sim.call("UpdateFunctionCode", dry), tooLarge);
  await sim.create("alone");
  const Layers = [arn("big")];
  await assert.rejects(sim.call("UpdateFunctionConfiguration", { FunctionName: "alone", Layers }), tooLarge);
});

test("L2: a deleted layer version stays for the functions that use it, and goes with the last of them", async () => {
  const sim = simLambda();
  await publish(sim, "a");
  await sim.create("one", { Layers: [arn("a")] });
  await sim.create("two", { Layers: [arn("a")] });
  await sim.call("PublishVersion", { FunctionName: "two" });
  await sim.call("DeleteLayerVersion", { LayerName: "a", VersionNumber: 1 });
  await sim.call("DeleteFunction", { FunctionName: "one" });
  await sim.call("UpdateFunctionConfiguration", { FunctionName: "two", Layers: [] });
  await sim.settle();
  const sha256 = sha256Of("layer a");
  assert.ok(blobNames(sim).includes(sha256), "version 1 of two still has it");
  await assert.rejects(
    sim.create("three", { Layers: [arn("a")] }),
    awsError(badParameter, `Layer version ${arn("a")} does not exist.`),
  );
  await sim.call("DeleteFunction", { FunctionName: "two" });
  await sim.settle();
  assert.deepEqual(blobNames(sim), []);
  assert.ok(sim.world.unmounted.includes(sha256));
});

test("L2: layers and functions may share one zip", async () => {
  const sim = simLambda();
  const ZipFile = bytes("both");
  await publish(sim, "a", { Content: { ZipFile } });
  await publish(sim, "b", { Content: { ZipFile } });
  await sim.create("thumb", { Code: { ZipFile } });
  await sim.call("DeleteLayerVersion", { LayerName: "a", VersionNumber: 1 });
  await sim.call("DeleteFunction", { FunctionName: "thumb" });
  await sim.settle();
  assert.equal(blobNames(sim).length, 1);
  await sim.call("DeleteLayerVersion", { LayerName: "b", VersionNumber: 1 });
  await sim.settle();
  assert.deepEqual(blobNames(sim), []);
});

test("L2: a layer version deleted while a function takes it leaves the function whole, or is refused", async () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const sim = simLambda(undefined, seed);
    await publish(sim, "a");
    const creating = sim.call("CreateFunction", newFunction("thumb", { Layers: [arn("a")] }));
    for (let turns = 0; turns < seed; turns += 1) await Promise.resolve();
    await sim.call("DeleteLayerVersion", { LayerName: "a", VersionNumber: 1 });
    const [made] = await Promise.allSettled([creating]);
    await sim.settle();
    const isStored = blobNames(sim).includes(sha256Of("layer a"));
    assert.equal(isStored, made.status === "fulfilled", `after ${seed} turns`);
    if (made.status === "fulfilled") {
      const { State } = await sim.call("GetFunctionConfiguration", { FunctionName: "thumb" });
      assert.equal(State, "Active");
    }
  }
});

test("another account may use what the layer's policy lets it, and learns nothing of the rest", async () => {
  const sim = simLambda();
  await publish(sim, "a");
  const principalArn = "arn:aws:iam::111122223333:root";
  const foreign = {
    account: "111122223333",
    identity: { account: "111122223333", accessKey: undefined, principalArn, signed: "none" },
  } as const;
  const create = () => sim.call("CreateFunction", newFunction("theirs", { Layers: [arn("a")] }), foreign);
  const denied = (action: string, resource: string) =>
    awsError(
      "AccessDeniedException",
      `User: ${principalArn} is not authorized to perform: lambda:${action} on resource: ${resource} because no resource-based policy allows the lambda:${action} action`,
    );
  await assert.rejects(create(), denied("GetLayerVersion", arn("a")));
  await assert.rejects(
    sim.call("GetLayerVersionByArn", { Arn: arn("none") }, foreign),
    denied("GetLayerVersion", arn("none")),
  );
  const LayerName = `${arnPrefix}:layer:a`;
  await assert.rejects(
    sim.call("DeleteLayerVersion", { LayerName, VersionNumber: 1 }, foreign),
    denied("DeleteLayerVersion", LayerName),
  );
  const of = { LayerName: "a", VersionNumber: 1, Action: "lambda:GetLayerVersion" };
  const added = await sim.call("AddLayerVersionPermission", {
    ...of,
    StatementId: "all",
    Principal: "*",
    OrganizationId: "o-a1b2c3d4e5",
  });
  assert.deepEqual(JSON.parse(added.Statement ?? ""), {
    Sid: "all",
    Effect: "Allow",
    Principal: "*",
    Action: "lambda:GetLayerVersion",
    Resource: arn("a"),
    Condition: { StringEquals: { "aws:PrincipalOrgID": "o-a1b2c3d4e5" } },
  });
  await assert.rejects(create(), denied("GetLayerVersion", arn("a")), "nobody is in an organisation here");
  await assert.rejects(
    sim.call("AddLayerVersionPermission", { ...of, StatementId: "all", Principal: "*" }),
    awsError(
      "ResourceConflictException",
      "The statement id (all) provided already exists. Please provide a new statement id, or remove the existing statement.",
    ),
  );
  await sim.call("AddLayerVersionPermission", { ...of, StatementId: "them", Principal: foreign.account });
  const made = await create();
  assert.deepEqual(made.Layers, [{ Arn: arn("a"), CodeSize: 7 }]);
  assert.match(made.FunctionArn ?? "", /:111122223333:function:theirs$/);
  await assert.rejects(
    sim.call("RemoveLayerVersionPermission", { ...of, StatementId: "nobody" }),
    awsError(notFound, "Statement nobody is not found in resource policy."),
  );
});
