/**
 * The external extensions of a function: every file in `extensions` of its merged layers. AWS starts them all, so one
 * that cannot be started fails each start of the function. Looks at the host's side of the mount; starts nothing.
 */
import { readdir, stat } from "node:fs/promises";
import { join, posix } from "node:path";
import type { Mount } from "../isolation/driver.ts";
import { extensionsMax } from "../limits.ts";
import type { Obstacle, Places } from "./entrypoint.ts";
import { launchObstacle } from "./entrypoint.ts";
import { LaunchError } from "./launch-error.ts";

export interface ExtensionFiles {
  /** As seen inside, sorted. */
  readonly paths: readonly string[];
  /** The first that cannot be started, if one can't. */
  readonly fault: ExtensionFault | undefined;
}

export interface ExtensionFault {
  /** Of the file and so of the extension. */
  readonly name: string;
  readonly obstacle: Obstacle;
}

/** `layers`: what is mounted at /opt. Throws `LaunchError`. */
export async function findExtensions(layers: Mount | undefined, places: Places): Promise<ExtensionFiles> {
  const paths: string[] = [];
  let fault: ExtensionFault | undefined;
  const names = layers ? await readdir(join(layers.source, "extensions")).catch(() => []) : [];
  for (const name of names.toSorted()) {
    // A link that leads to the system's own files can be judged inside only.
    const file = layers && (await stat(join(layers.source, "extensions", name)).catch(() => undefined));
    if (file?.isDirectory()) continue;
    const path = posix.join(layers?.target ?? "", "extensions", name);
    paths.push(path);
    const obstacle = fault ? undefined : await launchObstacle(path, places);
    if (obstacle) fault = { name, obstacle };
  }
  // inferred: the sentence.
  if (paths.length > extensionsMax)
    throw new LaunchError("Extension.LaunchError", `Extension limit (${extensionsMax}) reached`);
  return { paths, fault };
}
