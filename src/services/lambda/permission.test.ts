/** Who may invoke: services that deliver, callers of the API, visitors of URLs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  account,
  arnPrefix,
  awsError,
  bytes,
  region,
  type SimLambda,
  simLambda,
} from "../../../test/harness/lambda-sim.ts";
import { publicUrlPermissions } from "../../../test/harness/public-url.ts";
import type { DeliveryContext } from "../../events/ports.ts";
import type { Identity } from "../../wire/identity.ts";
import type { Input } from "./operation-types.ts";

const FunctionName = "worker";
const functionArn = `${arnPrefix}:function:${FunctionName}`;
const bucketArn = "arn:aws:s3:::pictures";
const stranger = "111122223333";

type Permission = Partial<Input<"AddPermission">>;

async function withFunction(...permissions: readonly Permission[]): Promise<SimLambda> {
  const sim = simLambda();
  await sim.start();
  await sim.create(FunctionName, { Publish: true });
  await sim.call("CreateAlias", { FunctionName, Name: "live", FunctionVersion: "1" });
  await sim.settle();
  for (const [index, permission] of permissions.entries()) {
    const whole = { FunctionName, StatementId: `s${index}`, Action: "lambda:InvokeFunction", Principal: "*" };
    await sim.call("AddPermission", { ...whole, ...permission });
  }
  return sim;
}

const bucket: DeliveryContext = {
  account,
  region,
  principal: "s3.amazonaws.com",
  sourceArn: bucketArn,
  traceHeader: "",
};

/** Whether it was invoked. */
async function delivered(sim: SimLambda, arn: string, sender: DeliveryContext): Promise<boolean> {
  try {
    await sim.lambda.target?.deliver(arn, { body: bytes("{}") }, sender);
  } catch (error) {
    awsError("AccessDeniedException")(error);
    await sim.settle();
    assert.equal(sim.world.orders.length, 0);
    return false;
  }
  await sim.settle();
  assert.equal(sim.world.orders.length, 1);
  return true;
}

const s3 = { Principal: "s3.amazonaws.com" };
const live = { Qualifier: "live" };

for (const [what, permissions, qualifier, sender, isLetIn] of [
  ["a service without a statement", [], "", bucket, false],
  ["a service that is named", [s3], "", bucket, true],
  ["another service", [s3], "", { ...bucket, principal: "sns.amazonaws.com" }, false],
  ["everybody", [{}], "", bucket, true],
  ["the source that is named", [{ ...s3, SourceArn: bucketArn }], "", bucket, true],
  ["another source", [{ ...s3, SourceArn: `${bucketArn}2` }], "", bucket, false],
  ["the account that is named", [{ ...s3, SourceAccount: account }], "", bucket, true],
  ["another account", [{ ...s3, SourceAccount: stranger }], "", bucket, false],
  ["another action", [{ ...s3, Action: "lambda:GetFunction" }], "", bucket, false],
  ["an alias, by its own policy", [{ ...s3, ...live }], ":live", bucket, true],
  ["an alias, by the function's policy", [s3], ":live", bucket, false],
  ["the function, by an alias's policy", [{ ...s3, ...live }], "", bucket, false],
  ["a version, by its own policy", [{ ...s3, Qualifier: "1" }], ":1", bucket, true],
  ["$LATEST, by the function's policy", [s3], ":$LATEST", bucket, true],
  ["a destination, which sends by a role", [], "", { ...bucket, principal: "lambda.amazonaws.com" }, true],
  ["a schedule, which sends by a role", [], "", { ...bucket, principal: "scheduler.amazonaws.com" }, true],
] as const) {
  test(`a delivery is ${isLetIn ? "let in" : "refused"}: ${what}`, async () => {
    const sim = await withFunction(...permissions);
    assert.equal(await delivered(sim, `${functionArn}${qualifier}`, sender), isLetIn);
  });
}

const foreign = {
  account: stranger,
  identity: identityOf(stranger),
};

function identityOf(of: string): Identity {
  return { account: of, accessKey: of, principalArn: `arn:aws:iam::${of}:root`, signed: "header" };
}

