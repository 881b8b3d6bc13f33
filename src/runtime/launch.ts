/**
 * What one start of a runtime looks like to the driver: program, mounts, limits, and the environment variables of AWS.
 *
 * Pure but for the paths, which the driver resolves: with the *process* driver the inside is the host. User variables
 * win over defaults and lose against the reserved ones. Source: lambda-map 4.2, 4.3.
 */
import type { Driver, Mount, SandboxSpec } from "../isolation/driver.ts";
import {
  cpuMbPerVcpu,
  environmentOpenFilesMax,
  environmentProcessesMax,
  initCpus,
  memoryMbMax,
  warmBootCpus,
} from "../limits.ts";
import type { RuntimeEndpoint } from "./api/server.ts";
import type { VersionSpec } from "./contract.ts";
import type { Prepared } from "./prepare.ts";
import type { Shape } from "./warm-shape.ts";

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

export interface LaunchFacts {
  /** Of the sandbox. */
  readonly id: string;
  readonly spec: VersionSpec;
  readonly prepared: Prepared;
  /** In vCPUs, until the runtime is initialised. */
  readonly cpus: number;
  /** Of the environment: its /tmp outlives the runtime. */
  readonly tmpName: string;
  readonly endpoint: Pick<RuntimeEndpoint, "authority" | "mount" | "socketPath">;
  readonly logStream: string;
  readonly credentials: Credentials;
  /** For AWS_ENDPOINT_URL. */
  readonly endpointUrl: string;
  readonly network: SandboxSpec["network"];
}

type Paths = Pick<Driver, "resolve" | "hostAddress">;
type Variables = Readonly<Record<string, string>>;

const MiB = 1024 * 1024;
const taskRoot = "/var/task";

/** A runtime may use more CPU until it is initialised than its memory entitles it to. */
export function initCpusOf(spec: VersionSpec): number {
  return Math.max(initCpus, cpusOf(spec));
}

export function cpusOf({ memoryMb }: VersionSpec): number {
  return memoryMb / cpuMbPerVcpu;
}

export function sandboxSpec(driver: Paths, facts: LaunchFacts): SandboxSpec {
  const { spec, endpoint } = facts;
  const { argv, plan } = facts.prepared;
  const mounts = [...facts.prepared.mounts, endpoint.mount];
  return {
    id: facts.id,
    argv: argv.map((argument) => resolveInside(driver, mounts, argument)),
    env: variables(driver, mounts, facts),
    cwd: driver.resolve(mounts, taskRoot),
    mounts,
    ...(plan.root === undefined ? {} : { root: plan.root }),
    memoryMb: spec.memoryMb,
    cpus: facts.cpus,
    processesMax: environmentProcessesMax,
    openFilesMax: environmentOpenFilesMax,
    tmpBytesMax: spec.ephemeralStorageMb * MiB,
    tmpName: facts.tmpName,
    network: facts.network,
  };
}

export interface WaitingFacts extends Pick<LaunchFacts, "id" | "endpoint" | "network"> {
  readonly shape: Shape;
  /** As seen inside. */
  readonly ordersPath: string;
}

/** A runtime that waits for its function. What belongs to that comes later, its limits too. */
export function waitingSpec(driver: Paths, facts: WaitingFacts): SandboxSpec {
  const { id, shape, endpoint, network, ordersPath } = facts;
  const { plan, argv } = shape;
  const mounts = [...plan.mounts, endpoint.mount];
  return {
    id,
    argv: argv.map((argument) => resolveInside(driver, mounts, argument)),
    env: {
      ...resolveAll(driver, mounts, { ...defaultPaths, ...plan.env }),
      _LAMBDAD_ORDERS: driver.resolve(mounts, ordersPath),
    },
    cwd: driver.resolve(mounts, taskRoot),
    mounts,
    ...(plan.root === undefined ? {} : { root: plan.root }),
    // Only ever lowered: control groups refuse a limit below what is used, and v1 some orders of raising two of them.
    memoryMb: memoryMbMax,
    cpus: warmBootCpus,
    processesMax: environmentProcessesMax,
    openFilesMax: environmentOpenFilesMax,
    tmpBytesMax: shape.ephemeralStorageMb * MiB,
    network,
  };
}

function variables(driver: Paths, mounts: readonly Mount[], facts: LaunchFacts): Variables {
  return {
    ...resolveAll(driver, mounts, { ...defaultPaths, ...facts.prepared.plan.env }),
    ...defaults(driver, mounts, facts),
    ...facts.spec.variables,
    ...reserved(driver, mounts, facts),
  };
}

