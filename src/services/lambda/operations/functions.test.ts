import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { AwsError } from "../../../wire/aws-error.ts";
import {
  arnPrefix,
  awsError,
  bytes,
  newFunction,
  role,
  simLambda,
} from "../../../../test/harness/lambda-sim.ts";
import type { Input } from "../operation-types.ts";

const arn = `${arnPrefix}:function:thumb`;
const zip = bytes("zip of thumb");
const codeSha256 = createHash("sha256").update(zip).digest("base64");

test("a new function has AWS's defaults and is pending, then active", async () => {
  const sim = simLambda();
  sim.hold();
  const { RevisionId: revisionId, ...made } = await sim.call("CreateFunction", newFunction("thumb"));
  const expected = {
    FunctionName: "thumb",
    FunctionArn: arn,
    Runtime: "nodejs22.x",
    Role: role,
    Handler: "index.handler",
    CodeSize: zip.length,
    Description: "",
    Timeout: 3,
    MemorySize: 128,
    LastModified: "2026-01-01T00:00:00.000+0000",
    CodeSha256: codeSha256,
    Version: "$LATEST",
    TracingConfig: { Mode: "PassThrough" },
    PackageType: "Zip",
    Architectures: [process.arch === "arm64" ? "arm64" : "x86_64"],
    EphemeralStorage: { Size: 512 },
    SnapStart: { ApplyOn: "None", OptimizationStatus: "Off" },
    LoggingConfig: { LogFormat: "Text", LogGroup: "/aws/lambda/thumb" },
  };
  assert.deepEqual(made, {
    ...expected,
    State: "Pending",
    StateReason: "The function is being created.",
    StateReasonCode: "Creating",
  });
  sim.world.release?.();
  await sim.settle();
  const { RevisionId: activeId, ...now } = await sim.call("GetFunctionConfiguration", { FunctionName: arn });
  assert.deepEqual(now, {
    ...expected,
    State: "Active",
    LastUpdateStatus: "Successful",
    RuntimeVersionConfig: { RuntimeVersionArn: "arn:aws:lambda:eu-west-1::runtime:nodejs22.x" },
  });
  assert.notEqual(activeId, revisionId);
});

test("an empty Environment is shown, a missing one is not", async () => {
  const sim = simLambda();
  assert.equal("Environment" in (await sim.create("none")), false);
  assert.deepEqual((await sim.create("empty", { Environment: {} })).Environment, { Variables: {} });
  const some = await sim.create("some", { Environment: { Variables: { A: "1" } } });
  assert.deepEqual(some.Environment, { Variables: { A: "1" } });
});

test("Publish makes version 1, pending with the function", async () => {
  const sim = simLambda();
  sim.hold();
  const made = await sim.call("CreateFunction", newFunction("thumb", { Publish: true }));
  assert.equal(made.Version, "1");
  assert.equal(made.FunctionArn, `${arn}:1`);
  assert.equal(made.State, "Pending");
  sim.world.release?.();
  await sim.settle();
  const version = await sim.call("GetFunctionConfiguration", { FunctionName: "thumb", Qualifier: "1" });
  assert.equal(version.State, "Active");
  assert.equal(version.LastUpdateStatus, "Successful");
});

test("of two creations of one name one wins, the other gets AWS's error", async () => {
  const sim = simLambda();
  const made = await Promise.allSettled(
    Array.from({ length: 5 }, () => sim.call("CreateFunction", newFunction("thumb"))),
  );
  const lost = made.filter((result) => result.status === "rejected");
  assert.equal(lost.length, 4);
  for (const { reason } of lost)
    awsError("ResourceConflictException", "Function already exist: thumb")(reason);
  await sim.settle();
  await assert.rejects(sim.create("thumb"), awsError("ResourceConflictException"));
  assert.equal(sim.state.blobs.size, 1);
});

test("a function that cannot be made ready is Failed, for good", async () => {
  const sim = simLambda();
  await sim.create("thumb", { Runtime: "provided.al2" });
  const now = await sim.call("GetFunctionConfiguration", { FunctionName: "thumb" });
  assert.equal(now.State, "Failed");
  assert.equal(now.StateReasonCode, "InvalidRuntime");
  assert.equal(now.StateReason, "It could not be fetched.");
  await assert.rejects(
    sim.call("UpdateFunctionConfiguration", { FunctionName: "thumb", Timeout: 4 }),
    awsError("ResourceConflictException"),
  );
});

