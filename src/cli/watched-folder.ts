/**
 * Tells when a folder's files have changed and have been left alone for a moment: editors write a file in several steps.
 *
 * Each folder in it is watched for itself. Node's recursive watch loses a file that was renamed away and made again, as
 * many editors save. Never gives up on a folder that is gone: builds remove theirs and make it again.
 */
import type { Dirent, FSWatcher } from "node:fs";
import { existsSync, readdirSync, watch } from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import type { Clock, Timer } from "../base/clock.ts";
import { isLeftOut } from "./package-folder.ts";

const quietMs = 50;

export interface Changes {
  /** Resolves at the next change, at once if there has been one since the last call. */
  next(): Promise<void>;
  /** Nothing is watched any more; `next` is not called again. */
  close(): void;
}

export function watchedFolder(folder: string, clock: Clock): Changes {
  const watchers = new Map<string, FSWatcher>();
  /** Of folders that have gone from where they were. Closed in `follow` only: an open one keeps the process. */
  const outdated = new Set<string>();
  let change = Promise.withResolvers<void>();
  let timer: Timer | undefined;

  function later(): void {
    timer?.cancel();
    timer = clock.after(quietMs, () => {
      if (follow()) change.resolve();
    });
  }

  /** Watches what is there now. False: the folder is not, and where it was is watched until it is. */
  function follow(): boolean {
    const isThere = existsSync(folder);
    const folders = isThere ? foldersIn(folder) : new Set([nearestAbove(folder)]);
    for (const path of watchers.keys()) if (!folders.has(path) || outdated.has(path)) forget(path);
    for (const path of folders) if (!watchers.has(path)) begin(path);
    return isThere;
  }

  function begin(path: string): void {
    try {
      const watcher = watch(path, (event, file) => {
        // So a folder says that it is gone, or called otherwise; another may have its name by now.
        if (event === "rename" && file === basename(path)) outdated.add(path);
        if (file === null || !isLeftOut(pathIn(folder, join(path, file)))) later();
      });
      watcher.on("error", () => {
        outdated.add(path);
        later();
      });
      watchers.set(path, watcher);
    } catch (error) {
      // Gone since it was listed: its parent says so.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }

  function forget(path: string): void {
    watchers.get(path)?.close();
    watchers.delete(path);
    outdated.delete(path);
  }

  follow();
  return {
    async next() {
      await change.promise;
      change = Promise.withResolvers();
    },
    close() {
      timer?.cancel();
      for (const path of watchers.keys()) forget(path);
    },
  };
}

/** It and those in it. */
function foldersIn(folder: string): ReadonlySet<string> {
  const folders = new Set([folder]);
  for (const path of folders) {
    for (const entry of entriesOf(path)) {
      const inside = join(path, entry.name);
      if (entry.isDirectory() && !isLeftOut(pathIn(folder, inside))) folders.add(inside);
    }
  }
  return folders;
}

/** None of what is gone meanwhile: its parent says so. */
function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

function nearestAbove(path: string): string {
  const above = dirname(path);
  return existsSync(above) ? above : nearestAbove(above);
}

function pathIn(folder: string, path: string): string {
  return relative(folder, path).split(sep).join("/");
}
