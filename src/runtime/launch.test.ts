import assert from "node:assert/strict";
import { test } from "node:test";
import { versionSpec } from "../../test/harness/fake-environment.ts";
import type { Mount } from "../isolation/driver.ts";
import type { VersionSpec } from "./contract.ts";
import type { LaunchFacts } from "./launch.ts";
import { cpusOf, initCpusOf, logStreamName, sandboxSpec } from "./launch.ts";

const plan = {
  argv: [],
  mounts: [{ source: "/guest/node", target: "/var/runtime" }],
  env: { NODE_PATH: "/opt/nodejs/node_modules:/var/runtime", LC_CTYPE: "C.UTF-8" },
  runtimeVersion: "nodejs:24.v1",
  runtimeVersionArn: "arn:aws:lambda:us-east-1::runtime:0123",
};

function facts(spec: Partial<VersionSpec> = {}): LaunchFacts {
  return {
    id: "env-1",
    spec: versionSpec({ memoryMb: 512, ...spec }),
    prepared: {
      plan,
      mounts: [...plan.mounts, { source: "/data/code/abc", target: "/var/task" }],
      argv: ["/var/lang/bin/node", "/var/runtime/index.cjs", "--flag=/var/task"],
      extensions: [],
    },
    cpus: 2,
    tmpName: "env",
    endpoint: {
      authority: "169.254.100.1:9001",
      mount: { source: "/run/api/env-1", target: "/run/lambdad" },
      socketPath: "/run/lambdad/s",
    },
    logStream: "2026/01/01/[$LATEST]abc",
    credentials: { accessKeyId: "000000000000", secretAccessKey: "s", sessionToken: "t" },
    endpointUrl: "http://169.254.100.1:4566",
    network: "endpoints",
  };
}

const inside = { hostAddress: "169.254.100.1", resolve: (_: readonly Mount[], path: string) => path };

test("a sandbox gets AWS's variables, and nothing else", () => {
  assert.deepEqual(sandboxSpec(inside, facts({ variables: { MINE: "1" } })).env, {
    MINE: "1",
    NODE_PATH: "/opt/nodejs/node_modules:/var/runtime",
    LC_CTYPE: "C.UTF-8",
    PATH: "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    LD_LIBRARY_PATH:
      "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
    LANG: "en_US.UTF-8",
    TZ: ":UTC",
    PWD: "/var/task",
    SHLVL: "0",
    AWS_ENDPOINT_URL: "http://169.254.100.1:4566",
    AWS_XRAY_CONTEXT_MISSING: "LOG_ERROR",
    AWS_XRAY_DAEMON_ADDRESS: "169.254.100.1:2000",
    _AWS_XRAY_DAEMON_ADDRESS: "169.254.100.1",
    _AWS_XRAY_DAEMON_PORT: "2000",
    _HANDLER: "index.handler",
    AWS_ACCESS_KEY_ID: "000000000000",
    AWS_SECRET_ACCESS_KEY: "s",
    AWS_SESSION_TOKEN: "t",
    AWS_REGION: "us-east-1",
    AWS_DEFAULT_REGION: "us-east-1",
    AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
    AWS_LAMBDA_FUNCTION_NAME: "echo",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "512",
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
    AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
    AWS_LAMBDA_LOG_GROUP_NAME: "/aws/lambda/echo",
    AWS_LAMBDA_LOG_STREAM_NAME: "2026/01/01/[$LATEST]abc",
    AWS_LAMBDA_RUNTIME_API: "169.254.100.1:9001",
    LAMBDA_TASK_ROOT: "/var/task",
    LAMBDA_RUNTIME_DIR: "/var/runtime",
    _LAMBDA_TELEMETRY_LOG_FD: "3",
    _LAMBDAD_RUNTIME_SOCKET: "/run/lambdad/s",
    _LAMBDAD_LAYER_ROOT: "/opt",
  });
});

