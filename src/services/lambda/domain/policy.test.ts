import assert from "node:assert/strict";
import { test } from "node:test";
import { awsError } from "../../../../test/harness/lambda-sim.ts";
import type { Policy } from "../../../events/resource-policy.ts";
import type { Permission } from "./policy.ts";
import { noPolicy, policyText, statementAdded, statementOf, statementRemoved } from "./policy.ts";

const arn = "arn:aws:lambda:eu-west-1:000000000000:function:thumb";
const permission: Permission = {
  statementId: "s1",
  action: "lambda:InvokeFunction",
  principal: "s3.amazonaws.com",
};

function text(more: Partial<Permission>): string {
  return JSON.stringify(statementOf({ ...permission, ...more }, arn));
}

test("a statement is AWS's JSON, member by member", () => {
  const start = '{"Sid":"s1","Effect":"Allow","Principal":';
  const end = `,"Action":"lambda:InvokeFunction","Resource":"${arn}"`;
  const cases: readonly (readonly [Partial<Permission>, string])[] = [
    [{}, `${start}{"Service":"s3.amazonaws.com"}${end}}`],
    [{ principal: "*" }, `${start}"*"${end}}`],
    [{ principal: "123456789012" }, `${start}{"AWS":"arn:aws:iam::123456789012:root"}${end}}`],
    [
      { principal: "arn:aws:iam::123456789012:user/eve" },
      `${start}{"AWS":"arn:aws:iam::123456789012:user/eve"}${end}}`,
    ],
    [
      { sourceArn: "arn:aws:s3:::pictures" },
      `${start}{"Service":"s3.amazonaws.com"}${end},"Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::pictures"}}}`,
    ],
    [
      { sourceArn: "arn:aws:s3:::pictures", sourceAccount: "123456789012" },
      `${start}{"Service":"s3.amazonaws.com"}${end},"Condition":{"StringEquals":{"AWS:SourceAccount":"123456789012"},"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::pictures"}}}`,
    ],
    [
      { principal: "*", organizationId: "o-a1b2c3d4e5" },
      `${start}"*"${end},"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}}`,
    ],
    [
      { principal: "alexa-appkit.amazon.com", eventSourceToken: "amzn1.ask.skill.x" },
      `${start}{"Service":"alexa-appkit.amazon.com"}${end},"Condition":{"StringEquals":{"lambda:EventSourceToken":"amzn1.ask.skill.x"}}}`,
    ],
    [
      { principal: "*", invokedViaFunctionUrl: true },
      `${start}"*"${end},"Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}}`,
    ],
  ];
  for (const [more, expected] of cases) assert.equal(text(more), expected);
  assert.equal(
    text({ action: "lambda:InvokeFunctionUrl", principal: "*", functionUrlAuthType: "NONE" }),
    `${start}"*","Action":"lambda:InvokeFunctionUrl","Resource":"${arn}","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}}`,
  );
});

test("a principal that is none is refused", () => {
  for (const principal of ["s3", "12345", "arn:aws:s3:::bucket", "s3.example.com", "arn:aws:iam::1:root"]) {
    assert.throws(
      () => text({ principal }),
      awsError(
        "InvalidParameterValueException",
        "The provided principal was invalid. Please check the principal and try again.",
      ),
      principal,
    );
  }
});

test("conditions of function URLs go with their own action only", () => {
  assert.throws(() => text({ functionUrlAuthType: "NONE" }), awsError("InvalidParameterValueException"));
  assert.throws(
    () => text({ action: "lambda:InvokeFunctionUrl", invokedViaFunctionUrl: true }),
    awsError("InvalidParameterValueException"),
  );
});

test("statements are added once and removed by name", () => {
  const one = statementAdded(noPolicy, statementOf(permission, arn));
  const two = statementAdded(one, statementOf({ ...permission, statementId: "s2" }, arn));
  assert.match(policyText(two), /^\{"Version":"2012-10-17","Id":"default","Statement":\[\{"Sid":"s1",/);
  assert.throws(
    () => statementAdded(two, statementOf(permission, arn)),
    awsError(
      "ResourceConflictException",
      "The statement id (s1) provided already exists. Please provide a new statement id, or remove the existing statement.",
    ),
  );
  assert.deepEqual(
    statementRemoved(two, "s1").Statement.map(({ Sid }) => Sid),
    ["s2"],
  );
  assert.throws(
    () => statementRemoved(two, "s9"),
    awsError("ResourceNotFoundException", "Statement s9 is not found in resource policy."),
  );
  assert.throws(
    () => statementRemoved(noPolicy, "s1"),
    awsError("ResourceNotFoundException", "No policy is associated with the given resource."),
  );
});

test("a policy ends at 20 KB", () => {
  let policy: Policy = noPolicy;
  assert.throws(() => {
    for (let number = 0; number < 200; number += 1) {
      policy = statementAdded(policy, statementOf({ ...permission, statementId: `s${number}` }, arn));
    }
  }, awsError("PolicyLengthExceededException"));
  assert.ok(Buffer.byteLength(policyText(policy)) <= 20_480);
  assert.ok(policy.Statement.length > 50, `${policy.Statement.length} statements fit`);
});