for (const [what, permissions, isLetIn] of [
  ["no statement", [], false],
  ["its account", [{ Principal: stranger }], true],
  ["everybody", [{}], true],
  ["another account", [{ Principal: "444455556666" }], false],
  ["a service", [s3], false],
  ["an organisation that it is not in", [{ PrincipalOrgID: "o-aaaaaaaaaa" }], false],
] as const) {
  test(`a caller of another account is ${isLetIn ? "let in" : "refused"}: ${what}`, async () => {
    const sim = await withFunction(...permissions);
    const named = { FunctionName: functionArn };
    const refused = awsError(
      "AccessDeniedException",
      `User: arn:aws:iam::${stranger}:root is not authorized to perform: lambda:InvokeFunction on resource: ${functionArn} because no resource-based policy allows the lambda:InvokeFunction action`,
    );
    for (const call of [
      () => sim.call("Invoke", named, foreign),
      () => sim.call("Invoke", { ...named, InvocationType: "Event" }, foreign),
      () => sim.call("InvokeWithResponseStream", named, foreign),
      () => sim.call("InvokeAsync", { ...named, InvokeArgs: bytes("{}") }, foreign),
    ]) {
      if (isLetIn) await call();
      else await assert.rejects(call, refused);
    }
    await sim.settle();
    assert.equal(sim.world.orders.length, isLetIn ? 4 : 0);
    // What is not there is not told to strangers, and nothing but invoking is anybody else's.
    await assert.rejects(
      sim.call("Invoke", { FunctionName: `${functionArn}2` }, foreign),
      awsError("AccessDeniedException"),
    );
    await assert.rejects(sim.call("GetFunction", named, foreign), awsError("AccessDeniedException"));
  });
}

test("a statement that denies holds for the own account, too", async () => {
  const sim = await withFunction();
  await sim.call("Invoke", { FunctionName });
  const deny = {
    Version: "2012-10-17",
    Statement: [
      { Effect: "Deny", Principal: "*", Action: "lambda:InvokeFunction", Resource: functionArn, Sid: "no" },
    ],
  };
  await sim.call("PutResourcePolicy", { ResourceArn: functionArn, Policy: JSON.stringify(deny) });
  await assert.rejects(sim.call("Invoke", { FunctionName }), awsError("AccessDeniedException"));
  await sim.call("Invoke", { FunctionName, Qualifier: "live" });
});

const [urlAction, urlInvoke] = publicUrlPermissions({ FunctionName });
const iam = { Action: "lambda:InvokeFunctionUrl", FunctionUrlAuthType: "AWS_IAM" } as const;

for (const [what, AuthType, permissions, visitor, status] of [
  ["nobody is let in unless somebody says so", "NONE", [], undefined, 403],
  ["both permissions let anybody in", "NONE", [urlAction, urlInvoke], undefined, 200],
  ["permission for the URL alone is not enough", "NONE", [urlAction], undefined, 403],
  ["permission to invoke alone is not enough", "NONE", [urlInvoke], undefined, 403],
  ["permission for the other type of URL is none", "NONE", [iam, urlInvoke], undefined, 403],
  ["who has not signed is refused", "AWS_IAM", [iam, urlInvoke], undefined, 403],
  ["the own account is let in", "AWS_IAM", [], identityOf(account), 200],
  ["another account needs a statement", "AWS_IAM", [], identityOf(stranger), 403],
  ["another account that has both is let in", "AWS_IAM", [iam, urlInvoke], identityOf(stranger), 200],
] as const) {
  test(`a function URL with ${AuthType}: ${what}`, async () => {
    const named = permissions.map((permission, index) => ({ ...permission, StatementId: `u${index}` }));
    const sim = await withFunction(...named);
    const { FunctionUrl = "" } = await sim.call("CreateFunctionUrlConfig", { FunctionName, AuthType });
    const answer = await sim.lambda.web?.({
      method: "GET",
      host: new URL(FunctionUrl).host,
      path: "/",
      query: "",
      headers: {},
      body: new Uint8Array(),
      remoteAddress: "127.0.0.1",
      requestId: "the-request",
      signer: () => visitor,
    });
    assert.equal(answer?.status, status);
    assert.equal(sim.world.orders.length, status === 200 ? 1 : 0);
  });
}
