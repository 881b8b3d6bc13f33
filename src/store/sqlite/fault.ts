/** What SQLite threw, as a `StoreError`. Codes: https://www.sqlite.org/rescode.html (extended ones). */
import { StoreError } from "../store.ts";

const primary = { CORRUPT: 11, FULL: 13, NOTADB: 26 } as const;
// The disk has no room for the index of the write-ahead log.
const ioErrShmSize = 4874;

/** Throws on what neither SQLite nor the file system threw: that is a mistake of ours, not a fault of the world. */
export function faultOf(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const { code, errcode = 0 } = error as { code?: string; errcode?: number };
  if (code === undefined) throw error;
  if (code === "ENOSPC" || code === "EDQUOT") return full(error);
  switch (errcode & 0xff) {
    case primary.FULL:
      return full(error);
    case primary.CORRUPT:
    case primary.NOTADB:
      return new StoreError("corrupt", "the database is damaged", { cause: error });
  }
  if (errcode === ioErrShmSize) return full(error);
  return new StoreError("io", "the database could not be read or written", { cause: error });
}

function full(cause: unknown): StoreError {
  return new StoreError("full", "the disk is full: nothing was written", { cause });
}
