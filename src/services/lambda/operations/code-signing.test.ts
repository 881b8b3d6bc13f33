import assert from "node:assert/strict";
import { test } from "node:test";
import { arnPrefix, awsError, bytes, newFunction, simLambda } from "../../../../test/harness/lambda-sim.ts";

const FunctionName = "thumb";
const profile = "arn:aws:signer:eu-west-1:000000000000:/signing-profiles/mine/0123456789";
const AllowedPublishers = { SigningProfileVersionArns: [profile] };
const missing = `${arnPrefix}:code-signing-config:csc-00000000000000000`;

async function withConfig(policy: "Warn" | "Enforce") {
  const sim = simLambda();
  const { CodeSigningConfig } = await sim.call("CreateCodeSigningConfig", {
    AllowedPublishers,
    CodeSigningPolicies: { UntrustedArtifactOnDeployment: policy },
  });
  return { sim, CodeSigningConfigArn: CodeSigningConfig?.CodeSigningConfigArn ?? "" };
}

test("a code signing config is made, changed, tagged, listed and removed", async () => {
  const { sim, CodeSigningConfigArn } = await withConfig("Warn");
  assert.match(
    CodeSigningConfigArn,
    /^arn:aws:lambda:eu-west-1:\d{12}:code-signing-config:csc-[a-z0-9]{17}$/,
  );
  const changed = await sim.call("UpdateCodeSigningConfig", { CodeSigningConfigArn, Description: "d" });
  assert.equal(changed.CodeSigningConfig?.Description, "d");
  assert.deepEqual(changed.CodeSigningConfig?.CodeSigningPolicies, { UntrustedArtifactOnDeployment: "Warn" });
  assert.deepEqual(await sim.call("GetCodeSigningConfig", { CodeSigningConfigArn }), changed);
  await sim.call("TagResource", { Resource: CodeSigningConfigArn, Tags: { a: "1", b: "2" } });
  await sim.call("UntagResource", { Resource: CodeSigningConfigArn, TagKeys: ["a"] });
  assert.deepEqual((await sim.call("ListTags", { Resource: CodeSigningConfigArn })).Tags, { b: "2" });
  const { CodeSigningConfigs } = await sim.call("ListCodeSigningConfigs", {});
  assert.deepEqual(CodeSigningConfigs, [changed.CodeSigningConfig]);
  await sim.call("DeleteCodeSigningConfig", { CodeSigningConfigArn });
  await assert.rejects(
    sim.call("GetCodeSigningConfig", { CodeSigningConfigArn }),
    awsError(
      "ResourceNotFoundException",
      `The Lambda code signing configuration ${CodeSigningConfigArn} can not be found.`,
    ),
  );
});

test("Enforce refuses code without a signature wherever it is deployed, Warn lets it pass", async () => {
  const { sim, CodeSigningConfigArn } = await withConfig("Enforce");
  const refused = awsError("CodeVerificationFailedException");
  await assert.rejects(sim.create(FunctionName, { CodeSigningConfigArn }), refused);
  await sim.create(FunctionName);
  await sim.call("PutFunctionCodeSigningConfig", { FunctionName, CodeSigningConfigArn });
  const update = { FunctionName, ZipFile: bytes("next") };
  await assert.rejects(sim.call("UpdateFunctionCode", update), refused);
  await sim.call("UpdateCodeSigningConfig", {
    CodeSigningConfigArn,
    CodeSigningPolicies: { UntrustedArtifactOnDeployment: "Warn" },
  });
  await sim.call("UpdateFunctionCode", update);
  await sim.create("other", { CodeSigningConfigArn });
  const { FunctionArns } = await sim.call("ListFunctionsByCodeSigningConfig", { CodeSigningConfigArn });
  assert.deepEqual(
    FunctionArns,
    ["other", FunctionName].map((name) => `${arnPrefix}:function:${name}`),
  );
});

test("a config in use stays, and one that is not there is not taken into use", async () => {
  const { sim, CodeSigningConfigArn } = await withConfig("Warn");
  await sim.create(FunctionName, { CodeSigningConfigArn });
  await assert.rejects(
    sim.call("DeleteCodeSigningConfig", { CodeSigningConfigArn }),
    awsError("ResourceConflictException"),
  );
  assert.equal(
    (await sim.call("GetFunctionCodeSigningConfig", { FunctionName })).CodeSigningConfigArn,
    CodeSigningConfigArn,
  );
  await sim.call("DeleteFunctionCodeSigningConfig", { FunctionName });
  await sim.call("DeleteCodeSigningConfig", { CodeSigningConfigArn });
  const notThere = awsError(
    "CodeSigningConfigNotFoundException",
    `The code signing configuration cannot be found. Check that the provided configuration is not deleted: ${missing}.`,
  );
  await assert.rejects(
    sim.call("PutFunctionCodeSigningConfig", { FunctionName, CodeSigningConfigArn: missing }),
    notThere,
  );
  await assert.rejects(
    sim.call("CreateFunction", newFunction("new", { CodeSigningConfigArn: missing })),
    notThere,
  );
});

test("of a config that is deleted while functions take it, either they have it or it is gone", async () => {
  const { sim, CodeSigningConfigArn } = await withConfig("Warn");
  const names = ["a", "b", "c", "d"];
  for (const name of names) await sim.create(name);
  const settled = await Promise.allSettled([
    ...names
      .slice(0, 2)
      .map((name) => sim.call("PutFunctionCodeSigningConfig", { FunctionName: name, CodeSigningConfigArn })),
    sim.call("DeleteCodeSigningConfig", { CodeSigningConfigArn }),
    ...names
      .slice(2)
      .map((name) => sim.call("PutFunctionCodeSigningConfig", { FunctionName: name, CodeSigningConfigArn })),
  ]);
  const isDeleted = settled[2]?.status === "fulfilled";
  for (const FunctionName of names) {
    const got = await sim.call("GetFunctionCodeSigningConfig", { FunctionName });
    if (isDeleted) assert.equal(got.CodeSigningConfigArn, undefined);
  }
  const left = await sim.call("ListCodeSigningConfigs", {});
  assert.equal(left.CodeSigningConfigs?.length, isDeleted ? 0 : 1);
});
