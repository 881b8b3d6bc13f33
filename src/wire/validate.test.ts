import assert from "node:assert/strict";
import { test } from "node:test";
import { patternValueLengthMax, violationsMax, violationValueLengthMax } from "../limits.ts";
import { loadModel } from "./model-load.ts";
import type { Operation } from "./model.ts";
import type { Structure } from "./protocol.ts";
import { validate, validationMessage } from "./validate.ts";

function operation(service: string, name: string): Operation {
  const found = loadModel(service).operations.get(name);
  assert.ok(found, `${service} has ${name}`);
  return found;
}

/** The input is wrong in the case's own member only. */
const functionName = { FunctionName: "f" };
const functionArn = "arn:aws:lambda:us-east-1:000000000000:function:f";
const role = "arn:aws:iam::000000000000:role/r";
const create = { FunctionName: "f", Role: role, Code: {} };

interface Case {
  readonly call: readonly [service: string, operation: string];
  readonly input: Structure;
  /** Of one violation, after "1 validation error detected: ". */
  readonly message: string;
}

const region = String.raw`(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}`;

/** Forms that lambda-map 2.1 has from AWS, filled with values of our own. */
const recorded: Readonly<Record<string, Case>> = {
  "a required member that is missing": {
    call: ["lambda", "UntagResource"],
    input: { Resource: functionArn },
    message: "Value null at 'tagKeys' failed to satisfy constraint: Member must not be null",
  },
  "a number above its maximum": {
    call: ["lambda", "UpdateFunctionConfiguration"],
    input: { ...functionName, MemorySize: 32_769 },
    message:
      "Value '32769' at 'memorySize' failed to satisfy constraint: Member must have value less than or equal to 32768",
  },
  "a number below its minimum": {
    call: ["lambda", "UpdateFunctionConfiguration"],
    input: { ...functionName, Timeout: 0 },
    message:
      "Value '0' at 'timeout' failed to satisfy constraint: Member must have value greater than or equal to 1",
  },
  "a string that is too long": {
    call: ["lambda", "UpdateFunctionConfiguration"],
    input: { ...functionName, Description: "d".repeat(257) },
    message: `Value '${"d".repeat(257)}' at 'description' failed to satisfy constraint: Member must have length less than or equal to 256`,
  },
  "a string that is too short": {
    call: ["lambda", "UpdateFunctionCode"],
    input: { ...functionName, S3Key: "" },
    message:
      "Value '' at 's3Key' failed to satisfy constraint: Member must have length greater than or equal to 1",
  },
  "a string against its pattern": {
    call: ["lambda", "GetFunction"],
    input: { FunctionName: "a b" },
    message: String.raw`Value 'a b' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?(${region}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?`,
  },
  "a value outside its set, which prints in AWS's order": {
    call: ["lambda", "CreateFunctionUrlConfig"],
    input: { ...functionName, AuthType: "NONE", InvokeMode: "UNKNOWN" },
    message:
      "Value 'UNKNOWN' at 'invokeMode' failed to satisfy constraint: Member must satisfy enum value set: [RESPONSE_STREAM, BUFFERED]",
  },
  "the set of recursion modes": {
    call: ["lambda", "PutFunctionRecursionConfig"],
    input: { ...functionName, RecursiveLoop: "x" },
    message:
      "Value 'x' at 'recursiveLoop' failed to satisfy constraint: Member must satisfy enum value set: [Terminate, Allow]",
  },
  "the set of starting positions": {
    call: ["lambda", "CreateEventSourceMapping"],
    input: { ...functionName, StartingPosition: "x" },
    message:
      "Value 'x' at 'startingPosition' failed to satisfy constraint: Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]",
  },
  "the set of snapshot points, in a structure": {
    call: ["lambda", "CreateFunction"],
    input: { ...create, SnapStart: { ApplyOn: "x" } },
    message:
      "Value 'x' at 'snapStart.applyOn' failed to satisfy constraint: Member must satisfy enum value set: [PublishedVersions, None]",
  },
  "the set of function versions": {
    call: ["lambda", "ListFunctions"],
    input: { FunctionVersion: "x" },
    message:
      "Value 'x' at 'functionVersion' failed to satisfy constraint: Member must satisfy enum value set: [ALL]",
  },
  "a nested path": {
    call: ["lambda", "PutFunctionEventInvokeConfig"],
    input: { ...functionName, DestinationConfig: { OnFailure: { Destination: "x" } } },
    message: String.raw`Value 'x' at 'destinationConfig.onFailure.destination' failed to satisfy constraint: Member must satisfy regular expression pattern: $|kafka://([^.]([a-zA-Z0-9\-_.]{0,248}))|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:(${region})?:(\d{12})?:(.*)`,
  },
  "a list's length": {
    call: ["lambda", "CreateFunction"],
    input: { ...create, Architectures: ["x86_64", "arm64"] },
    message:
      "Value '[x86_64, arm64]' at 'architectures' failed to satisfy constraint: Member must have length less than or equal to 1",
  },
  "a list of wrong scalars, with every rule of an element": {
    call: ["lambda", "UpdateFunctionConfiguration"],
    input: { ...functionName, Layers: [`${functionArn}:1`, "b"] },
    message: String.raw`Value '[${functionArn}:1, b]' at 'layers' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 2048, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: ((arn:(aws[a-zA-Z-]*)?:lambda:${region}:\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)), Member must not be null]`,
  },
  "a list inside a structure": {
    call: ["lambda", "UpdateFunctionConfiguration"],
    input: { ...functionName, VpcConfig: { SubnetIds: ["subnet-1", "net"] } },
    message:
      "Value '[subnet-1, net]' at 'vpcConfig.subnetIds' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 0, Member must satisfy regular expression pattern: subnet-[0-9a-z]*, Member must not be null]",
  },
  "a map's wrong key": {
    call: ["lambda", "UpdateAlias"],
    input: { ...functionName, Name: "live", RoutingConfig: { AdditionalVersionWeights: { $LATEST: 0.5 } } },
    message:
      "Value '{$LATEST=0.5}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+, Member must not be null]",
  },
  "a map's wrong value, a double": {
    call: ["lambda", "UpdateAlias"],
    input: { ...functionName, Name: "live", RoutingConfig: { AdditionalVersionWeights: { "2": 2 } } },
    message:
      "Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]",
  },
  "the limit of a page of log events": {
    call: ["cloudwatch-logs", "GetLogEvents"],
    input: { logStreamName: "s", logGroupName: "g", limit: 10_001 },
    message:
      "Value '10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000",
  },
};

