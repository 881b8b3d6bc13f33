import assert from "node:assert/strict";
import { test } from "node:test";
import { arnPrefix, awsError, simLambda } from "../../../../test/harness/lambda-sim.ts";

const FunctionName = "thumb";
const arn = `${arnPrefix}:function:thumb`;
const invalid = "InvalidParameterValueException";
const notFound = "ResourceNotFoundException";

test("a permission is added, read and removed, each time with another revision id of its holder only", async () => {
  const sim = simLambda();
  await sim.create(FunctionName, { Publish: true });
  await sim.call("CreateAlias", { FunctionName, Name: "live", FunctionVersion: "1" });
  const revisions = async () => ({
    function: (await sim.call("GetFunctionConfiguration", { FunctionName })).RevisionId,
    1: (await sim.call("GetFunctionConfiguration", { FunctionName, Qualifier: "1" })).RevisionId,
    live: (await sim.call("GetAlias", { FunctionName, Name: "live" })).RevisionId,
  });
  const permission = { StatementId: "s1", Action: "lambda:InvokeFunction", Principal: "s3.amazonaws.com" };
  for (const Qualifier of [undefined, "1", "live"]) {
    const holder = (Qualifier ?? "function") as "function" | "1" | "live";
    const before = await revisions();
    const { Statement } = await sim.call("AddPermission", { FunctionName, Qualifier, ...permission });
    assert.equal(JSON.parse(Statement ?? "").Resource, Qualifier ? `${arn}:${Qualifier}` : arn);
    const after = await revisions();
    assert.notEqual(after[holder], before[holder]);
    assert.deepEqual({ ...after, [holder]: undefined }, { ...before, [holder]: undefined });

    const { Policy, RevisionId } = await sim.call("GetPolicy", { FunctionName, Qualifier });
    assert.equal(Policy, `{"Version":"2012-10-17","Id":"default","Statement":[${Statement}]}`);
    assert.equal(RevisionId, after[holder]);
    const readWith = holder === "live" ? "GetPolicy" : "GetFunction/GetAlias";
    await assert.rejects(
      sim.call("RemovePermission", { FunctionName, Qualifier, StatementId: "s1", RevisionId: "stale" }),
      awsError(
        "PreconditionFailedException",
        `The Revision Id provided does not match the latest Revision Id. Call the ${readWith} API to retrieve the latest Revision Id`,
      ),
    );
    await sim.call("RemovePermission", { FunctionName, Qualifier, StatementId: "s1", RevisionId });
    await assert.rejects(
      sim.call("GetPolicy", { FunctionName, Qualifier }),
      awsError(notFound, "The resource you requested does not exist."),
    );
    await assert.rejects(
      sim.call("RemovePermission", { FunctionName, Qualifier, StatementId: "s1" }),
      awsError(notFound, "No policy is associated with the given resource."),
    );
  }
});

test("permissions need something to hang on", async () => {
  const sim = simLambda();
  await sim.create(FunctionName);
  const permission = { StatementId: "s1", Action: "lambda:InvokeFunction", Principal: "*" };
  await assert.rejects(
    sim.call("AddPermission", { FunctionName, Qualifier: "$LATEST", ...permission }),
    awsError(invalid, "We currently do not support adding policies for $LATEST."),
  );
  await assert.rejects(
    sim.call("AddPermission", { FunctionName: "gone", ...permission }),
    awsError(notFound, `Function not found: ${arnPrefix}:function:gone`),
  );
  await assert.rejects(
    sim.call("AddPermission", { FunctionName: "thumb:live", ...permission }),
    awsError(notFound, `Function not found: ${arn}:live`),
  );
  await assert.rejects(
    sim.call("RemovePermission", { FunctionName: "gone", StatementId: "s1" }),
    awsError(notFound, `No policy found for: ${arnPrefix}:function:gone`),
  );
});

test("publishing copies no policy", async () => {
  const sim = simLambda();
  await sim.create(FunctionName);
  await sim.call("AddPermission", { FunctionName, StatementId: "s1", Action: "lambda:*", Principal: "*" });
  await sim.call("PublishVersion", { FunctionName });
  await assert.rejects(sim.call("GetPolicy", { FunctionName, Qualifier: "1" }), awsError(notFound));
});

