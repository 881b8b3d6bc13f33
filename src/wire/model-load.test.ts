import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConstraintsJson, ServiceJson } from "./model-json.ts";
import { loadModel, resolveModel } from "./model-load.ts";
import type { Operation, Shape } from "./model.ts";

function operation(service: string, name: string): Operation {
  const found = loadModel(service).operations.get(name);
  assert.ok(found, `${service} has ${name}`);
  return found;
}

function shapeAt(shape: Shape, ...path: readonly string[]): Shape {
  const [name, ...rest] = path;
  if (name === undefined) return shape;
  const member = name === "[]" ? shape.element : shape.memberByName.get(name);
  assert.ok(member, `${shape.name} has ${name}`);
  return shapeAt(member.shape, ...rest);
}

test("a model is loaded once, and only if it exists", () => {
  assert.equal(loadModel("lambda"), loadModel("lambda"));
  assert.throws(() => loadModel("../package"), /there is a model called \.\.\/package/);
});

test("a service says how it is addressed", () => {
  const { serviceId, apiVersion, signingName, endpointPrefix, targetPrefix, protocols } =
    loadModel("dynamodb-streams");
  assert.deepEqual(
    { serviceId, apiVersion, signingName, endpointPrefix, targetPrefix, protocols },
    {
      serviceId: "DynamoDB Streams",
      apiVersion: "2012-08-10",
      signingName: "dynamodb",
      endpointPrefix: "streams.dynamodb",
      targetPrefix: "DynamoDBStreams_20120810",
      protocols: ["awsJson1_0"],
    },
  );
  assert.equal(loadModel("sqs").queryCompatible, true);
  assert.equal(loadModel("sqs").xmlNamespace, "http://queue.amazonaws.com/doc/2012-11-05/");
  assert.equal(loadModel("lambda").queryCompatible, false);
  assert.deepEqual(loadModel("cloudwatch").protocols, ["awsJson1_0", "awsQuery", "rpcv2Cbor"]);
});

test("Invoke has its route, bindings, required members and errors", () => {
  const invoke = operation("lambda", "Invoke");
  assert.deepEqual(invoke.http, {
    method: "POST",
    uri: "/2015-03-31/functions/{FunctionName}/invocations",
    status: 200,
  });
  assert.deepEqual(
    invoke.input.members.map(({ name, required, binding }) => [name, required, binding]),
    [
      ["FunctionName", true, { in: "label", greedy: false }],
      ["InvocationType", false, { in: "header", name: "X-Amz-Invocation-Type" }],
      ["LogType", false, { in: "header", name: "X-Amz-Log-Type" }],
      ["ClientContext", false, { in: "header", name: "X-Amz-Client-Context" }],
      ["DurableExecutionName", false, { in: "header", name: "X-Amz-Durable-Execution-Name" }],
      ["Payload", false, { in: "payload" }],
      ["Qualifier", false, { in: "query", name: "Qualifier" }],
      ["TenantId", false, { in: "header", name: "X-Amz-Tenant-Id" }],
    ],
  );
  assert.equal(invoke.output.memberByName.get("StatusCode")?.binding.in, "status");
  assert.ok(invoke.errors.includes("TooManyRequestsException"));
  assert.equal(invoke.noAuth, false);
});

test("members keep the traits that codecs need", () => {
  const putObject = operation("s3", "PutObject").input;
  assert.deepEqual(putObject.memberByName.get("Key")?.binding, { in: "label", greedy: true });
  assert.deepEqual(putObject.memberByName.get("Metadata")?.binding, {
    in: "prefix-headers",
    prefix: "x-amz-meta-",
  });
  assert.equal(shapeAt(putObject, "Body").traits.streaming, true);
  assert.equal(operation("s3", "DeleteObjects").output.traits.xmlName, "DeleteResult");
  assert.deepEqual(
    shapeAt(operation("s3", "GetObjectAcl").output, "Grants", "[]", "Grantee").memberByName.get("Type")
      ?.traits,
    {
      xmlName: "xsi:type",
      xmlAttribute: true,
    },
  );
  const receive = shapeAt(operation("sqs", "ReceiveMessage").output, "Messages");
  assert.equal(receive.kind, "list");
  assert.equal(
    operation("sqs", "ReceiveMessage").output.memberByName.get("Messages")?.traits.xmlFlattened,
    true,
  );
  assert.equal(operation("apigatewayv2", "CreateApi").input.memberByName.get("Name")?.jsonName, "name");
  assert.equal(operation("cloudwatch-logs", "StartLiveTail").hostPrefix, "stream-");
  assert.equal(operation("sts", "AssumeRoleWithWebIdentity").noAuth, true);
  assert.equal(operation("sns", "ConfirmSubscription").noAuth, true, "by override");
  assert.equal(operation("sns", "Publish").noAuth, false);
  assert.equal(operation("api-gateway", "DeleteApiKey").output.kind, "unit");
});

