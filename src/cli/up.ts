/** `lambdad up`: starts the platform, says how to reach it, and stays until it is told to stop. */
import { raisePriority } from "../base/priority.ts";
import type { Config } from "../config.ts";
import { resolveConfig } from "../config.ts";
import type { Platform } from "../platform.ts";
import { start } from "../platform.ts";
import { version } from "../version.ts";
import { bold, dim, green, print, yellow } from "./output.ts";

export interface UpOptions extends Partial<Config> {
  readonly json?: boolean;
}

export async function up({ json, ...given }: UpOptions): Promise<void> {
  const config = resolveConfig(given);
  const platform = await start(given);
  // Threads that are there already keep theirs: V8's, the file system's, the store's.
  raisePriority();
  const { url, isolation } = platform;
  if (json) {
    print(
      JSON.stringify({ url, pid: process.pid, dataDir: config.dataDir, isolation: isolation.name, version }),
    );
  } else {
    print(await banner(config, platform));
  }
  await stopSignal();
  if (!json) print(dim("stopping: running invocations may finish …"));
  await platform.stop();
  // Everything is down; what a library may still hold must not keep the process.
  process.exit(0);
}

async function banner(config: Config, { url, isolation, catalog }: Platform): Promise<string> {
  const ready = (await catalog.list()).filter(({ status }) => status === "ready" || status === "fetchable");
  const names = (status: string) => ready.filter((entry) => entry.status === status).map(({ id }) => id);
  const { missing } = isolation.guarantees;
  const rows: [string, string][] = [
    ["endpoint", green(url)],
    ["data", config.dataDir],
    ["isolation", missing.length === 0 ? isolation.name : yellow(`${isolation.name}, not complete`)],
    ["runtimes", names("ready").join(" ")],
    ["on first use", names("fetchable").join(" ")],
  ];
  const lines = rows
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `  ${name.padEnd(13)}${value}`);
  if (missing.length > 0)
    lines.push(
      "",
      ...missing.map((sentence) => `  ${yellow("!")} ${sentence}`),
      "    `lambdad doctor` says more.",
    );
  return [
    bold(`lambdad ${version}`),
    "",
    ...lines,
    "",
    "Point a shell at it, and any AWS tool talks to it:",
    "",
    `  eval "$(npx lambdad env --endpoint ${url})"`,
    "  aws lambda list-functions",
    "",
    dim("Ctrl-C stops it."),
  ].join("\n");
}

/** Resolves at SIGINT or SIGTERM, or when the launcher that started us is gone. A second signal ends the process at once. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let isStopping = false;
    const stop = () => {
      if (isStopping) process.exit(1);
      isStopping = true;
      resolve();
    };
    process.on("SIGINT", stop);
    process.on("SIGTERM", stop);
    process.on("SIGHUP", stop);
    process.on("disconnect", stop);
    // Without this the timers of an idle platform would not keep the process alive.
    if (process.channel) process.channel.ref();
  });
}
