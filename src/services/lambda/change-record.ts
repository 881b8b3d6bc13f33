/**
 * One record changed under the condition that nobody else has changed it since it was read; again from the start when
 * someone has. What `decide` throws goes to the caller, and nothing is written then.
 */
import { lambdaCommitAttemptsMax } from "../../limits.ts";
import type { Parts, Records } from "../../store/records.ts";
import type { Store, Write } from "../../store/store.ts";
import { StoreError } from "../../store/store.ts";
import { serviceFailed } from "./errors.ts";

export interface RecordChange<T> {
  readonly store: Store;
  readonly records: Records<T>;
  readonly parts: Parts;
  readonly missing: () => Error;
  /** Undefined: it is to be removed. `also`: what is written with it. */
  decide(before: T): Promise<Decision<T>> | Decision<T>;
}

export interface Decision<T> {
  readonly after: T | undefined;
  readonly also?: readonly Write[];
}

/** Answers what is there afterwards, or what was there if it was removed. */
export async function changeRecord<T>(change: RecordChange<T>): Promise<T> {
  const { store, records, parts } = change;
  for (let attempt = 0; attempt < lambdaCommitAttemptsMax; attempt += 1) {
    const stored = await records.get(parts);
    if (!stored) throw change.missing();
    const { after, also = [] } = await change.decide(stored.value);
    const write =
      after === undefined ? records.remove(parts, stored.version) : records.put(parts, after, stored.version);
    try {
      await store.commit([write, ...also]);
      return after ?? stored.value;
    } catch (error) {
      if (!(error instanceof StoreError && error.code === "conflict")) throw error;
    }
  }
  throw serviceFailed("The resource is being changed by too many callers at once.");
}