test("streams, timestamps and sensitive shapes are told apart", () => {
  const events = shapeAt(operation("lambda", "InvokeWithResponseStream").output, "EventStream");
  assert.equal(events.isEventStream, true);
  assert.equal(shapeAt(events, "PayloadChunk").memberByName.get("Payload")?.traits.eventPayload, true);
  const scheduled = shapeAt(operation("s3", "CopyObject").output, "CopyObjectResult", "LastModified");
  assert.deepEqual([scheduled.kind, scheduled.traits.timestampFormat], ["timestamp", undefined]);
  const expires = shapeAt(operation("apigatewayv2", "CreateApi").output, "CreatedDate");
  assert.equal(expires.traits.timestampFormat, "date-time");
  assert.equal(
    shapeAt(operation("lambda", "CreateFunction").input, "Code", "ZipFile").traits.sensitive,
    true,
  );
});

test("recursive shapes resolve to themselves", () => {
  const attribute = shapeAt(operation("dynamodb", "PutItem").input, "Item", "[]");
  assert.equal(attribute.kind, "union");
  assert.equal(shapeAt(attribute, "L", "[]"), attribute);
  assert.equal(shapeAt(attribute, "M", "[]"), attribute);
});

test("errors know whose fault they are, their status and their old code", () => {
  assert.deepEqual(loadModel("lambda").errors.get("TooManyRequestsException")?.error, {
    fault: "client",
    status: 429,
    queryCode: undefined,
  });
  assert.equal(loadModel("lambda").errors.get("ServiceException")?.error?.fault, "server");
  assert.deepEqual(loadModel("sqs").errors.get("QueueDoesNotExist")?.error, {
    fault: "client",
    status: 400,
    queryCode: "AWS.SimpleQueueService.NonExistentQueue",
  });
  assert.equal(loadModel("iam").errors.get("NoSuchEntityException")?.error?.queryCode, "NoSuchEntity");
});

test("constraints and number types come with the shapes, also of what lists and maps hold", () => {
  const create = operation("lambda", "CreateFunction").input;
  const memory = shapeAt(create, "MemorySize");
  assert.deepEqual([memory.kind, memory.constraint?.min, memory.constraint?.max], ["integer", 128, 32_768]);
  assert.equal(shapeAt(create, "VpcConfig", "SubnetIds", "[]").constraint?.pattern, "subnet-[0-9a-z]*");
  const weights = shapeAt(
    operation("lambda", "CreateAlias").input,
    "RoutingConfig",
    "AdditionalVersionWeights",
  );
  assert.deepEqual(
    [weights.key?.shape.constraint?.pattern, weights.element?.shape.kind],
    ["[0-9]+", "double"],
  );
  assert.equal(shapeAt(operation("lambda", "GetFunction").output, "Configuration", "CodeSize").kind, "long");
});

test("recorded enumerations keep AWS's order, and Lambda's runtime has none", () => {
  const create = operation("lambda", "CreateFunction").input;
  assert.equal(shapeAt(create, "Runtime").constraint, undefined);
  assert.deepEqual(shapeAt(create, "Architectures", "[]").constraint?.enum, ["x86_64", "arm64"]);
  const statistic = shapeAt(operation("cloudwatch", "PutMetricAlarm").input, "Statistic");
  assert.deepEqual(statistic.constraint?.enum, ["Maximum", "SampleCount", "Sum", "Minimum", "Average"]);
});

test("a number that botocore does not know is a double, which refuses nothing", () => {
  const json: ServiceJson = {
    generator: "",
    source: "",
    serviceId: "Tiny",
    apiVersion: "1",
    signingName: "tiny",
    endpointPrefix: "tiny",
    targetPrefix: "Tiny",
    protocols: ["restJson1"],
    operations: { Go: { input: "In", output: "unit" } },
    shapes: { In: { kind: "structure", members: { Known: "number", New: "number" } } },
  };
  const constraints: ConstraintsJson = {
    generator: "",
    source: "",
    types: { Count: { kind: "integer" } },
    members: { In: { Known: "Count" } },
    errors: {},
  };
  const input = resolveModel("tiny", json, constraints).operations.get("Go")?.input;
  assert.deepEqual(
    input?.members.map(({ shape }) => shape.kind),
    ["integer", "double"],
  );
});