test("aliases through the API: made, read, listed, changed, removed", async () => {
  const sim = simLambda();
  await sim.create(FunctionName, { Publish: true });
  const made = await sim.call("CreateAlias", { FunctionName, Name: "live", FunctionVersion: "1" });
  assert.deepEqual(
    { ...made, RevisionId: "" },
    { AliasArn: `${arn}:live`, Name: "live", FunctionVersion: "1", Description: "", RevisionId: "" },
  );
  assert.deepEqual(await sim.call("GetAlias", { FunctionName, Name: "live" }), made);
  await sim.call("CreateAlias", { FunctionName, Name: "beta", FunctionVersion: "$LATEST" });
  await sim.call("CreateAlias", { FunctionName, Name: "old", FunctionVersion: "1" });
  const names = async (input: { FunctionVersion?: string; MaxItems?: number; Marker?: string }) => {
    const { Aliases, NextMarker } = await sim.call("ListAliases", { FunctionName, ...input });
    return { names: Aliases?.map(({ Name }) => Name), NextMarker };
  };
  assert.deepEqual((await names({})).names, ["beta", "live", "old"]);
  assert.deepEqual((await names({ FunctionVersion: "1" })).names, ["live", "old"]);
  const first = await names({ MaxItems: 2 });
  assert.deepEqual(first.names, ["beta", "live"]);
  const rest = await names({ MaxItems: 2, Marker: first.NextMarker ?? "" });
  assert.deepEqual(rest, { names: ["old"], NextMarker: undefined });

  const changed = await sim.call("UpdateAlias", { FunctionName, Name: "live", Description: "d" });
  assert.equal(changed.Description, "d");
  assert.equal(changed.FunctionVersion, "1");
  await sim.call("DeleteAlias", { FunctionName, Name: "live" });
  await sim.call("DeleteAlias", { FunctionName, Name: "live" });
  await assert.rejects(
    sim.call("GetAlias", { FunctionName, Name: "live" }),
    awsError(notFound, `Cannot find alias arn: ${arn}:live`),
  );
  await assert.rejects(
    sim.call("CreateAlias", { FunctionName: "gone", Name: "live", FunctionVersion: "1" }),
    awsError(notFound, `Function not found: ${arnPrefix}:function:gone:1`),
  );
});

test("tags are merged, removed, bounded, and of functions only", async () => {
  const sim = simLambda();
  await sim.create(FunctionName, { Tags: { a: "1" } });
  const { RevisionId } = await sim.call("GetFunctionConfiguration", { FunctionName });
  await sim.call("TagResource", { Resource: arn, Tags: { b: "2", a: "3" } });
  assert.deepEqual(await sim.call("ListTags", { Resource: arn }), { Tags: { a: "3", b: "2" } });
  await sim.call("UntagResource", { Resource: arn, TagKeys: ["a", "never"] });
  assert.deepEqual(await sim.call("ListTags", { Resource: arn }), { Tags: { b: "2" } });
  const now = await sim.call("GetFunctionConfiguration", { FunctionName });
  assert.equal(now.RevisionId, RevisionId);

  const many = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`k${n}`, "v"]));
  await assert.rejects(
    sim.call("TagResource", { Resource: arn, Tags: many }),
    awsError(invalid, "Number of tags exceeds resource tag limit."),
  );
  await assert.rejects(
    sim.call("TagResource", { Resource: arn, Tags: {} }),
    awsError(invalid, "An error occurred and the request cannot be processed."),
  );
  await assert.rejects(
    sim.call("ListTags", { Resource: `${arn}:live` }),
    awsError(
      invalid,
      "Tags on function aliases and versions are not supported. Please specify a function ARN.",
    ),
  );
  const gone = `${arnPrefix}:function:gone`;
  await assert.rejects(
    sim.call("ListTags", { Resource: gone }),
    awsError(notFound, `Function not found: ${gone}`),
  );
  const mapping = `${arnPrefix}:event-source-mapping:11111111-2222-3333-4444-555555555555`;
  await assert.rejects(
    sim.call("ListTags", { Resource: mapping }),
    awsError(notFound, `Event source mapping not found: ${mapping}`),
  );
});

