#!/usr/bin/env node
/**
 * Starts lambdad with a Node that is new enough. Plain JavaScript for any Node >= 18.
 *
 * The running Node is used if it will do; else the one that npm brought as an optional dependency (`node24-…`), else one
 * named by LAMBDAD_NODE or found on PATH. It takes this process's place where the running Node can do that; else signals
 * and the exit code pass through, and when this process dies, so does the one that it started (it watches the IPC channel).
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import * as nodeModule from "node:module";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { endWithPackageRunner } from "./package-runner.js";

const oldestNode = [24, 15];
/**
 * V8's space for new objects grows to 110 MB in each thread under a burst of small ones, and stays so. With halves of 16 MB,
 * as V8 had it for years, it is half of that, and an invocation costs no more: docs/internals/async.md. Only a Node that
 * is being started takes this.
 */
const nurseryOption = "--max-semi-space-size";
const nurseryMb = 16;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
// A checkout runs its sources as they are; the published package has them compiled.
const entry = [join(root, "src", "main.ts"), join(root, "dist", "main.js")].find((path) => existsSync(path));
// Whoever started us with a channel would lose it.
const canBeReplaced = process.execve !== undefined && !process.channel;

if (!isNewEnough(process.versions.node)) relaunch(newerNode());
else if (process.argv[2] === "up" && canBeReplaced && !hasNurseryOption()) relaunch(process.execPath);
else await run();

async function run() {
  endWithPackageRunner();
  // Compiled code (and TypeScript with its types taken out) is kept for the next start: half the time, a quarter less
  // memory. The variable is for worker threads.
  process.env.NODE_COMPILE_CACHE ??= join(root, "node_modules", ".cache", "lambdad");
  nodeModule.enableCompileCache?.(process.env.NODE_COMPILE_CACHE);
  await import(pathToFileURL(entry).href);
}

/** Runs this file again with another Node, or with the options that only a start takes. */
function relaunch(node) {
  const options = hasNurseryOption() ? [] : [`${nurseryOption}=${nurseryMb}`];
  const args = [...process.execArgv, ...options, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  // Threads that share the allocator's arenas leave an idle server 3 MB less.
  const env = { MALLOC_ARENA_MAX: "2", ...process.env };
  if (canBeReplaced) process.execve(node, [node, ...args], env);
  const child = spawn(node, args, { env, stdio: ["inherit", "inherit", "inherit", "ipc"] });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
}

/** Set by us, or by the operator. */
function hasNurseryOption() {
  const given = [...process.execArgv, process.env.NODE_OPTIONS ?? ""].join(" ").replaceAll("_", "-");
  return given.includes(nurseryOption);
}

function newerNode() {
  const node = candidates().find((path) => existsSync(path) && isNewEnough(versionOf(path)));
  if (node) return node;
  console.error(
    `lambdad needs Node.js ${oldestNode.join(".")} or newer; this is ${process.versions.node} and no other was found.\n` +
      "Install it, or run `npm install` again without --omit=optional: npm then brings one along.\n" +
      "LAMBDAD_NODE=/path/to/node names one yourself.",
  );
  process.exit(1);
}

/** Where a newer Node may be, best first. */
function candidates() {
  const found = process.env.LAMBDAD_NODE ? [process.env.LAMBDAD_NODE] : [];
  for (let folder = root; ; folder = dirname(folder)) {
    for (const name of [`node24-${process.platform}-${process.arch}`, "node24"]) {
      found.push(join(folder, "node_modules", name, "bin", "node"));
    }
    if (dirname(folder) === folder) break;
  }
  return [...found, ...(process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "node"))];
}

function versionOf(node) {
  return spawnSync(node, ["-p", "process.versions.node"], { encoding: "utf8" }).stdout?.trim() ?? "";
}

function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
}