test("a function's variables win over defaults and lose against reserved ones", () => {
  const variables = {
    TZ: "Europe/Berlin",
    PATH: "/mine",
    NODE_PATH: "/my",
    AWS_ENDPOINT_URL: "http://x",
    AWS_REGION: "x",
  };
  const { env } = sandboxSpec(inside, facts({ variables }));
  assert.deepEqual(
    [env["TZ"], env["PATH"], env["NODE_PATH"], env["AWS_ENDPOINT_URL"], env["AWS_REGION"]],
    ["Europe/Berlin", "/mine", "/my", "http://x", "us-east-1"],
  );
});

test("a runtime with a wrapper script finds the Runtime API where AWS_LAMBDA_RUNTIME_API says, which that may change", () => {
  const { env } = sandboxSpec(inside, facts({ variables: { AWS_LAMBDA_EXEC_WRAPPER: "/opt/wrap" } }));
  assert.equal(env["_LAMBDAD_RUNTIME_SOCKET"], undefined);
  assert.equal(env["AWS_LAMBDA_RUNTIME_API"], sandboxSpec(inside, facts()).env["AWS_LAMBDA_RUNTIME_API"]);
});

test("custom runtimes have no execution environment's name; JSON logging has its format and level", () => {
  const { env } = sandboxSpec(inside, facts({ runtime: "provided.al2023", logFormat: "JSON" }));
  assert.equal(env["AWS_EXECUTION_ENV"], undefined);
  assert.deepEqual([env["AWS_LAMBDA_LOG_FORMAT"], env["AWS_LAMBDA_LOG_LEVEL"]], ["JSON", "INFO"]);
});

test("where the inside is the host, every path of ours leads to its source, and no path of the function's", () => {
  const onHost = {
    hostAddress: "127.0.0.1",
    resolve(mounts: readonly Mount[], path: string) {
      const mount = mounts.find(({ target }) => path === target || path.startsWith(`${target}/`));
      return mount ? mount.source + path.slice(mount.target.length) : path;
    },
  };
  const { argv, cwd, env } = sandboxSpec(onHost, facts({ variables: { MINE: "/var/task" } }));
  assert.deepEqual(argv, ["/var/lang/bin/node", "/guest/node/index.cjs", "--flag=/data/code/abc"]);
  assert.equal(cwd, "/data/code/abc");
  assert.deepEqual(
    [
      env["LAMBDA_TASK_ROOT"],
      env["LAMBDA_RUNTIME_DIR"],
      env["_LAMBDAD_RUNTIME_SOCKET"],
      env["NODE_PATH"],
      env["MINE"],
    ],
    [
      "/data/code/abc",
      "/guest/node",
      "/run/api/env-1/s",
      "/opt/nodejs/node_modules:/guest/node",
      "/var/task",
    ],
  );
  assert.ok(env["LD_LIBRARY_PATH"]?.includes(":/guest/node/lib:/data/code/abc:/data/code/abc/lib:"));
});

test("the share of CPU follows memory, 1,769 MB for one; INIT has two at least", () => {
  const shares = [128, 1769, 10_240].map((memoryMb) => {
    const spec = versionSpec({ memoryMb });
    return [cpusOf(spec).toFixed(4), initCpusOf(spec).toFixed(4)];
  });
  assert.deepEqual(shares, [
    ["0.0724", "2.0000"],
    ["1.0000", "2.0000"],
    ["5.7886", "5.7886"],
  ]);
});

test("limits follow the function's memory and storage", () => {
  const small = sandboxSpec(inside, facts({ memoryMb: 512, ephemeralStorageMb: 1024 }));
  const { memoryMb, cpus, tmpBytesMax, tmpName } = small;
  assert.deepEqual([memoryMb, cpus, tmpBytesMax, tmpName], [512, 2, 1024 * 1024 * 1024, "env"]);
  assert.deepEqual(
    small.mounts.map(({ target }) => target),
    ["/var/runtime", "/var/task", "/run/lambdad"],
  );
});

test("a log stream is named by day, version and environment, and by function in a group of another name", () => {
  const nowMs = Date.UTC(2025, 10, 25, 23, 59);
  const environment = "60ce";
  assert.equal(logStreamName({ spec: versionSpec(), nowMs, environment }), "2025/11/25/[$LATEST]60ce");
  assert.equal(
    logStreamName({ spec: versionSpec({ version: "7", logGroup: "shared" }), nowMs, environment }),
    "2025/11/25/echo[7]60ce",
  );
});