const inferred: Readonly<Record<string, Case>> = {
  "a sensitive value, which is left out": {
    call: ["lambda", "UpdateFunctionConfiguration"],
    input: { ...functionName, Environment: { Variables: { "1": "secret" } } },
    message:
      "Value at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+, Member must not be null]",
  },
  "a structure in a list": {
    call: ["iam", "CreatePolicy"],
    input: { PolicyName: "p", PolicyDocument: "{}", Tags: [{ Key: "k", Value: "v" }, { Key: "k" }] },
    message: "Value null at 'tags.2.member.value' failed to satisfy constraint: Member must not be null",
  },
  "a structure in a map": {
    call: ["dynamodb", "BatchGetItem"],
    input: { RequestItems: { users: { Keys: [] } } },
    message:
      "Value '[]' at 'requestItems.users.member.keys' failed to satisfy constraint: Member must have length greater than or equal to 1",
  },
  "an acronym, of which only the first letter changes": {
    call: ["lambda", "UpdateFunctionConfiguration"],
    input: { ...functionName, KMSKeyArn: "k" },
    message:
      "Value 'k' at 'kMSKeyArn' failed to satisfy constraint: Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()",
  },
  "null in a list": {
    call: ["lambda", "UntagResource"],
    input: { Resource: functionArn, TagKeys: [null] },
    message: String.raw`Value '[null]' at 'tagKeys' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: ([\p{L}\p{Z}\p{N}_.:/=+\-@]*), Member must not be null]`,
  },
  "bytes that are too many": {
    call: ["kms", "Encrypt"],
    input: { KeyId: "k", Plaintext: new Uint8Array(4097) },
    message:
      "Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4096",
  },
};

for (const [provenance, cases] of Object.entries({ "recorded form": recorded, inferred }))
  for (const [name, { call, input, message }] of Object.entries(cases))
    test(`${name} is worded as AWS words it (${provenance})`, () => {
      const text = validationMessage(validate(operation(...call), input));
      assert.equal(text, `1 validation error detected: ${message}`);
    });

