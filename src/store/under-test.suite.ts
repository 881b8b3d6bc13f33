/** What the store's suites share: how a store under test is made, and short forms for writes and refusals. */
import { StoreError } from "./store.ts";
import type { Store, StoreErrorCode, Write } from "./store.ts";

export interface StoreUnderTest {
  readonly store: Store;
  /** Closes the store that is open and opens what it left. */
  reopen(): Promise<Store>;
  /** Changes a byte of a stored blob behind the store's back. */
  damageBlob(sha256: string): Promise<void>;
  /** Closes and removes everything. */
  dispose(): Promise<void>;
}

export type MakeStore = () => Promise<StoreUnderTest>;

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function put(key: string, value: string, ifVersion?: number): Write {
  return { kind: "put", key, value: bytes(value), ifVersion };
}

export function remove(key: string, ifVersion?: number): Write {
  return { kind: "remove", key, ifVersion };
}

export function failsWith(code: StoreErrorCode) {
  return (error: unknown) => error instanceof StoreError && error.code === code;
}

/** Runs the task with a store and disposes of it, whatever happens. */
export async function withStore(
  make: MakeStore,
  task: (store: Store, made: StoreUnderTest) => Promise<void>,
): Promise<void> {
  const made = await make();
  try {
    await task(made.store, made);
  } finally {
    await made.dispose();
  }
}
