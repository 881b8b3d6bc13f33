/**
 * The steps of lifecycle rules from one storage class to a colder one: their checks, and which one is due. Pure. Objects
 * stay where they are; the class says what a reader may do (`isArchived`) and what listings show.
 * Source: "Transitioning objects using Amazon S3 Lifecycle".
 */
import type * as S3 from "@aws-sdk/client-s3";
import { transitionBytesMin } from "../../../limits.ts";
import { invalidArgument, malformedXml } from "../errors.ts";
import { standard } from "./object.ts";

export interface Step {
  readonly storageClass: string;
  readonly afterDays?: number;
  readonly atMs?: number;
  /** Noncurrent versions that stay as they are. */
  readonly kept?: number;
}

/** The warmest first: nothing goes back. */
const order: readonly string[] = [
  standard,
  "STANDARD_IA",
  "INTELLIGENT_TIERING",
  "ONEZONE_IA",
  "GLACIER_IR",
  "GLACIER",
  "DEEP_ARCHIVE",
];

const dayMs = 86_400_000;
const infrequentDaysMin = 30;

export function checkedSteps(rule: S3.LifecycleRule): {
  readonly current: readonly Step[];
  readonly noncurrent: readonly Step[];
} {
  const current = (rule.Transitions ?? []).map(({ Date: date, Days: days, StorageClass }): Step => {
    if ((date === undefined) === (days === undefined)) throw malformedXml();
    if (date && date.getTime() % dayMs !== 0) {
      throw invalidArgument("'Date' must be at midnight GMT", "Date", date.toISOString());
    }
    const storageClass = checkedClass(StorageClass, days, "Transition");
    return { storageClass, ...(days === undefined ? { atMs: Number(date) } : { afterDays: days }) };
  });
  const noncurrent = (rule.NoncurrentVersionTransitions ?? []).map((given): Step => {
    const { NewerNoncurrentVersions: kept, NoncurrentDays: days, StorageClass } = given;
    if (days === undefined) throw malformedXml();
    const storageClass = checkedClass(StorageClass, days, "NoncurrentVersionTransition");
    return { storageClass, afterDays: days, ...(kept !== undefined && { kept }) };
  });
  for (const steps of [current, noncurrent]) {
    if (new Set(steps.map(({ storageClass }) => storageClass)).size < steps.length) {
      throw malformedXml(); // inferred: two steps to one class
    }
  }
  checkExpiration(rule.Expiration?.Days, current);
  return { current, noncurrent };
}

function checkedClass(name: string | undefined, days: number | undefined, action: string): string {
  if (name === undefined || !order.includes(name) || name === standard) throw malformedXml();
  if (days !== undefined && days < 0) {
    throw invalidArgument(`'Days' in ${action} action must be nonnegative`);
  }
  const isInfrequent = name === "STANDARD_IA" || name === "ONEZONE_IA";
  if (isInfrequent && days !== undefined && days < infrequentDaysMin) {
    throw invalidArgument(
      `'Days' in ${action} action must be greater than or equal to ${infrequentDaysMin} for storageClass '${name}'`,
    );
  }
  return name;
}

function checkExpiration(days: number | undefined, steps: readonly Step[]): void {
  if (days === undefined || !steps.some(({ afterDays }) => afterDays !== undefined && afterDays >= days))
    return;
  throw invalidArgument(
    "'Days' in the Expiration action must be greater than 'Days' in the Transition action",
  );
}

/** The coldest of the classes that are due, if it is colder than the object's. */
export function coldest(due: readonly string[], now: string): string | undefined {
  const best = due.reduce((found, each) => (rank(each) > rank(found) ? each : found), now);
  return best === now ? undefined : best;
}

function rank(storageClass: string): number {
  return order.indexOf(storageClass);
}

/** Small ones cost more than they save: they stay, unless the rule speaks of sizes. */
export function isWorthMoving(
  sizeBytes: number,
  storageClass: string,
  { hasSizes, setting }: { readonly hasSizes: boolean; readonly setting: string },
): boolean {
  if (hasSizes || sizeBytes >= transitionBytesMin) return true;
  const isArchive = storageClass === "GLACIER" || storageClass === "DEEP_ARCHIVE";
  return setting === "varies_by_storage_class" && isArchive;
}
