import assert from "node:assert/strict";
import { test } from "node:test";
import type { AwsError } from "../../../wire/aws-error.ts";
import type { Caller } from "./function-ref.ts";
import { arnOf, parseFunctionRef, requireLatest, requireUnqualified } from "./function-ref.ts";
import { awsError } from "../../../../test/harness/lambda-sim.ts";

const caller: Caller = {
  account: "123456789012",
  region: "eu-west-1",
  identity: {
    account: "123456789012",
    accessKey: undefined,
    principalArn: "arn:aws:iam::123456789012:root",
    signed: "none",
  },
};
const arn = "arn:aws:lambda:eu-west-1:123456789012:function:thumb";

function parse(name: string, qualifier?: string) {
  return parseFunctionRef({ name, qualifier, action: "GetFunction" }, caller);
}

test("every form of a name names the same function", () => {
  const forms = [
    "thumb",
    "function:thumb",
    "123456789012:thumb",
    "123456789012:function:thumb",
    "eu-west-1:123456789012:function:thumb",
    "arn:aws:lambda:eu-west-1:123456789012:function:thumb",
  ];
  for (const form of forms) {
    assert.deepEqual(parse(form).id, { account: "123456789012", region: "eu-west-1", name: "thumb" }, form);
    assert.equal(parse(form).qualifier, undefined, form);
    if (form !== "thumb") {
      for (const qualifier of ["$LATEST", "7", "live", "$LATEST.PUBLISHED"]) {
        assert.equal(parse(`${form}:${qualifier}`).qualifier, qualifier, form);
        assert.equal(parse(`${form}:${qualifier}`).id.name, "thumb", form);
      }
    }
    assert.equal(parse(form, "live").qualifier, "live", form);
  }
  assert.deepEqual(parse("thumb:live"), { id: parse("thumb").id, qualifier: "live" });
});

test("words that look like parts of an ARN are names", () => {
  assert.equal(parse("function").id.name, "function");
  assert.equal(parse("123456789012").id.name, "123456789012");
  assert.equal(parse("a.b:live").id.name, "a.b");
});

test("a qualifier beside the name must agree with the one in it", () => {
  assert.equal(parse("thumb:live", "live").qualifier, "live");
  assert.equal(parse(`${arn}:7`, "").qualifier, "7");
  const text = "The derived qualifier from the function name does not match the specified qualifier.";
  for (const name of ["thumb:live", `${arn}:7`, "thumb:$LATEST"]) {
    assert.throws(() => parse(name, "1"), awsError("InvalidParameterValueException", text));
  }
});

test("functions of another region are not found, those of another account not permitted", () => {
  assert.throws(
    () => parse("arn:aws:lambda:us-east-1:123456789012:function:thumb"),
    awsError(
      "ResourceNotFoundException",
      "Functions from 'us-east-1' are not reachable in this region ('eu-west-1')",
    ),
  );
  const foreign = "arn:aws:lambda:eu-west-1:210987654321:function:thumb:live";
  const denied = awsError(
    "AccessDeniedException",
    `User: arn:aws:iam::123456789012:root is not authorized to perform: lambda:GetFunction on resource: ${foreign} because no resource-based policy allows the lambda:GetFunction action`,
  );
  assert.throws(() => parse(foreign), denied);
  assert.throws(
    () => parse("210987654321:function:thumb:live"),
    (error: AwsError) => denied(error) && error.status === 403,
  );
});

test("what is no name at all is refused", () => {
  for (const name of [":", "a:b:c", "arn:aws:s3:::bucket", `${arn}:live:7`, "thumb:"]) {
    assert.throws(() => parse(name), awsError("InvalidParameterValueException"), name);
  }
});

test("ARNs carry the partition of their region", () => {
  const id = { account: "123456789012", region: "cn-north-1", name: "thumb" };
  assert.equal(arnOf(id), "arn:aws-cn:lambda:cn-north-1:123456789012:function:thumb");
  assert.equal(arnOf(parse("thumb").id, "live"), `${arn}:live`);
});

test("operations on a whole function refuse qualifiers, those that change $LATEST take it", () => {
  const refused = awsError(
    "InvalidParameterValueException",
    "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.",
  );
  requireUnqualified(parse("thumb"));
  requireLatest(parse("thumb"));
  requireLatest(parse("thumb:$LATEST"));
  assert.throws(() => requireUnqualified(parse("thumb:$LATEST")), refused);
  assert.throws(() => requireUnqualified(parse("thumb:live")), refused);
  assert.throws(() => requireLatest(parse("thumb:7")), refused);
});
