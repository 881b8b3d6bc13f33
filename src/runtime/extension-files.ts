/**
 * The external extensions of a function: every file in `extensions` of its merged layers. AWS starts them all, so one
 * that cannot be started fails each start of the function. Looks at the host's side of the mount; starts nothing.
 */
import { readdir, stat } from "node:fs/promises";
import { join, posix } from "node:path";
import type { Mount } from "../isolation/driver.ts";
import { extensionsMax } from "../limits.ts";
import { LaunchError } from "./launch-error.ts";

/** Paths as seen inside, sorted. `layers`: what is mounted at /opt. Throws `LaunchError` in AWS's words. */
export async function findExtensions(layers: Mount | undefined): Promise<readonly string[]> {
  if (!layers) return [];
  const names = await readdir(join(layers.source, "extensions")).catch(() => []);
  const found: string[] = [];
  for (const name of names.toSorted()) {
    const path = posix.join(layers.target, "extensions", name);
    // A link that leads to the system's own files can be judged inside only.
    const file = await stat(join(layers.source, "extensions", name)).catch(() => undefined);
    if (file?.isDirectory()) continue;
    if (file && (file.mode & 0o111) === 0) throw launchError(`fork/exec ${path}: permission denied`);
    found.push(path);
  }
  // inferred: the sentence.
  if (found.length > extensionsMax) throw launchError(`Extension limit (${extensionsMax}) reached`);
  return found;
}

function launchError(message: string): LaunchError {
  return new LaunchError("Extension.LaunchError", message);
}