test("structures in a list print as AWS prints them (recorded)", () => {
  const entry = { Source: "s", DetailType: "t", Detail: "{}" };
  const message = validationMessage(
    validate(operation("eventbridge", "PutEvents"), { Entries: Array.from({ length: 11 }, () => entry) }),
  );
  const printed =
    "PutEventsRequestEntry(time=null, source=s, resources=null, detailType=t, detail={}, eventBusName=null, traceHeader=null)";
  assert.equal(
    message,
    `1 validation error detected: Value '[${Array(11).fill(printed).join(", ")}]' at 'entries' failed to satisfy constraint: Member must have length less than or equal to 10`,
  );
});

test("a wrong qualifier is reported before a wrong function name, and two errors are plural (recorded)", () => {
  const violations = validate(operation("lambda", "GetFunction"), { FunctionName: "a b", Qualifier: "c d" });
  assert.deepEqual(
    violations.map(({ path }) => path),
    ["qualifier", "functionName"],
  );
  assert.match(
    validationMessage(violations) ?? "",
    /^2 validation errors detected: Value 'c d' at 'qualifier' failed .*; Value 'a b' at 'functionName' failed /,
  );
});

test("what is valid has no violations and no message", () => {
  const calls: readonly (readonly [string, string, Structure])[] = [
    ["lambda", "Invoke", { FunctionName: functionArn, Payload: new Uint8Array(9), InvocationType: "Event" }],
    [
      "lambda",
      "CreateFunction",
      { ...create, Runtime: "nodejs99.x", Tags: { a: "" }, Layers: [], KMSKeyArn: "" },
    ],
    ["sqs", "SendMessage", { QueueUrl: "u", MessageBody: "b" }],
    ["dynamodb", "PutItem", { TableName: "t", Item: { id: { M: { x: { L: [{ S: "" }] } } } } }],
    ["s3", "PutObject", { Bucket: "b", Key: "k", Body: (async function* () {})() }],
  ];
  for (const [service, name, input] of calls) {
    const violations = validate(operation(service, name), input);
    assert.deepEqual(violations, [], `${service} ${name}`);
    assert.equal(validationMessage(violations), undefined);
  }
});

test("a string's length counts code points", () => {
  const describe = operation("lambda", "UpdateFunctionConfiguration");
  const lengthOf = (count: number): number =>
    validate(describe, { ...functionName, Description: "😀".repeat(count) }).length;
  assert.deepEqual([lengthOf(256), lengthOf(257), lengthOf(1000)], [0, 1, 1]);
  const bucket = validate(operation("lambda", "UpdateFunctionCode"), { ...functionName, S3Bucket: "😀😀" });
  assert.equal(bucket[0]?.constraint, "Member must have length greater than or equal to 3");
});

test("one value can break several rules, in the order at most, at least, pattern", () => {
  const paths = validate(operation("lambda", "GetFunction"), { FunctionName: " ".repeat(257) });
  assert.deepEqual(
    paths.map(({ constraint }) => constraint.replace(/(pattern): .*/, "$1")),
    ["Member must have length less than or equal to 256", "Member must satisfy regular expression pattern"],
  );
});

test("hostile inputs are bounded: in violations, in printed length, in text given to patterns", () => {
  const many = validate(operation("iam", "CreatePolicy"), {
    PolicyName: "p",
    PolicyDocument: "{}",
    Tags: Array.from({ length: violationsMax * 3 }, () => ({})),
  });
  assert.ok(many.length >= violationsMax && many.length <= violationsMax + 3, String(many.length));
  const long = " ".repeat(patternValueLengthMax + 1);
  const tooLong = validate(operation("lambda", "GetFunction"), { FunctionName: long });
  assert.deepEqual(
    tooLong.map(({ constraint }) => constraint),
    ["Member must have length less than or equal to 256"],
  );
  const huge = validate(operation("lambda", "GetFunction"), { FunctionName: "x".repeat(1024 * 1024) });
  assert.equal(huge[0]?.value.length, violationValueLengthMax + "'…'".length);
});

test("sensitive values inside others are masked", () => {
  const logins = Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`p${index}`, "secret"]));
  const [violation] = validate(operation("cognito-identity", "GetId"), {
    IdentityPoolId: "us-east-1:a",
    Logins: logins,
  });
  assert.match(violation?.value ?? "", /^'\{p0=\*\*\*Sensitive Data Redacted\*\*\*, p1=/);
  assert.doesNotMatch(violation?.value ?? "", /secret/);
});

test("values of a type that is not the model's are not looked at", () => {
  const input = { FunctionName: 7, Layers: "x", VpcConfig: "y", MemorySize: "1", Tags: null };
  assert.deepEqual(validate(operation("lambda", "UpdateFunctionConfiguration"), input), []);
});
