/**
 * A folder as a deployment package: every file with its mode, symbolic links as links, the same bytes for the same
 * content (times are fixed), so that a deploy without a change is seen as one.
 */
import { lstatSync, readFileSync, readdirSync, readlinkSync } from "node:fs";
import { join, sep } from "node:path";
import { buffer } from "node:stream/consumers";
import yazl from "yazl";

export interface Packed {
  readonly zip: Uint8Array;
  readonly files: readonly string[];
}

/** Not part of any program. */
const leftOut = new Set([
  ".git",
  ".DS_Store",
  "node_modules/.cache",
  "node_modules/.package-lock.json",
  "__pycache__",
]);
/** What editors keep beside a file while it is open or being saved: vim, Emacs, JetBrains. */
const editorsOwn = /(^|\/)(\.#[^/]*|#[^/]*#|\.[^/]*\.sw[a-p]|[^/]*~|[^/]*___jb_(tmp|old)___)$/;
const mtime = new Date(Date.UTC(1980, 0, 1));

/** Relative paths, "/" between parts, sorted. */
export function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((path) => path.split(sep).join("/"))
    .filter((path) => !isLeftOut(path) && !lstatSync(join(folder, path)).isDirectory())
    .toSorted();
}

export async function packFolder(folder: string): Promise<Packed> {
  const files = filesOf(folder);
  const archive = new yazl.ZipFile();
  for (const file of files) {
    const path = join(folder, file);
    const { mode } = lstatSync(path);
    const isLink = (mode & 0o170000) === 0o120000;
    const content = isLink ? Buffer.from(readlinkSync(path)) : readFileSync(path);
    archive.addBuffer(content, file, { mode, mtime });
  }
  archive.end();
  return { zip: await buffer(archive.outputStream), files };
}

export function isLeftOut(path: string): boolean {
  const parts = path.split("/");
  return (
    parts.some((part) => leftOut.has(part)) ||
    leftOut.has(parts.slice(0, 2).join("/")) ||
    path.endsWith(".zip") ||
    editorsOwn.test(path)
  );
}
