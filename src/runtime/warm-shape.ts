/**
 * What a runtime is started with that cannot be changed afterwards: its shape. Starts of one shape can share waiting
 * runtimes; a start that sets anything else which counts at an interpreter's boot has no shape and is made for itself.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Mount } from "../isolation/driver.ts";
import type { LaunchPlan, VersionSpec } from "./contract.ts";

export interface Shape {
  /** Equal for what one waiting runtime can become. */
  readonly key: string;
  readonly plan: LaunchPlan;
  /** With the heap limit of the function's memory, where the interpreter takes it at its start only. */
  readonly argv: readonly string[];
  readonly ephemeralStorageMb: number;
}

export type ShapeFacts = Pick<VersionSpec, "variables" | "ephemeralStorageMb">;

/** `argv`: of `chooseEntrypoint`. Undefined: such a runtime cannot wait. */
export function shapeOf(facts: ShapeFacts, plan: LaunchPlan, argv: readonly string[]): Shape | undefined {
  if (!plan.canWait || Object.keys(facts.variables).some(countsAtBoot)) return undefined;
  const { ephemeralStorageMb } = facts;
  const key = JSON.stringify([argv, plan.root, plan.mounts, plan.env, ephemeralStorageMb]);
  return { key, plan, argv, ephemeralStorageMb };
}

/**
 * Read by the dynamic linker, libc, Node or Python before any of our code runs, or by our launch (a debugger's too).
 * NODE_ENV is not among Node's own; TZ counts, but can be changed later in both.
 */
const bootVariables = [
  /^(?:AWS_LAMBDA_EXEC_WRAPPER$|_LAMBDAD_)/,
  /^(?:LD|LC|MALLOC|UV|ICU|OPENSSL|SSL|PYTHON)_?/,
  /^NODE_(?!ENV$)/,
  /^(?:LANG|LANGUAGE|LOCPATH|GCONV_PATH|GLIBC_TUNABLES|HOME|NO_COLOR|FORCE_COLOR)$/,
];

export function countsAtBoot(variable: string): boolean {
  return bootVariables.some((pattern) => pattern.test(variable));
}

/** Where LD_LIBRARY_PATH leads to a function's own files, and which of them an interpreter would have loaded at its boot. */
const libraryDirectories = ["/var/task", "/var/task/lib", "/opt/lib"];
const bootLibraries = [
  ...[
    "libc.so.6",
    "libm.so.6",
    "libdl.so.2",
    "libpthread.so.0",
    "librt.so.1",
    "libutil.so.1",
    "libcrypt.so.1",
  ],
  ...["libstdc++.so.6", "libgcc_s.so.1", "libatomic.so.1", "libexpat.so.1", "libz.so.1"],
  // Directories in which the linker looks first, on machines that are new enough; it does not look for them again.
  ...["glibc-hwcaps", "haswell", "x86_64", "tls"],
];

/** Whether the function's code or layers bring a library that replaces one of the interpreter's own. */
export function bringsBootLibraries(mounts: readonly Mount[], exists = existsSync): boolean {
  return libraryDirectories.some((directory) => {
    const mount = mounts.find(({ target }) => directory === target || directory.startsWith(`${target}/`));
    if (!mount) return false;
    const outside = join(mount.source, directory.slice(mount.target.length));
    return exists(outside) && bootLibraries.some((library) => exists(join(outside, library)));
  });
}

/**
 * What is empty in a waiting sandbox until its function is known; `lib`, because the dynamic linker remembers which of its
 * directories were not there at the start.
 */
export const placeholders = ["/var/task", "/opt", "/var/task/lib", "/opt/lib"] as const;
