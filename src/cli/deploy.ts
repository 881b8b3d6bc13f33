/**
 * `lambdad deploy DIR`: zips a folder, guesses how it wants to run, creates the function or updates what differs, waits
 * until it is ready, and says what it did. With --watch it stays, and updates the code each time when a file changes.
 * A jar or a zip in the folder's place is a package already, and goes as it is.
 */
import { readFileSync, statSync } from "node:fs";
import { basename, join, parse, resolve } from "node:path";
import type { Clock } from "../base/clock.ts";
import type { Client } from "./client.ts";
import { ApiError } from "./client.ts";
import type { Guess, NewestRuntimes } from "./guess.ts";
import { guess } from "./guess.ts";
import type { InspectOption } from "./inspect.ts";
import { openInspection } from "./inspect.ts";
import { CommandError, bold, green, megabytes, print, red } from "./output.ts";
import { filesOf, packFolder } from "./package-folder.ts";
import { watchedFolder } from "./watched-folder.ts";

export interface DeployOptions {
  readonly name?: string;
  readonly runtime?: string;
  readonly handler?: string;
  readonly memory?: number;
  readonly timeout?: number;
  readonly env?: readonly string[];
  readonly json?: boolean;
  readonly watch?: boolean;
  readonly inspect?: InspectOption;
}

export interface DeployDeps {
  readonly client: Client;
  readonly clock: Clock;
  /** For the guess. */
  readonly newestRuntimes: () => Promise<NewestRuntimes>;
}

interface Configuration {
  readonly FunctionArn: string;
  readonly CodeSha256: string;
  readonly Runtime: string;
  readonly Handler: string;
  readonly State?: string;
  readonly StateReason?: string;
  readonly LastUpdateStatus?: string;
  readonly LastUpdateStatusReason?: string;
}

const anyRole = "arn:aws:iam::000000000000:role/lambdad";
const pollMs = 50;

