import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { AccessRequest, Policy, Statement } from "../../../events/resource-policy.ts";
import { isConditionOperator } from "../../../events/policy-conditions.ts";
import { isAllowed } from "../../../events/resource-policy.ts";
import type { Permission } from "./policy.ts";
import { noPolicy, statementAdded, statementOf } from "./policy.ts";

const resource = "arn:aws:lambda:eu-west-1:000000000000:function:thumb";
const invoke = "lambda:InvokeFunction";
const bucket = "arn:aws:s3:::pictures";
const s3 = { kind: "service", service: "s3.amazonaws.com" } as const;
const eve = { kind: "account", account: "111122223333", arn: "arn:aws:iam::111122223333:user/eve" } as const;
const fromS3: AccessRequest = {
  principal: s3,
  action: invoke,
  resource,
  sourceArn: bucket,
  sourceAccount: "000000000000",
};

function permitting(permission: Partial<Permission>): Policy {
  return statementAdded(
    noPolicy,
    statementOf({ statementId: "s", action: invoke, principal: "s3.amazonaws.com", ...permission }, resource),
  );
}

function document(...statements: Partial<Statement>[]): Policy {
  const plain: Statement = { Effect: "Allow", Principal: "*", Action: invoke, Resource: resource };
  return { ...noPolicy, Statement: statements.map((statement) => Object.assign({}, plain, statement)) };
}

test("what AddPermission grants is granted to those it names, and to nobody else", () => {
  const anyone = { ...fromS3, principal: { kind: "anonymous" } } as const;
  const user = { ...fromS3, principal: eve };
  const sessionArn = "arn:aws:sts::111122223333:assumed-role/Builder/me";
  const session = { principal: { kind: "account", account: "111122223333", arn: sessionArn } } as const;
  const cases: readonly (readonly [Partial<Permission>, Partial<AccessRequest>, boolean])[] = [
    [{}, {}, true],
    [{}, { principal: { kind: "service", service: "sns.amazonaws.com" } }, false],
    [{}, { action: "lambda:GetFunction" }, false],
    [{}, { resource: `${resource}:live` }, false],
    [{}, user, false],
    [{ action: "lambda:*" }, {}, true],
    [{ action: "*" }, {}, true],
    [{ sourceArn: bucket }, {}, true],
    [{ sourceArn: bucket }, { sourceArn: "arn:aws:s3:::other" }, false],
    [{ sourceArn: bucket }, { sourceArn: undefined }, false],
    [{ sourceArn: "arn:aws:s3:::pic*" }, {}, true],
    [{ sourceAccount: "000000000000" }, {}, true],
    [{ sourceAccount: "111122223333" }, {}, false],
    [{ sourceAccount: "111122223333", sourceArn: bucket }, {}, false],
    [{ principal: "111122223333" }, user, true],
    [{ principal: "arn:aws:iam::111122223333:root" }, user, true],
    [{ principal: "arn:aws:iam::111122223333:user/eve" }, user, true],
    [{ principal: "arn:aws:iam::111122223333:user/adam" }, user, false],
    [{ principal: "arn:aws:iam::111122223333:role/deep/Builder" }, session, true],
    [{ principal: "arn:aws:iam::111122223333:role/Builder" }, session, true],
    [{ principal: session.principal.arn }, session, true],
    [{ principal: "arn:aws:iam::111122223333:role/Other" }, session, false],
    [{ principal: "arn:aws:iam::444455556666:role/Builder" }, session, false],
    [{ principal: "arn:aws:iam::111122223333:user/Builder" }, session, false],
    [{ principal: "111122223333" }, session, true],
    [{ principal: "444455556666" }, user, false],
    [{ principal: "111122223333" }, {}, false],
    [{ principal: "*" }, anyone, true],
    [{ principal: "*" }, {}, true],
    [{ principal: "111122223333" }, anyone, false],
    [{ principal: "*", organizationId: "o-a1b2c3d4e5" }, user, false],
    [{ principal: "*", organizationId: "o-a1b2c3d4e5" }, { ...user, organizationId: "o-a1b2c3d4e5" }, true],
    [{ principal: "*", invokedViaFunctionUrl: true }, { ...anyone, invokedViaFunctionUrl: true }, true],
    [{ principal: "*", invokedViaFunctionUrl: true }, anyone, false],
    [{ eventSourceToken: "t" }, { eventSourceToken: "t" }, true],
    [{ eventSourceToken: "t" }, { eventSourceToken: "u" }, false],
  ];
  for (const [permission, request, expected] of cases) {
    const allowed = isAllowed(permitting(permission), { ...fromS3, ...request });
    assert.equal(allowed, expected, JSON.stringify([permission, request]));
  }
  const url = { action: "lambda:InvokeFunctionUrl", principal: "*", functionUrlAuthType: "NONE" };
  const call = { ...anyone, action: "lambda:InvokeFunctionUrl" };
  assert.equal(isAllowed(permitting(url), { ...call, functionUrlAuthType: "NONE" }), true);
  assert.equal(isAllowed(permitting(url), { ...call, functionUrlAuthType: "AWS_IAM" }), false);
});

