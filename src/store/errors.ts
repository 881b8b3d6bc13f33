/** What every implementation says in the same words. */
import { StoreError } from "./store.ts";

export function conflict(key: string): StoreError {
  return new StoreError("conflict", `the entry ${JSON.stringify(key)} has another version`);
}

export function closed(): StoreError {
  return new StoreError("closed", "the store is closed");
}

export function blobNotFound(sha256: string): StoreError {
  return new StoreError("not-found", `there is no blob ${sha256}`);
}

export function blobCorrupt(sha256: string): StoreError {
  return new StoreError("corrupt", `the blob ${sha256} is damaged: its bytes have another SHA-256`);
}
