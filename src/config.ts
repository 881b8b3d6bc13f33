/**
 * The platform's configuration, and the only reader of argv, environment and configuration files. Everything else is
 * handed what it needs.
 */
import { homedir } from "node:os";
import { join } from "node:path";
import type { LogLevel } from "./base/logger.ts";
import {
  asyncRetryDelaysMs,
  memoryReserveMb,
  requestsPerConcurrencyMax,
  scalingEnvironmentsMax,
  warmRuntimesDefault,
} from "./limits.ts";

export const isolations = ["auto", "process", "bubblewrap"] as const;
export type Isolation = (typeof isolations)[number];

export interface Config {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly dataDir: string;
  readonly isolation: Isolation;
  /** Verify signatures, enforce permissions, refuse to run without a full sandbox. */
  readonly secure: boolean;
  /** Where a request without a signature is taken to be. */
  readonly defaultRegion: string;
  readonly defaultAccount: string;
  readonly logLevel: LogLevel;
  readonly logFormat: "text" | "json";
  /** What functions may reach: lambdad only, or also the world. */
  readonly network: "endpoints" | "outside";
  /** How long an asynchronous event waits after the function's first error, the second, …, ms. */
  readonly asyncRetryDelaysMs: readonly number[];
  /** How fast streamed answers are passed on after their first 6 MB; undefined: unbounded. */
  readonly streamBytesPerSecond: number | undefined;
  /** Environments that a function may start in 10 s; `Infinity`: as many as the machine does. */
  readonly environmentStartsPer10Seconds: number;
  /** Synchronous requests a second for each unit of concurrency; `Infinity`: unbounded. */
  readonly requestsPerConcurrency: number;
  /** MB of the machine's memory that functions leave free: no environment is started that would take them. */
  readonly memoryReserveMb: number;
  /** Runtimes of each kind in use that are started before a function needs them; 0: none. */
  readonly warmPool: number;
  /** The one key pair that `secure` accepts from outside. */
  readonly accessKey: string | undefined;
  readonly secretKey: string | undefined;
  /** PATH, in which interpreters and tools are looked up. */
  readonly path: string;
  readonly home: string;
  /** For programs of the machine that lambdad starts for itself (npm): never for functions. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export const configDefaults = {
  host: "127.0.0.1",
  port: 4566,
  isolation: "auto",
  secure: false,
  defaultRegion: "us-east-1",
  defaultAccount: "000000000000",
  logLevel: "info",
  logFormat: "text",
  network: "outside",
  asyncRetryDelaysMs,
  environmentStartsPer10Seconds: scalingEnvironmentsMax,
  requestsPerConcurrency: requestsPerConcurrencyMax,
  memoryReserveMb,
  warmPool: warmRuntimesDefault,
} as const satisfies Partial<Config>;

/** `given` over the environment (`LAMBDAD_PORT`, …) over the defaults. */
export function resolveConfig(given: Partial<Config> = {}, env: NodeJS.ProcessEnv = process.env): Config {
  const home = env["HOME"] ?? homedir();
  return {
    ...configDefaults,
    dataDir: env["LAMBDAD_DATA"] ?? defaultDataDir(home),
    streamBytesPerSecond: undefined,
    accessKey: env["LAMBDAD_ACCESS_KEY_ID"],
    secretKey: env["LAMBDAD_SECRET_ACCESS_KEY"],
    path: env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
    home,
    environment: env,
    ...withoutUndefined({
      host: env["LAMBDAD_HOST"],
      port: env["LAMBDAD_PORT"] === undefined ? undefined : Number(env["LAMBDAD_PORT"]),
      isolation: env["LAMBDAD_ISOLATION"] as Isolation | undefined,
      defaultRegion: env["AWS_REGION"] ?? env["AWS_DEFAULT_REGION"],
      logLevel: env["LAMBDAD_LOG_LEVEL"] as LogLevel | undefined,
    }),
    ...withoutUndefined(given),
  };
}

function defaultDataDir(home: string): string {
  return process.getuid?.() === 0 ? "/var/lib/lambdad" : join(home, ".local", "share", "lambdad");
}

function withoutUndefined(value: { [K in keyof Config]?: Config[K] | undefined }): Partial<Config> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined));
}

/** How the commands reach a running lambdad. */
export interface ClientSettings {
  /** Without a trailing slash. */
  readonly endpoint: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

export function resolveClient(
  endpoint: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
): ClientSettings {
  const { host, port, defaultRegion } = resolveConfig({}, env);
  return {
    endpoint: (endpoint ?? env["AWS_ENDPOINT_URL"] ?? `http://${host}:${port}`).replace(/\/+$/, ""),
    region: defaultRegion,
    accessKey: env["AWS_ACCESS_KEY_ID"] ?? "test",
    secretKey: env["AWS_SECRET_ACCESS_KEY"] ?? "test",
  };
}