test("L3: a Pending that hangs ends when its time is over", async () => {
  const sim = simLambda();
  sim.hold();
  await sim.create("thumb");
  await sim.clock.advance(6 * 60_000 - 1);
  assert.equal((await sim.call("GetFunctionConfiguration", { FunctionName: "thumb" })).State, "Pending");
  await sim.clock.advance(1);
  assert.equal((await sim.call("GetFunctionConfiguration", { FunctionName: "thumb" })).State, "Failed");
});

test("what is refused at creation, in AWS's words", async () => {
  const sim = simLambda();
  const long = "x".repeat(65);
  const invalid = "InvalidParameterValueException";
  type More = Partial<Input<"CreateFunction">>;
  const big = "v".repeat(4096);
  const cases: readonly (readonly [More, string, string | undefined])[] = [
    [
      { FunctionName: long },
      invalid,
      `1 validation error detected: Value '${long}' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 64`,
    ],
    [
      { Handler: undefined },
      invalid,
      "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
    ],
    [{ Runtime: "java21" }, invalid, "The runtime java21 is not on this machine. Bring one."],
    [
      { Runtime: "nodejs14.x" },
      invalid,
      "The runtime parameter of nodejs14.x is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions.",
    ],
    [{ Code: {} }, invalid, "Please provide a source for function code."],
    [
      { Code: { ZipFile: bytes("bad zip") } },
      invalid,
      "Could not unzip uploaded file. Please check your file, then try to upload again.",
    ],
    [{ Code: { ZipFile: bytes("huge") } }, invalid, "Unzipped size must be smaller than 262144000 bytes"],
    [{ Code: { ZipFile: bytes("") } }, invalid, "Uploaded file must be a non-empty zip"],
    [{ Code: { ZipFile: bytes("no entries") } }, invalid, "Uploaded file must be a non-empty zip"],
    [
      { Code: { ZipFile: new Uint8Array(52_428_801) } },
      "RequestEntityTooLargeException",
      "Zipped size must be smaller than 52428800 bytes",
    ],
    [
      { Code: { S3Bucket: "pictures", S3Key: "thumb.zip" } },
      invalid,
      "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist",
    ],
    [
      { Environment: { Variables: { AWS_REGION: "x", A: "1", _HANDLER: "y" } } },
      invalid,
      "Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: AWS_REGION, _HANDLER",
    ],
    [
      { Environment: { Variables: { K: big } } },
      invalid,
      `Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: {"K":"${big}"}`,
    ],
    [
      { MemorySize: 10_241 },
      invalid,
      "'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to 10240",
    ],
    [{ Timeout: 901 }, invalid, undefined],
    [{ EphemeralStorage: { Size: 10_241 } }, invalid, undefined],
    [
      { Tags: Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`k${n}`, "v"])) },
      invalid,
      "Number of tags exceeds resource tag limit.",
    ],
  ];
  for (const [more, code, message] of cases) {
    await assert.rejects(sim.create("thumb", more), awsError(code, message), message);
  }
  await assert.rejects(sim.create("thumb", { Runtime: "cobol" as never }), (error: AwsError) => {
    awsError(invalid)(error);
    assert.match(
      error.message,
      /^Value cobol at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: \[.*nodejs22\.x, .*\] or be a valid ARN$/,
    );
    assert.doesNotMatch(error.message, /nodejs14\.x/);
    return true;
  });
  await sim.settle();
  assert.deepEqual(await sim.call("ListFunctions", {}), { Functions: [] });
  assert.equal(sim.state.blobs.size, 0, "nothing of what was refused is left");
});

