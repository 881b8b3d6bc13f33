/** Tells when a folder's files have changed and have been left alone for a moment: editors write a file in several steps. */
import { watch } from "node:fs";
import { sep } from "node:path";
import type { Clock, Timer } from "../base/clock.ts";
import { isLeftOut } from "./package-folder.ts";

const quietMs = 50;

export interface Changes {
  /** Resolves at the next change, at once if there has been one since the last call. */
  next(): Promise<void>;
}

export function watchedFolder(folder: string, clock: Clock): Changes {
  let change = Promise.withResolvers<void>();
  let quiet: Timer | undefined;
  watch(folder, { recursive: true }, (_event, file) => {
    if (file !== null && isLeftOut(file.split(sep).join("/"))) return;
    quiet?.cancel();
    quiet = clock.after(quietMs, () => change.resolve());
  });
  return {
    async next() {
      await change.promise;
      change = Promise.withResolvers();
    },
  };
}
