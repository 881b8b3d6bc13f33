import assert from "node:assert/strict";
import { test } from "node:test";
import { account, arnPrefix, awsError, simLambda } from "../../../../test/harness/lambda-sim.ts";

const FunctionName = "thumb";
const arn = `${arnPrefix}:function:thumb`;
const notFound = "ResourceNotFoundException";
const permission = { StatementId: "s1", Action: "lambda:InvokeFunction", Principal: "s3.amazonaws.com" };

function document(Resource: string, Sid = "mine"): string {
  const Statement = [{ Sid, Effect: "Allow", Principal: "*", Action: "lambda:InvokeFunction", Resource }];
  return JSON.stringify({ Version: "2012-10-17", Statement });
}

async function arranged() {
  const sim = simLambda();
  await sim.create(FunctionName, { Publish: true });
  await sim.call("CreateAlias", { FunctionName, Name: "live", FunctionVersion: "1" });
  return sim;
}

test("a whole policy replaces what is there, on a function, a version and an alias each for itself", async () => {
  const sim = await arranged();
  for (const Qualifier of [undefined, "1", "live"]) {
    const ResourceArn = Qualifier ? `${arn}:${Qualifier}` : arn;
    await assert.rejects(
      sim.call("GetResourcePolicy", { ResourceArn }),
      awsError(notFound, "The resource you requested does not exist."),
    );
    await sim.call("AddPermission", { FunctionName, Qualifier, ...permission });
    const Policy = document(ResourceArn);
    const put = await sim.call("PutResourcePolicy", { ResourceArn, Policy });
    assert.equal(put.Policy, Policy);
    assert.deepEqual(await sim.call("GetResourcePolicy", { ResourceArn }), put);
    assert.deepEqual(await sim.call("GetPolicy", { FunctionName, Qualifier }), put, "one and the same");
    await sim.call("AddPermission", { FunctionName, Qualifier, ...permission });
    const { Policy: both = "" } = await sim.call("GetResourcePolicy", { ResourceArn });
    assert.deepEqual(
      JSON.parse(both).Statement.map(({ Sid }: { Sid: string }) => Sid),
      ["mine", "s1"],
    );
    await sim.call("RemovePermission", { FunctionName, Qualifier, StatementId: "mine" });
    await sim.call("DeleteResourcePolicy", { ResourceArn });
    await assert.rejects(
      sim.call("DeleteResourcePolicy", { ResourceArn }),
      awsError(notFound, "No policy is associated with the given resource."),
    );
    await assert.rejects(sim.call("GetPolicy", { FunctionName, Qualifier }), awsError(notFound));
  }
});

test("a stale revision id replaces and removes nothing", async () => {
  const sim = await arranged();
  const Policy = document(arn);
  const first = await sim.call("PutResourcePolicy", { ResourceArn: arn, Policy });
  const second = await sim.call("PutResourcePolicy", {
    ResourceArn: arn,
    Policy: document(arn, "second"),
    RevisionId: first.RevisionId,
  });
  assert.notEqual(second.RevisionId, first.RevisionId);
  const stale = awsError(
    "PreconditionFailedException",
    "The Revision Id provided does not match the latest Revision Id. Call the GetResourcePolicy API to retrieve the latest Revision Id",
  );
  const { RevisionId } = first;
  await assert.rejects(sim.call("PutResourcePolicy", { ResourceArn: arn, Policy, RevisionId }), stale);
  await assert.rejects(sim.call("DeleteResourcePolicy", { ResourceArn: arn, RevisionId }), stale);
  assert.deepEqual(await sim.call("GetResourcePolicy", { ResourceArn: arn }), second);
  const shown = await sim.call("GetFunctionConfiguration", { FunctionName });
  assert.equal(shown.RevisionId, second.RevisionId, "it is the function's own");
});

test("a policy on what is not there, not here, or $LATEST is refused", async () => {
  const sim = await arranged();
  const cases: readonly (readonly [string, (error: unknown) => true])[] = [
    [`${arnPrefix}:function:gone`, awsError(notFound, `Function not found: ${arnPrefix}:function:gone`)],
    [`${arn}:9`, awsError(notFound, `Function not found: ${arn}:9`)],
    [
      `${arn}:$LATEST`,
      awsError("InvalidParameterValueException", "We currently do not support adding policies for $LATEST."),
    ],
    [
      arn.replace("eu-west-1", "us-east-1"),
      awsError(notFound, "Functions from 'us-east-1' are not reachable in this region ('eu-west-1')"),
    ],
    [arn.replace(account, "111122223333"), awsError("AccessDeniedException")],
  ];
  for (const [ResourceArn, refused] of cases) {
    const Policy = document(ResourceArn);
    await assert.rejects(sim.call("PutResourcePolicy", { ResourceArn, Policy }), refused);
    await assert.rejects(sim.call("DeleteResourcePolicy", { ResourceArn }), refused);
  }
});

test("an account's root is in the partition of the function's region", async () => {
  const sim = simLambda();
  const region = "cn-north-1";
  const named = { FunctionName, ...permission, Principal: "111122223333" };
  const code = {
    Runtime: "nodejs22.x",
    Handler: "i.h",
    Role: "arn:aws-cn:iam::000000000000:role/any",
  } as const;
  await sim.call(
    "CreateFunction",
    { FunctionName, ...code, Code: { ZipFile: Buffer.from("zip") } },
    { region },
  );
  const { Statement = "" } = await sim.call("AddPermission", named, { region });
  assert.deepEqual(JSON.parse(Statement).Principal, { AWS: "arn:aws-cn:iam::111122223333:root" });
  assert.equal(JSON.parse(Statement).Resource, `arn:aws-cn:lambda:${region}:${account}:function:thumb`);
});