test("what does not act yet is refused by name; what asks for the default is accepted", async () => {
  const sim = simLambda();
  const foreign = process.arch === "arm64" ? "x86_64" : "arm64";
  const refused: readonly (readonly [string, Partial<Input<"CreateFunction">>])[] = [
    ["PackageType Image", { PackageType: "Image" }],
    ["VpcConfig", { VpcConfig: { SubnetIds: ["subnet-1"] } }],
    ["FileSystemConfigs", { FileSystemConfigs: [{ Arn: "a", LocalMountPath: "/mnt/a" }] }],
    ["KMSKeyArn", { KMSKeyArn: "arn:aws:kms:eu-west-1:1:key/a" }],
    ["ImageConfig", { ImageConfig: { Command: ["a"] } }],
    ["TenancyConfig", { TenancyConfig: { TenantIsolationMode: "PER_TENANT" } }],
    ["DurableConfig", { DurableConfig: { ExecutionTimeout: 1 } }],
    ["CapacityProviderConfig", { CapacityProviderConfig: {} as never }],
    ["PublishTo", { PublishTo: "LATEST_PUBLISHED" }],
    [
      `Architectures [${foreign}] on this ${foreign === "arm64" ? "x86_64" : "arm64"} machine`,
      { Architectures: [foreign] },
    ],
    ["S3ObjectStorageMode REFERENCE", { Code: { S3ObjectStorageMode: "REFERENCE" } }],
    ["SourceKMSKeyArn", { Code: { SourceKMSKeyArn: "arn" } }],
  ];
  for (const [parameter, more] of refused) {
    await assert.rejects(
      sim.create("thumb", more),
      awsError("InvalidParameterValueException", `${parameter} is not supported by lambdad yet.`),
    );
  }
  const made = await sim.create("thumb", {
    PackageType: "Zip",
    Layers: [],
    VpcConfig: { SubnetIds: [], SecurityGroupIds: [] },
    FileSystemConfigs: [],
    DeadLetterConfig: { TargetArn: "" },
    TracingConfig: { Mode: "PassThrough" },
    SnapStart: { ApplyOn: "None" },
    KMSKeyArn: "",
    ImageConfig: {},
    EphemeralStorage: { Size: 1024 },
    LoggingConfig: { LogFormat: "JSON", LogGroup: "/mine", ApplicationLogLevel: "INFO" },
  });
  assert.deepEqual(made.EphemeralStorage, { Size: 1024 });
  assert.deepEqual(made.LoggingConfig, {
    LogFormat: "JSON",
    ApplicationLogLevel: "INFO",
    SystemLogLevel: "INFO",
    LogGroup: "/mine",
  });
});

test("code from S3 is read whole, in pieces or at once", async () => {
  const sim = simLambda();
  sim.world.call = async (_service, input) => {
    assert.deepEqual(input, { Bucket: "pictures", Key: "thumb.zip", VersionId: "v1" });
    return {
      Body: (async function* () {
        yield bytes("zip ");
        yield bytes("of thumb");
      })(),
    };
  };
  const code = { S3Bucket: "pictures", S3Key: "thumb.zip", S3ObjectVersion: "v1" };
  assert.equal((await sim.create("streamed", { Code: code })).CodeSha256, codeSha256);
  sim.world.call = async () => ({ Body: zip });
  assert.equal((await sim.create("whole", { Code: code })).CodeSha256, codeSha256);
});

test("GetFunction shows tags, reservation and a download that works for ten minutes", async () => {
  const sim = simLambda();
  await sim.create("thumb", { Tags: { team: "a" } });
  await sim.call("PutFunctionConcurrency", { FunctionName: "thumb", ReservedConcurrentExecutions: 7 });
  const { Code, Tags, Concurrency, Configuration } = await sim.call("GetFunction", { FunctionName: "thumb" });
  assert.equal(Configuration?.FunctionArn, arn);
  assert.deepEqual(Tags, { team: "a" });
  assert.deepEqual(Concurrency, { ReservedConcurrentExecutions: 7 });
  assert.equal(Code?.RepositoryType, "S3");
  const url = new URL(Code?.Location ?? "");
  assert.equal(url.origin, "http://127.0.0.1:4566");

  async function get(query: string, path = url.pathname) {
    const request = { method: "GET", host: url.host, path, query, headers: {}, body: new Uint8Array() };
    return sim.lambda.web?.({
      ...request,
      remoteAddress: "127.0.0.1",
      requestId: "r",
      signer: () => undefined,
    });
  }
  const query = url.search.slice(1);
  const answer = await get(query);
  assert.equal(answer?.status, 200);
  assert.equal(answer?.headers["content-type"], "application/zip");
  assert.equal(answer?.headers["content-length"], String(zip.length));
  const chunks: Uint8Array[] = [];
  const body = answer?.body;
  assert.ok(typeof body === "object" && Symbol.asyncIterator in body);
  for await (const chunk of body) chunks.push(chunk);
  assert.deepEqual(Buffer.concat(chunks), Buffer.from(zip));

  assert.equal((await get(query.replace(/expires=\d/, "expires=9")))?.status, 403);
  assert.equal((await get(query.replace(/.$/, "z")))?.status, 403);
  assert.equal((await get(""))?.status, 403);
  assert.equal((await get(query, `/_lambdad/code/${"0".repeat(64)}`))?.status, 403);
  assert.equal((await get(query, "/_lambdad/code/../../etc/passwd"))?.status, 403);
  assert.equal(await get(query, "/elsewhere"), undefined);
  await sim.clock.advance(10 * 60_000);
  assert.equal((await get(query))?.status, 200);
  await sim.clock.advance(1);
  assert.equal((await get(query))?.status, 403);
});