const defaultPaths: Variables = {
  PATH: "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
  LD_LIBRARY_PATH:
    "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
  LANG: "en_US.UTF-8",
  TZ: ":UTC",
};

/** What a function may set itself. */
function defaults(driver: Paths, mounts: readonly Mount[], facts: LaunchFacts): Variables {
  return {
    AWS_ENDPOINT_URL: facts.endpointUrl,
    AWS_XRAY_CONTEXT_MISSING: "LOG_ERROR",
    AWS_XRAY_DAEMON_ADDRESS: `${driver.hostAddress}:2000`,
    PWD: driver.resolve(mounts, taskRoot),
    SHLVL: "0",
    ...(facts.spec.logFormat === "JSON"
      ? { AWS_LAMBDA_LOG_FORMAT: "JSON", AWS_LAMBDA_LOG_LEVEL: facts.spec.logLevels?.application ?? "INFO" }
      : {}),
  };
}

function reserved(driver: Paths, mounts: readonly Mount[], facts: LaunchFacts): Variables {
  const { spec, credentials, endpoint } = facts;
  return {
    _HANDLER: spec.handler,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_SESSION_TOKEN: credentials.sessionToken,
    AWS_DEFAULT_REGION: spec.region,
    AWS_REGION: spec.region,
    ...(spec.runtime.startsWith("provided") ? {} : { AWS_EXECUTION_ENV: `AWS_Lambda_${spec.runtime}` }),
    AWS_LAMBDA_FUNCTION_NAME: spec.functionName,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(spec.memoryMb),
    AWS_LAMBDA_FUNCTION_VERSION: spec.version,
    AWS_LAMBDA_INITIALIZATION_TYPE: spec.initialization ?? "on-demand",
    ...(spec.initialization === "snap-start"
      ? {}
      : { AWS_LAMBDA_LOG_GROUP_NAME: spec.logGroup, AWS_LAMBDA_LOG_STREAM_NAME: facts.logStream }),
    AWS_LAMBDA_RUNTIME_API: endpoint.authority,
    LAMBDA_TASK_ROOT: driver.resolve(mounts, taskRoot),
    LAMBDA_RUNTIME_DIR: driver.resolve(mounts, "/var/runtime"),
    _AWS_XRAY_DAEMON_ADDRESS: driver.hostAddress,
    _AWS_XRAY_DAEMON_PORT: "2000",
    _LAMBDA_TELEMETRY_LOG_FD: "3",
    ...(facts.prepared.plan.withoutOurVariables
      ? {}
      : {
          // Our bootstraps use it instead of TCP, and delete it before user code runs. documented: a wrapper script may
          // lead the runtime to a proxy of the Runtime API, by another AWS_LAMBDA_RUNTIME_API.
          ...(spec.variables["AWS_LAMBDA_EXEC_WRAPPER"]
            ? {}
            : { _LAMBDAD_RUNTIME_SOCKET: driver.resolve(mounts, endpoint.socketPath) }),
          _LAMBDAD_LAYER_ROOT: driver.resolve(mounts, "/opt"),
        }),
  };
}

/** Values that are paths, or lists of them. */
function resolveAll(driver: Paths, mounts: readonly Mount[], values: Variables): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const parts = value.split(":");
      const isPathList = parts.every((part) => part.startsWith("/"));
      const resolved = parts.map((part) => resolveInside(driver, mounts, part));
      return [name, isPathList ? resolved.join(":") : value];
    }),
  );
}

/** A path, or a flag with one: "-XX:SharedArchiveFile=/var/…". */
function resolveInside(driver: Paths, mounts: readonly Mount[], text: string): string {
  const [, flag = "", path] = /^(-[^=/]+=)?(\/.*)$/s.exec(text) ?? [];
  return path === undefined ? text : flag + driver.resolve(mounts, path);
}

export interface LogStreamFacts {
  readonly spec: VersionSpec;
  readonly nowMs: number;
  /** 32 hex digits. */
  readonly environment: string;
}

/** `2025/11/25/[$LATEST]60ce…`; with the function's name where the group is not its own. */
export function logStreamName({ spec, nowMs, environment }: LogStreamFacts): string {
  const day = new Date(nowMs).toISOString().slice(0, 10).replaceAll("-", "/");
  const owner = spec.logGroup === `/aws/lambda/${spec.functionName}` ? "" : spec.functionName;
  return `${day}/${owner}[${spec.version}]${environment}`;
}
