/**
 * The command line: the table of commands, and what they have in common (endpoint, mistakes, exit codes). Each command is a
 * file of its own, loaded when it is called, so that `lambdad env` does not pay for the platform.
 */
import { Command, InvalidArgumentError, Option } from "commander";
import { systemClock } from "../base/clock.ts";
import { logLevels } from "../base/logger.ts";
import { isolations, resolveClient, resolveConfig } from "../config.ts";
import { version } from "../version.ts";
import { ApiError, createClient } from "./client.ts";
import { CommandError, note, red } from "./output.ts";

export async function main(argv: readonly string[]): Promise<void> {
  try {
    await program().parseAsync(argv);
  } catch (error) {
    note(`${red("error:")} ${messageOf(error)}`);
    if (error instanceof CommandError && error.hint) note(`       ${error.hint}`);
    process.exitCode = 1;
  }
}

function messageOf(error: unknown): string {
  if (error instanceof CommandError) return error.message;
  if (error instanceof ApiError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}

function program(): Command {
  const lambdad = new Command("lambdad")
    .description("AWS Lambda that you run yourself: one command, no Docker, no account.")
    .version(version, "-v, --version")
    .showHelpAfterError("(lambdad --help lists the commands)")
    .configureHelp({ sortSubcommands: false });

  lambdad
    .command("up")
    .description("start lambdad and stay until Ctrl-C")
    .addOption(
      new Option("--port <number>", "port to listen on; 0 for any free one (default: 4566)").argParser(
        wholeNumber,
      ),
    )
    .option("--host <address>", "address to listen on (default: 127.0.0.1)")
    .option("--data <dir>", "where everything is kept")
    .addOption(
      new Option("--isolation <kind>", "how functions are kept apart (default: auto)").choices(isolations),
    )
    .option("--secure", "verify signatures; refuse to run without a full sandbox")
    .addOption(
      new Option("--network <reach>", "what functions reach (default: outside)").choices([
        "endpoints",
        "outside",
      ]),
    )
    .option("--region <name>", "region of requests that name none")
    .addOption(
      new Option(
        "--async-retry-delays <times>",
        "waits between attempts at an asynchronous event: 1s,2s (default: 60s,120s)",
      ).argParser(durations),
    )
    .addOption(
      new Option(
        "--stream-bandwidth <MB>",
        "MB/s of a streamed answer after its first 6 MB, 2 on AWS (default: unbounded)",
      ).argParser(positiveNumber),
    )
    .addOption(
      new Option(
        "--scaling-rate <environments>",
        "started for a function in 10 s; or unlimited (default: 1000, as on AWS)",
      ).argParser(numberOrUnlimited),
    )
    .addOption(
      new Option(
        "--request-rate <requests>",
        "a second for each unit of concurrency; or unlimited (default: 10, as on AWS)",
      ).argParser(numberOrUnlimited),
    )
    .addOption(
      new Option(
        "--memory-reserve <MB>",
        "memory of the machine that functions leave free (default: 256)",
      ).argParser(wholeNumber),
    )
    .addOption(
      new Option(
        "--warm-pool <number>",
        "runtimes of each kind in use that are started ahead; 0 for none (default: 2)",
      ).argParser(wholeNumber),
    )
    .addOption(new Option("--log-level <level>", "lambdad's own log (default: info)").choices(logLevels))
    .option("--json", "print one line of JSON when ready; log as JSON")
    .action(async ({ data, region, json, asyncRetryDelays, streamBandwidth, ...rest }) => {
      const { up } = await import("./up.ts");
      await up({
        ...rest,
        environmentStartsPer10Seconds: rest.scalingRate,
        requestsPerConcurrency: rest.requestRate,
        memoryReserveMb: rest.memoryReserve,
        dataDir: data,
        defaultRegion: region,
        asyncRetryDelaysMs: asyncRetryDelays,
        streamBytesPerSecond: streamBandwidth === undefined ? undefined : streamBandwidth * 1_000_000,
        json,
        logFormat: json ? "json" : undefined,
      });
    });

  lambdad
    .command("env")
    .description('print what points a shell at lambdad: eval "$(lambdad env)"')
    .addOption(endpointOption())
    .option("--unset", "print what takes it back")
    .option("--json", "as JSON")
    .action(async (options) => {
      const { env } = await import("./env.ts");
      env(resolveClient(options.endpoint), options);
    });

  lambdad
    .command("deploy")
    .argument("<dir>", "folder with the function's code, or a .zip or .jar of it")
    .description("zip a folder, and create or update the function")
    .addOption(endpointOption())
    .option("--name <name>", "the function's name (default: the folder's)")
    .option("--runtime <id>", "nodejs24.x, python3.13, provided.al2023, … (default: guessed)")
    .option("--handler <handler>", "index.handler, … (default: guessed)")
    .addOption(new Option("--memory <MB>", "memory").argParser(wholeNumber))
    .addOption(new Option("--timeout <seconds>", "timeout").argParser(wholeNumber))
    .option("--env <NAME=value...>", "environment variables: all of them, the others are removed")
    .option("--watch", "stay, and update the code when a file changes")
    .addOption(inspectOption())
    .option("--json", "print the function's configuration as JSON")
    .action(async (dir, options) => {
      const { deploy } = await import("./deploy.ts");
      const client = createClient(resolveClient(options.endpoint), systemClock);
      await deploy({ client, clock: systemClock, newestRuntimes }, dir, options);
    });

  lambdad
    .command("invoke")
    .argument("<function>", "name or ARN")
    .description("run a function: result to standard output, log to standard error")
    .addOption(endpointOption())
    .option("--payload <json>", "JSON, @file, or - for standard input (default: {})")
    .option("--qualifier <version|alias>", "which version")
    .option("--quiet", "without the log")
    .option("--cold", "in an environment that has never run")
    .addOption(inspectOption())
    .action(async (name, options) => {
      const { invoke } = await import("./invoke.ts");
      process.exitCode = await invoke(
        createClient(resolveClient(options.endpoint), systemClock),
        name,
        options,
      );
    });

  lambdad
    .command("logs")
    .argument("<function>", "name, or a log group that begins with /")
    .description("print a function's log")
    .addOption(endpointOption())
    .option("--follow", "go on as lines come")
    .option("--since <time>", "how far back: 30s, 10m, 2h, 1d", "10m")
    .option("--filter <pattern>", "a CloudWatch Logs filter pattern")
    .option("--json", "one JSON object a line")
    .action(async (name, options) => {
      const { logs } = await import("./logs.ts");
      await logs(createClient(resolveClient(options.endpoint), systemClock), systemClock, name, options);
    });

  lambdad
    .command("events")
    .description("print what flows from sources to targets, live")
    .addOption(endpointOption())
    .addOption(
      new Option("--last <count>", "begin with so many of the past").argParser(wholeNumber).default(10),
    )
    .option("--no-follow", "print those of the past, and stop")
    .option("--from <text>", "only from sources with this in their ARN")
    .option("--to <text>", "only to targets with this in their ARN")
    .option("--failed", "only what was refused, failed or throttled")
    .option("--json", "one JSON object a line")
    .action(async (options) => {
      const { events } = await import("./events.ts");
      await events(createClient(resolveClient(options.endpoint), systemClock), options);
    });

  const asyncEvents = lambdad
    .command("async")
    .description("asynchronous events: those that wait, run or have failed");
  asyncEvents
    .command("list")
    .argument("[function]", "name or ARN (default: all)")
    .description("list events with their age and attempts")
    .addOption(endpointOption())
    .option("--json", "one JSON object an event")
    .action(async (name, options) => {
      const { list } = await import("./async.ts");
      await list(createClient(resolveClient(options.endpoint), systemClock), systemClock, name, options);
    });
  asyncEvents
    .command("redrive")
    .argument("<function>", "name or ARN")
    .description("send a function's failed events to it again")
    .addOption(endpointOption())
    .action(async (name, options) => {
      const { redrive } = await import("./async.ts");
      await redrive(createClient(resolveClient(options.endpoint), systemClock), name);
    });
  asyncEvents
    .command("purge")
    .argument("<function>", "name or ARN")
    .description("remove a function's waiting events; those that run go on")
    .addOption(endpointOption())
    .option("--failed", "those that are kept after they failed, too")
    .action(async (name, options) => {
      const { purge } = await import("./async.ts");
      await purge(createClient(resolveClient(options.endpoint), systemClock), name, options);
    });

  lambdad
    .command("outbox")
    .description("e-mails and texts of SNS: kept here, for nobody carries them")
    .addOption(endpointOption())
    .option("--to <address>", "only those to this address or number")
    .option("--json", "one JSON object a line")
    .action(async (options) => {
      const { outbox } = await import("./outbox.ts");
      await outbox(createClient(resolveClient(options.endpoint), systemClock), options);
    });

  const runtimes = lambdad
    .command("runtimes")
    .description("list AWS's runtimes and what this machine has for them")
    .option("--data <dir>", "data directory, in which fetched runtimes are kept")
    .option("--all", "those that cannot be started here, too")
    .option("--json", "as JSON")
    .action(async (options) => {
      const { listRuntimes } = await import("./runtimes.ts");
      await listRuntimes(await localCatalog(options.data), options);
    });
  runtimes
    .command("install")
    .argument("<runtime>", "java21, java25, python3.13, ruby3.3, …")
    .configureHelp({ showGlobalOptions: true })
    .description(
      "make a root file system with it from Debian's packages, for functions to run in; takes root",
    )
    .action(async (id) => {
      const { installRuntime } = await import("./runtimes.ts");
      const { data } = runtimes.opts();
      await installRuntime(await localRoots(data), await localCatalog(data), id);
    });
  runtimes
    .command("remove")
    .argument("<runtime>", "one that was installed so; functions that run in it fail")
    .configureHelp({ showGlobalOptions: true })
    .description("remove that root file system")
    .action(async (id) => {
      const { removeRuntime } = await import("./runtimes.ts");
      await removeRuntime(await localRoots(runtimes.opts().data), id);
    });

  lambdad
    .command("doctor")
    .description("say what is missing for a full sandbox, and how to install it")
    .option("--data <dir>", "data directory")
    .option("--json", "as JSON")
    .action(async (options) => {
      const { doctor } = await import("./doctor.ts");
      process.exitCode = await doctor(
        resolveConfig({ dataDir: options.data }),
        await localCatalog(options.data),
        options,
      );
    });

  return lambdad;
}

function endpointOption(): Option {
  return new Option(
    "--endpoint <url>",
    "which lambdad (default: AWS_ENDPOINT_URL, else http://127.0.0.1:4566)",
  );
}

function inspectOption(): Option {
  return new Option(
    "--inspect [port]",
    "open the function to a debugger: Node's inspector (9229), or debugpy (5678)",
  ).argParser(portNumber);
}

/** "1s,500ms,2m" in milliseconds. */
function durations(text: string): number[] {
  return text.split(",").map((each) => {
    const match = /^(\d+)(ms|s|m)$/.exec(each.trim());
    if (!match) throw new InvalidArgumentError("It must be times like 1s,2s or 500ms.");
    return Number(match[1]) * { ms: 1, s: 1000, m: 60_000 }[match[2] as "ms" | "s" | "m"];
  });
}

function portNumber(text: string): number {
  const port = wholeNumber(text);
  if (port > 65_535) throw new InvalidArgumentError("A port is at most 65535.");
  return port;
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < Infinity)) throw new InvalidArgumentError("It must be a number above 0.");
  return value;
}

function numberOrUnlimited(text: string): number {
  return text === "unlimited" ? Infinity : positiveNumber(text);
}

async function localCatalog(dataDir: string | undefined) {
  const { createCatalog } = await import("../runtime/catalog.ts");
  const { silentLogger } = await import("../base/logger.ts");
  const { environment: env, ...config } = resolveConfig({ dataDir });
  return createCatalog({ ...config, env, logger: silentLogger, onProgress: note });
}

async function localRoots(dataDir: string | undefined) {
  const { createRoots } = await import("../runtime/roots.ts");
  return createRoots(resolveConfig({ dataDir }).dataDir);
}

async function newestRuntimes() {
  const entries = await (await localCatalog(undefined)).list(); // newest first
  const newest = (family: string, otherwise: string) =>
    entries.find(({ id, status }) => id.startsWith(family) && status === "ready")?.id ?? otherwise;
  return { python: newest("python3.", "python3.13"), ruby: newest("ruby", "ruby3.3") };
}