test("what a qualifier finds, and what it is called", async () => {
  const sim = simLambda();
  await sim.create("thumb", { Publish: true });
  await sim.call("CreateAlias", { FunctionName: "thumb", Name: "live", FunctionVersion: "1" });
  const rows = [
    { qualifier: undefined, version: "$LATEST", ending: "" },
    { qualifier: "$LATEST", version: "$LATEST", ending: ":$LATEST" },
    { qualifier: "1", version: "1", ending: ":1" },
    { qualifier: "live", version: "1", ending: ":live" },
  ];
  for (const { qualifier, version, ending } of rows) {
    const found = await sim.call("GetFunctionConfiguration", { FunctionName: "thumb", Qualifier: qualifier });
    assert.equal(found.Version, version);
    assert.equal(found.FunctionArn, arn + ending);
  }
  for (const qualifier of ["2", "$latest", "gone"]) {
    for (const operation of ["GetFunction", "GetFunctionConfiguration"] as const) {
      await assert.rejects(
        sim.call(operation, { FunctionName: "thumb", Qualifier: qualifier }),
        awsError("ResourceNotFoundException", `Function not found: ${arn}:${qualifier}`),
      );
    }
  }
  await assert.rejects(
    sim.call("GetFunction", { FunctionName: "x".repeat(65) }),
    awsError("ResourceNotFoundException", `Function not found: ${arnPrefix}:function:${"x".repeat(65)}`),
  );
});

test("what may be deleted", async () => {
  const sim = simLambda();
  await sim.create("thumb", { Publish: true });
  await sim.call("CreateAlias", { FunctionName: "thumb", Name: "live", FunctionVersion: "1" });
  const invalid = "InvalidParameterValueException";
  const remove = (Qualifier?: string) => sim.call("DeleteFunction", { FunctionName: "thumb", Qualifier });
  await assert.rejects(remove("live"), awsError(invalid, "Deletion of aliases is not currently supported."));
  await assert.rejects(
    remove("$LATEST"),
    awsError(invalid, "$LATEST version cannot be deleted without deleting the function."),
  );
  await assert.rejects(remove("1"), awsError("ResourceConflictException"));
  assert.deepEqual(await remove("99"), { StatusCode: 204 }, "an unknown version of a function that is there");
  await sim.call("DeleteAlias", { FunctionName: "thumb", Name: "live" });
  assert.deepEqual(await remove("1"), { StatusCode: 204 });
  assert.equal((await sim.call("ListVersionsByFunction", { FunctionName: "thumb" })).Versions?.length, 1);
  assert.deepEqual(await remove(), { StatusCode: 204 });
  await assert.rejects(remove(), awsError("ResourceNotFoundException", `Function not found: ${arn}`));
  await assert.rejects(remove("1"), awsError("ResourceNotFoundException", `Function not found: ${arn}:1`));
});

test("deleting retires every environment and removes what no one else needs", async () => {
  const sim = simLambda();
  await sim.create("thumb");
  await sim.create("twin", { Code: { ZipFile: zip } });
  assert.equal(sim.state.blobs.size, 1, "the same content is stored once");
  await sim.call("DeleteFunction", { FunctionName: "thumb" });
  await sim.settle();
  assert.deepEqual(sim.world.retired.at(-1), { functionArn: arn, keepKeys: [] });
  assert.equal(sim.state.blobs.size, 1, "the twin still needs it");
  await sim.call("DeleteFunction", { FunctionName: "twin" });
  await sim.settle();
  assert.equal(sim.state.blobs.size, 0);
  assert.equal(sim.world.unmounted.length, 1);
  assert.deepEqual(
    sim.state.entries.filter(({ key }) => !key.startsWith("lambda/account")),
    [],
    "nothing is left in the store",
  );
});

test("a function with more versions than one commit removes is deleted whole", async () => {
  const sim = simLambda();
  await sim.create("thumb");
  for (let number = 1; number <= 620; number += 1) {
    await sim.call("UpdateFunctionConfiguration", { FunctionName: "thumb", Description: String(number) });
    await sim.settle();
    await sim.call("PublishVersion", { FunctionName: "thumb" });
  }
  await sim.call("DeleteFunction", { FunctionName: "thumb" });
  await sim.settle();
  assert.equal(sim.state.entries.length, 0);
  assert.equal(sim.state.blobs.size, 0);
});

test("a function of the same name starts anew", async () => {
  const sim = simLambda();
  await sim.create("thumb", { Publish: true });
  await sim.call("DeleteFunction", { FunctionName: "thumb" });
  const { Version } = await sim.create("thumb", { Publish: true });
  assert.equal(Version, "1");
  assert.equal((await sim.call("ListVersionsByFunction", { FunctionName: "thumb" })).Versions?.length, 2);
});
