/**
 * What every driver refuses before it does anything: specs that are malformed, too large, or would mount something over
 * what a sandbox is promised to find. Pure.
 */
import { posix } from "node:path";
import { sandboxArgvBytesMax, sandboxEnvBytesMax, sandboxMountsMax } from "../limits.ts";
import { DriverError, type SandboxSpec } from "./driver.ts";

const idPattern = /^[a-z0-9-]{1,40}$/;
const variablePattern = /^[^=\0]+$/;
/** Where a mount would replace what this file promises. */
const reservedTargets = ["/proc", "/dev", "/sys", "/etc", "/tmp", "/usr", "/bin", "/sbin", "/lib", "/lib64"];

/** Throws `DriverError` "spec". */
export function checkSpec(spec: SandboxSpec): void {
  refuse(!idPattern.test(spec.id), "an id is 1 to 40 of a-z, 0-9 and -");
  refuse(
    spec.tmpName !== undefined && !idPattern.test(spec.tmpName),
    "a /tmp's name is 1 to 40 of a-z, 0-9 and -",
  );
  refuse(spec.argv.length === 0 || !spec.argv[0], "argv names no program");
  refuse(
    spec.argv.some((argument) => argument.includes("\0")),
    "an argument has a zero byte",
  );
  refuse(bytes(spec.argv) > sandboxArgvBytesMax, `arguments are limited to ${sandboxArgvBytesMax} bytes`);
  const variables = Object.entries(spec.env);
  refuse(
    variables.some(([name, value]) => !variablePattern.test(name) || value.includes("\0")),
    "an environment variable has no name or a zero byte",
  );
  refuse(
    bytes(variables.flat()) > sandboxEnvBytesMax,
    `variables are limited to ${sandboxEnvBytesMax} bytes`,
  );
  refuse(!isPlainPath(spec.cwd), "cwd is not an absolute path");
  refuse(spec.root !== undefined && !isPlainPath(spec.root), "the root is not an absolute path");
  refuse(spec.mounts.length > sandboxMountsMax, `more than ${sandboxMountsMax} mounts`);
  for (const { source, target } of spec.mounts) {
    refuse(!isPlainPath(source), `the mount source ${source} is not an absolute path`);
    refuse(!isPlainPath(target) || target === "/", `the mount target ${target} is not an absolute path`);
    refuse(
      reservedTargets.some((path) => isWithin(target, path)),
      `nothing can be mounted at ${target}`,
    );
  }
  const positive = [spec.memoryMb, spec.cpus, spec.processesMax, spec.openFilesMax, spec.tmpBytesMax];
  refuse(!positive.every((limit) => Number.isFinite(limit) && limit > 0), "a limit is not a positive number");
}

function refuse(condition: boolean, why: string): void {
  if (condition) throw new DriverError("spec", why);
}

function bytes(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0);
}

function isPlainPath(path: string): boolean {
  return posix.isAbsolute(path) && posix.normalize(path) === path && !path.includes("\0");
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}
