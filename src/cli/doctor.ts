/** `lambdad doctor`: what this machine has for lambdad, what it lacks, and how to get it. Exit code 1 if anything is lacking. */
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { accessSync, constants } from "node:fs";
import { systemClock } from "../base/clock.ts";
import { silentLogger } from "../base/logger.ts";
import { systemRandom } from "../base/random.ts";
import type { Config } from "../config.ts";
import { probeIsolation } from "../isolation/select.ts";
import type { Catalog } from "../runtime/contract.ts";
import { bold, dim, green, print, yellow } from "./output.ts";

export interface DoctorOptions {
  readonly json?: boolean;
}

interface Finding {
  readonly what: string;
  readonly isFine: boolean;
  readonly detail: string;
}

export async function doctor(config: Config, catalog: Catalog, options: DoctorOptions): Promise<number> {
  const findings = [
    { what: "Node.js", isFine: true, detail: `${process.versions.node} at ${process.execPath}` },
    ...(await sandboxFindings()),
    ...(await runtimeFindings(catalog)),
    toolFinding(config.path, "npm", "needed to fetch Node.js runtimes on first use"),
    toolFinding(config.path, "aws", "the AWS CLI is not needed, but useful: apt-get install awscli"),
    dataFinding(config.dataDir),
  ];
  if (options.json) print(JSON.stringify(findings, undefined, 2));
  else
    for (const { what, isFine, detail } of findings)
      print(`${isFine ? green("✓") : yellow("!")} ${bold(what)}: ${detail}`);
  const lacking = findings.filter(({ isFine }) => !isFine);
  if (!options.json)
    print(lacking.length === 0 ? "\nNothing is missing." : dim(`\n${lacking.length} to mend.`));
  return lacking.length === 0 ? 0 : 1;
}

async function sandboxFindings(): Promise<Finding[]> {
  const root = process.getuid?.() === 0 ? "/run" : tmpdir();
  const folder = await mkdtemp(join(root, "lambdad-doctor-"));
  await chmod(folder, 0o711); // sandboxes pass through, as unprivileged users
  try {
    // A name of its own: the sweep of a probe must not touch a lambdad that is running.
    const instance = systemRandom.hex(4);
    const probe = await probeIsolation({
      instance,
      stageDir: join(folder, "stage"),
      diskDir: join(folder, "disks"),
      clock: systemClock,
      logger: silentLogger,
    });
    const isFine = probe.missing.length === 0;
    return [
      {
        what: "sandbox",
        isFine,
        detail: isFine ? `${probe.driver}, complete` : `${probe.driver}, not complete`,
      },
      ...probe.missing.map((detail) => ({ what: "sandbox", isFine: false, detail })),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runtimeFindings(catalog: Catalog): Promise<Finding[]> {
  const entries = await catalog.list();
  const ids = (status: string) => entries.filter((entry) => entry.status === status).map(({ id }) => id);
  return [
    {
      what: "runtimes",
      isFine: true,
      detail: `${ids("ready").join(", ")}; on first use: ${ids("fetchable").join(", ")}`,
    },
  ];
}

function toolFinding(path: string, tool: string, why: string): Finding {
  const found = path
    .split(delimiter)
    .map((folder) => join(folder, tool))
    .find(isExecutable);
  return { what: tool, isFine: found !== undefined, detail: found ?? `not on PATH; ${why}` };
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    // Not there, or not ours to run: the same to us.
    return false;
  }
}

function dataFinding(dataDir: string): Finding {
  for (let folder = dataDir; ; folder = join(folder, "..")) {
    try {
      accessSync(folder, constants.W_OK);
      return { what: "data", isFine: true, detail: dataDir };
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
      if (!isMissing)
        return {
          what: "data",
          isFine: false,
          detail: `${folder} cannot be written: choose another with --data`,
        };
    }
  }
}