test("reservations are kept within what the account has, also when made at once", async () => {
  const sim = simLambda();
  for (const name of ["a", "b"]) await sim.create(name);
  const tooMuch = awsError(
    invalid,
    "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].",
  );
  const put = (name: string, ReservedConcurrentExecutions: number) =>
    sim.call("PutFunctionConcurrency", { FunctionName: name, ReservedConcurrentExecutions });
  await assert.rejects(put("a", 901), tooMuch);
  const both = await Promise.allSettled([put("a", 500), put("b", 500)]);
  const lost = both.filter((result) => result.status === "rejected");
  assert.equal(lost.length, 1);
  tooMuch(lost[0]?.reason);
  await put("a", 900);
  assert.deepEqual(await sim.call("GetFunctionConcurrency", { FunctionName: "a" }), {
    ReservedConcurrentExecutions: 900,
  });
  await sim.call("Invoke", { FunctionName: "a" });
  assert.equal(sim.world.orders[0]?.reservedConcurrency, 900);
  assert.equal(sim.world.orders[0]?.unreservedConcurrency, 100);

  const settings = await sim.call("GetAccountSettings", {});
  assert.equal(settings.AccountLimit?.UnreservedConcurrentExecutions, 100);
  await sim.call("DeleteFunctionConcurrency", { FunctionName: "a" });
  await sim.call("DeleteFunctionConcurrency", { FunctionName: "a" });
  assert.deepEqual(await sim.call("GetFunctionConcurrency", { FunctionName: "a" }), {});
  await put("b", 900);
  await sim.call("DeleteFunction", { FunctionName: "b" });
  await put("a", 900);
  await assert.rejects(
    sim.call("PutFunctionConcurrency", {
      FunctionName: `${arnPrefix}:function:a:1`,
      ReservedConcurrentExecutions: 1,
    }),
    awsError(invalid),
  );
});

test("account settings count functions and their code", async () => {
  const sim = simLambda();
  await sim.create("a", { Publish: true });
  await sim.create("bb");
  const { AccountLimit, AccountUsage } = await sim.call("GetAccountSettings", {});
  assert.deepEqual(AccountUsage, {
    TotalCodeSize: 2 * "zip of a".length + "zip of bb".length,
    FunctionCount: 2,
  });
  assert.deepEqual(AccountLimit, {
    TotalCodeSize: 322_122_547_200,
    CodeSizeUnzipped: 262_144_000,
    CodeSizeZipped: 52_428_800,
    ConcurrentExecutions: 1000,
    UnreservedConcurrentExecutions: 1000,
  });
});

test("what Terraform and CDK read of every function is answered", async () => {
  const sim = simLambda();
  await sim.create(FunctionName);
  assert.deepEqual(await sim.call("GetFunctionCodeSigningConfig", { FunctionName }), {
    FunctionName,
    CodeSigningConfigArn: undefined,
  });
  assert.deepEqual(await sim.call("GetRuntimeManagementConfig", { FunctionName }), {
    UpdateRuntimeOn: "Auto",
    FunctionArn: `${arn}:$LATEST`,
  });
  assert.deepEqual(await sim.call("GetFunctionRecursionConfig", { FunctionName }), {
    RecursiveLoop: "Terminate",
  });
  await assert.rejects(
    sim.call("PutRuntimeManagementConfig", { FunctionName, UpdateRuntimeOn: "Manual" }),
    awsError(invalid, "RuntimeVersionArn is required when UpdateRuntimeOn is Manual."),
  );
  await assert.rejects(
    sim.call("GetFunctionEventInvokeConfig", { FunctionName }),
    awsError(notFound, `The function ${arn}:$LATEST doesn't have an EventInvokeConfig`),
  );
  await assert.rejects(
    sim.call("GetFunctionUrlConfig", { FunctionName }),
    awsError(notFound, "The resource you requested does not exist."),
  );
  await assert.rejects(
    sim.call("GetProvisionedConcurrencyConfig", { FunctionName, Qualifier: "$LATEST" }),
    awsError(invalid),
  );
});

test("every operation of the model is answered or refused by name", () => {
  const { operations } = simLambda().lambda;
  const refused = Object.values(operations).filter((operation) => typeof operation !== "function");
  assert.equal(Object.keys(operations).length, 88);
  for (const { notImplemented } of refused) assert.match(notImplemented, /not there yet/);
});

test("functions and aliases may be called as what every object has", async () => {
  const sim = simLambda();
  for (const FunctionName of ["constructor", "__proto__"]) {
    await sim.create(FunctionName);
    await sim.call("PublishVersion", { FunctionName });
    await sim.call("CreateAlias", { FunctionName, Name: FunctionName, FunctionVersion: "1" });
    const alias = { FunctionName, Qualifier: FunctionName };
    const none = awsError("ResourceNotFoundException");
    await assert.rejects(sim.call("GetFunctionUrlConfig", alias), none);
    await assert.rejects(sim.call("GetFunctionEventInvokeConfig", alias), none);
    await assert.rejects(
      sim.call("GetProvisionedConcurrencyConfig", alias),
      awsError("ProvisionedConcurrencyConfigNotFoundException"),
    );
    await sim.call("PutProvisionedConcurrencyConfig", { ...alias, ProvisionedConcurrentExecutions: 10 });
  }
  const { AccountLimit } = await sim.call("GetAccountSettings", {});
  assert.equal(AccountLimit?.UnreservedConcurrentExecutions, 980);
});
