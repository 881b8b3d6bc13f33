/** What is alike for all batches: checks that fail the whole, and answers that tell the entries apart. Source: map-sqs-sns-s3 1.1, 1.5. */
import { batchEntriesMax } from "../../limits.ts";
import type { AwsError } from "../../wire/aws-error.ts";
import {
  emptyBatch,
  failedEntry,
  invalidEntryId,
  missingParameter,
  repeatedEntryId,
  tooManyEntries,
} from "./errors.ts";

export interface Entry {
  readonly Id?: string | undefined;
}

/** `entryName`: as AWS calls an entry. */
export function checkBatch(entries: readonly Entry[], entryName: string): void {
  if (entries.length === 0) throw emptyBatch(entryName);
  if (entries.length > batchEntriesMax) throw tooManyEntries(entries.length, batchEntriesMax);
  const seen = new Set<string>();
  for (const { Id: id } of entries) {
    if (id === undefined) throw missingParameter(`${entryName}.Id`);
    if (!/^[A-Za-z0-9_-]{1,80}$/.test(id)) throw invalidEntryId();
    if (seen.has(id)) throw repeatedEntryId(id);
    seen.add(id);
  }
}

export type EntryResult<T> = { readonly done: T } | { readonly failed: AwsError };

type Failed = ReturnType<typeof failedEntry>[];

/** Members that would be empty are left out; the model, which requires them, is wrong there (recorded). */
export function batchResult<T extends object>(
  entries: readonly Entry[],
  results: readonly EntryResult<T>[],
): { Successful: ({ Id: string } & T)[]; Failed: Failed } {
  const successful: ({ Id: string } & T)[] = [];
  const failed: Failed = [];
  for (const [at, { Id: id = "" }] of entries.entries()) {
    const result = results[at];
    if (!result) continue;
    if ("done" in result) successful.push({ Id: id, ...result.done });
    else failed.push(failedEntry(id, result.failed));
  }
  const answer = {
    ...(successful.length > 0 && { Successful: successful }),
    ...(failed.length > 0 && { Failed: failed }),
  };
  return answer as { Successful: ({ Id: string } & T)[]; Failed: Failed };
}