export async function deploy(deps: DeployDeps, directory: string, options: DeployOptions): Promise<void> {
  const folder = resolve(directory);
  const isArchive = isPackage(folder);
  if (!isArchive && !statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new CommandError(`${directory} is neither a folder nor a .zip or .jar file`);
  if (isArchive && options.watch) throw new CommandError("--watch takes a folder");
  const name = options.name ?? (isArchive ? parse(folder).name : basename(folder));
  const settings = await settingsOf(deps, folder, options);
  const say = (text: string) => (options.json ? undefined : print(`${bold(name)}: ${text}`));

  const zip = isArchive ? readFileSync(folder) : await zipped(folder, say);
  say(`runtime ${settings.Runtime}, handler ${settings.Handler}${settings.because}`);

  const path = `/2015-03-31/functions/${encodeURIComponent(name)}`;
  const existing = await existingFunction(deps.client, path);
  const { because: _, ...wanted } = settings;
  if (existing) await update(deps, path, existing, wanted, zip, say);
  else await create(deps.client, name, wanted, zip, say);

  const ready = await untilReady(deps, path);
  if (options.json) return print(JSON.stringify(ready, undefined, 2));
  say(`${green("active")}, ${ready.FunctionArn}`);
  const { inspect } = options;
  if (inspect !== undefined) {
    await openInspection(deps.client, { name, runtime: wanted.Runtime, inspect, wait: false });
  }
  if (options.watch) return watchFolder(deps, folder, path, say);
  print(`\nInvoke it:  lambdad invoke ${name} --payload '{}'\nIts log:    lambdad logs ${name} --follow`);
}

function isPackage(path: string): boolean {
  return /\.(zip|jar)$/.test(path) && statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

async function zipped(folder: string, say: (text: string) => void): Promise<Uint8Array> {
  const { zip, files } = await packFolder(folder);
  say(`zipped ${files.length} ${files.length === 1 ? "file" : "files"}, ${megabytes(zip.length)}`);
  return zip;
}

/** Never resolves: until Ctrl-C. */
async function watchFolder(
  deps: DeployDeps,
  folder: string,
  path: string,
  say: (text: string) => void,
): Promise<never> {
  const changes = watchedFolder(folder, deps.clock);
  say(`watching ${folder}; Ctrl-C ends it`);
  for (;;) {
    await changes.next();
    const beganMs = deps.clock.monotonic();
    try {
      const { zip } = await packFolder(folder);
      await deps.client.lambda("PUT", `${path}/code`, { ZipFile: Buffer.from(zip).toString("base64") });
      await untilReady(deps, path);
      say(`${green("updated")} in ${Math.round(deps.clock.monotonic() - beganMs)} ms`);
    } catch (error) {
      // A file that is being written, a syntax error in a zip's making: the next change may be better.
      say(red(error instanceof Error ? error.message : String(error)));
    }
  }
}

async function settingsOf(deps: DeployDeps, folder: string, options: DeployOptions) {
  let guessed: Guess | undefined;
  if (!isPackage(folder) && (!options.runtime || !options.handler)) {
    const files = filesOf(folder);
    guessed = guess(
      { files, read: (file) => readFileSync(join(folder, file), "utf8") },
      await deps.newestRuntimes(),
    );
  }
  const runtime = options.runtime ?? guessed?.runtime;
  const handler = options.handler ?? guessed?.handler;
  if (!runtime || !handler) {
    throw new CommandError(
      `cannot tell how ${folder} wants to run`,
      isPackage(folder)
        ? "Say it with --runtime and --handler."
        : "It has no bootstrap, index.js, lambda_function.py or .rb. Say it with --runtime and --handler.",
    );
  }
  const because =
    guessed && !(options.runtime && options.handler) ? ` (guessed from ${guessed.because})` : "";
  return {
    Runtime: runtime,
    Handler: handler,
    because,
    ...(options.memory === undefined ? {} : { MemorySize: options.memory }),
    ...(options.timeout === undefined ? {} : { Timeout: options.timeout }),
    ...(options.env === undefined ? {} : { Environment: { Variables: variablesOf(options.env) } }),
  };
}

function variablesOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1) throw new CommandError(`"${pair}" is not a variable`, "Write --env NAME=value.");
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

async function existingFunction(client: Client, path: string): Promise<Configuration | undefined> {
  try {
    return await client.lambda<Configuration>("GET", `${path}/configuration`);
  } catch (error) {
    if (error instanceof ApiError && error.code === "ResourceNotFoundException") return undefined;
    throw error;
  }
}

async function create(
  client: Client,
  name: string,
  wanted: object,
  zip: Uint8Array,
  say: (text: string) => void,
) {
  const code = { ZipFile: Buffer.from(zip).toString("base64") };
  await client.lambda("POST", "/2015-03-31/functions", {
    FunctionName: name,
    Role: anyRole,
    Code: code,
    ...wanted,
  });
  say("created");
}

async function update(
  deps: DeployDeps,
  path: string,
  existing: Configuration,
  wanted: object,
  zip: Uint8Array,
  say: (text: string) => void,
): Promise<void> {
  const code = { ZipFile: Buffer.from(zip).toString("base64") };
  const updated = await deps.client.lambda<Configuration>("PUT", `${path}/code`, code);
  await untilReady(deps, path);
  await deps.client.lambda("PUT", `${path}/configuration`, wanted);
  const isSameCode = updated.CodeSha256 === existing.CodeSha256;
  say(isSameCode ? "code unchanged, configuration updated" : "code and configuration updated");
}

async function untilReady(deps: DeployDeps, path: string): Promise<Configuration> {
  for (;;) {
    const current = await deps.client.lambda<Configuration>("GET", `${path}/configuration`);
    if (current.State === "Failed") throw new CommandError(`the function failed: ${current.StateReason}`);
    if (current.LastUpdateStatus === "Failed") {
      throw new CommandError(
        `the update failed: ${current.LastUpdateStatusReason}`,
        "The old version still serves.",
      );
    }
    if (current.State !== "Pending" && current.LastUpdateStatus !== "InProgress") return current;
    await deps.clock.sleep(pollMs);
  }
}