test("without a policy nobody is let in, and a denial wins over everything", () => {
  assert.equal(isAllowed(noPolicy, fromS3), false);
  assert.equal(isAllowed(document({}), fromS3), true);
  assert.equal(isAllowed(document({}, { Effect: "Deny" }), fromS3), false);
  assert.equal(isAllowed(document({ Effect: "Deny" }), fromS3), false);
  const elsewhere: Partial<Statement> = {
    Effect: "Deny",
    Condition: { StringNotEquals: { "aws:SourceAccount": "000000000000" } },
  };
  assert.equal(isAllowed(document({}, elsewhere), fromS3), true);
  assert.equal(isAllowed(document({}, elsewhere), { ...fromS3, sourceAccount: "111122223333" }), false);
  assert.equal(isAllowed(document({}, elsewhere), { ...fromS3, sourceAccount: undefined }), false);
});

test("condition operators are IAM's", () => {
  const key = "aws:SourceArn";
  const rule = "arn:aws:events:eu-west-1:000000000000:rule/bus/nightly";
  const cases: readonly (readonly [string, string | string[] | boolean, string | undefined, boolean])[] = [
    ["StringEquals", [bucket, rule], rule, true],
    ["StringEquals", bucket.toUpperCase(), bucket, false],
    ["StringEqualsIgnoreCase", bucket.toUpperCase(), bucket, true],
    ["StringEquals", "arn:*", bucket, false],
    ["StringLike", "arn:*", bucket, true],
    ["StringLike", "arn:aws:s3:::picture?", bucket, true],
    ["StringLike", "arn:aws:s3:::picture??", bucket, false],
    ["StringNotLike", "arn:aws:s3:*", bucket, false],
    ["StringNotLike", "arn:aws:s3:*", undefined, true],
    ["ArnLike", "arn:aws:events:*:*:rule/bus/*", rule, true],
    ["ArnEquals", "arn:aws:events:*:*:rule/bus/*", rule, true],
    ["ArnLike", "arn:aws:events:*:rule/bus/*", rule, false],
    ["ArnNotLike", "arn:aws:events:*:*:rule/bus/*", rule, false],
    ["ArnLikeIfExists", bucket, undefined, true],
    ["ArnLikeIfExists", bucket, rule, false],
    ["Null", "true", undefined, true],
    ["Null", true, rule, false],
    ["Null", "false", rule, true],
    ["DateEquals", bucket, bucket, false],
  ];
  for (const [operator, wanted, sourceArn, expected] of cases) {
    const policy = document({ Condition: { [operator]: { [key]: wanted } } });
    const allowed = isAllowed(policy, { ...fromS3, sourceArn });
    assert.equal(allowed, expected, JSON.stringify([operator, wanted, sourceArn]));
  }
  assert.equal(isConditionOperator("ArnLikeIfExists"), true);
  assert.equal(isConditionOperator("IpAddress"), false);
  assert.equal(isConditionOperator("constructor"), false);
});

test("patterns agree with regular expressions, however many stars they have", () => {
  const pieces = fc.array(fc.constantFrom("a", "b", ":", ".", "*", "?"), { maxLength: 12 });
  const texts = fc.array(fc.constantFrom("a", "b", ":", "."), { maxLength: 12 });
  const wild = new Map([
    ["*", ".*"],
    ["?", "."],
    [".", "\\."],
  ]);
  fc.assert(
    fc.property(pieces, texts, (pattern, letters) => {
      const text = letters.join("");
      const source = pattern.map((piece) => wild.get(piece) ?? piece).join("");
      const policy = document({ Condition: { StringLike: { "aws:SourceArn": pattern.join("") } } });
      const allowed = isAllowed(policy, { ...fromS3, sourceArn: text });
      assert.equal(allowed, new RegExp(`^${source}$`, "s").test(text), `${pattern.join("")} on ${text}`);
    }),
    { numRuns: 500 },
  );
});
