/**
 * Lifecycle rules: their checks, and when an object, a version, a marker or an upload is due. Pure; `lifecycle.ts` beside
 * the operations looks for them. Source: map-sqs-sns-s3 3.18.
 */
import type * as S3 from "@aws-sdk/client-s3";
import { lifecycleRulesMax } from "../../../limits.ts";
import { invalidArgument, invalidRequest, malformedXml } from "../errors.ts";
import type { ObjectVersion, Tags } from "./object.ts";
import { checkedSteps, coldest, isWorthMoving, type Step } from "./transition.ts";

export interface LifecycleSettings {
  readonly rules: readonly LifecycleRule[];
  /** `x-amz-transition-default-minimum-object-size`, echoed. */
  readonly transitionSize: string;
}

export interface LifecycleRule {
  readonly id: string;
  readonly isEnabled: boolean;
  readonly filter: LifecycleFilter;
  /** As it was given, for whoever reads the configuration. */
  readonly given: Given;
  readonly expireAfterDays?: number;
  readonly expireAtMs?: number;
  readonly expireLoneMarkers?: boolean;
  readonly noncurrentDays?: number;
  readonly keptNoncurrent?: number;
  readonly abortAfterDays?: number;
  readonly steps?: readonly Step[];
  readonly noncurrentSteps?: readonly Step[];
}

interface LifecycleFilter {
  readonly prefix: string;
  readonly tags: Tags;
  readonly largerThan?: number;
  readonly smallerThan?: number;
}

/** JSON has no dates: `Date` is ISO text. */
type Given = Omit<S3.LifecycleRule, "Expiration" | "Transitions"> & {
  readonly Expiration?: Omit<S3.LifecycleExpiration, "Date"> & { readonly Date?: string };
  readonly Transitions?: readonly (Omit<S3.Transition, "Date"> & { readonly Date?: string })[];
};

const dayMs = 86_400_000;

export function checkedLifecycle(rules: readonly S3.LifecycleRule[], freshId: () => string): LifecycleRule[] {
  if (rules.length === 0 || rules.length > lifecycleRulesMax) throw malformedXml();
  const checked = rules.map((rule) => checkedRule(rule, freshId));
  if (new Set(checked.map(({ id }) => id)).size < checked.length) {
    throw invalidArgument("Rule ID must be unique. Found same ID for more than one rule");
  }
  return checked;
}

function checkedRule(rule: S3.LifecycleRule, freshId: () => string): LifecycleRule {
  const { AbortIncompleteMultipartUpload: abort, Expiration, NoncurrentVersionExpiration: noncurrent } = rule;
  if (rule.Status !== "Enabled" && rule.Status !== "Disabled") throw malformedXml();
  if (rule.Filter === undefined && rule.Prefix === undefined) throw malformedXml();
  if (rule.Filter !== undefined && rule.Prefix !== undefined) throw malformedXml();
  const steps = checkedSteps(rule);
  const hasSteps = steps.current.length + steps.noncurrent.length > 0;
  if (!abort && !Expiration && !noncurrent && !hasSteps) throw malformedXml();
  const id = rule.ID === undefined || rule.ID === "" ? freshId() : rule.ID;
  if (id.length > 255) throw invalidArgument("ID length should not exceed allowed limit of 255");
  const filter = checkedFilter(rule);
  checkExpiration(Expiration, filter);
  for (const days of [Expiration?.Days, noncurrent?.NoncurrentDays, abort?.DaysAfterInitiation]) {
    if (days !== undefined && days <= 0) {
      throw invalidArgument("'Days' for Expiration action must be a positive integer");
    }
  }
  if (abort && (filter.largerThan !== undefined || filter.smallerThan !== undefined || hasTags(filter))) {
    throw invalidRequest("AbortIncompleteMultipartUpload cannot be specified with Tags or Object Size."); // inferred
  }
  const { Expiration: _, Transitions: __, ...given } = { ...rule, ID: id };
  return {
    id,
    isEnabled: rule.Status === "Enabled",
    filter,
    given: {
      ...given,
      ...(Expiration && { Expiration: withIsoDate(Expiration) }),
      ...(rule.Transitions && { Transitions: rule.Transitions.map(withIsoDate) }),
    },
    ...(Expiration?.Days !== undefined && { expireAfterDays: Expiration.Days }),
    ...(Expiration?.Date && { expireAtMs: Expiration.Date.getTime() }),
    ...(Expiration?.ExpiredObjectDeleteMarker === true && { expireLoneMarkers: true }),
    ...(noncurrent?.NoncurrentDays !== undefined && { noncurrentDays: noncurrent.NoncurrentDays }),
    ...(noncurrent?.NewerNoncurrentVersions !== undefined && {
      keptNoncurrent: noncurrent.NewerNoncurrentVersions,
    }),
    ...(abort?.DaysAfterInitiation !== undefined && { abortAfterDays: abort.DaysAfterInitiation }),
    ...(steps.current.length > 0 && { steps: steps.current }),
    ...(steps.noncurrent.length > 0 && { noncurrentSteps: steps.noncurrent }),
  };
}

function checkedFilter({ Filter, Prefix }: S3.LifecycleRule): LifecycleFilter {
  if (Filter && Object.keys(Filter).length > 1) throw malformedXml();
  const all = Filter?.And ?? Filter;
  const tags = [...(Filter?.And?.Tags ?? []), ...(Filter?.Tag ? [Filter.Tag] : [])];
  if (new Set(tags.map(({ Key }) => Key)).size < tags.length) {
    throw invalidRequest("Duplicate Tag Keys are not allowed.");
  }
  return {
    prefix: all?.Prefix ?? Prefix ?? "",
    tags: Object.fromEntries(tags.map(({ Key = "", Value = "" }) => [Key, Value])),
    ...(all?.ObjectSizeGreaterThan !== undefined && { largerThan: all.ObjectSizeGreaterThan }),
    ...(all?.ObjectSizeLessThan !== undefined && { smallerThan: all.ObjectSizeLessThan }),
  };
}

function checkExpiration(expiration: S3.LifecycleExpiration | undefined, { tags }: LifecycleFilter): void {
  if (!expiration) return;
  const { Date: date, Days, ExpiredObjectDeleteMarker: markers } = expiration;
  if ([date, Days, markers].filter((each) => each !== undefined).length !== 1) throw malformedXml();
  if (markers !== undefined && Object.keys(tags).length > 0) throw malformedXml();
  if (date && date.getTime() % dayMs !== 0) {
    throw invalidArgument("'Date' must be at midnight GMT", "Date", date.toISOString());
  }
}

function hasTags({ tags }: LifecycleFilter): boolean {
  return Object.keys(tags).length > 0;
}

export function lifecycleToWire({ rules }: LifecycleSettings): S3.LifecycleRule[] {
  return rules.map(({ given }) => {
    const { Expiration, Transitions, ...rest } = given;
    return {
      ...rest,
      ...(Expiration && { Expiration: withDate(Expiration) }),
      ...(Transitions && { Transitions: Transitions.map(withDate) }),
    };
  });
}

function withIsoDate<T extends { readonly Date?: Date | undefined }>({ Date: date, ...rest }: T) {
  return { ...rest, ...(date && { Date: date.toISOString() }) };
}

function withDate<T extends { readonly Date?: string | undefined }>({ Date: date, ...rest }: T) {
  return { ...rest, ...(date !== undefined && { Date: new Date(date) }) };
}

type Subject = Pick<ObjectVersion, "modifiedAtMs" | "sizeBytes" | "tags">;

/** When the current object of this key expires, by the rule that comes first; undefined: never. */
export function expiryOf(
  { rules }: LifecycleSettings,
  key: string,
  object: Subject,
): { readonly atMs: number; readonly ruleId: string } | undefined {
  let first: { readonly atMs: number; readonly ruleId: string } | undefined;
  for (const rule of rules) {
    if (!rule.isEnabled || !covers(rule, key, object)) continue;
    const { expireAfterDays: days, expireAtMs } = rule;
    const atMs = days === undefined ? expireAtMs : daysAfter(object.modifiedAtMs, days);
    if (atMs !== undefined && (!first || atMs < first.atMs)) first = { atMs, ruleId: rule.id };
  }
  return first;
}

/** `noncurrentSinceMs`: when a newer version came. `newerCount`: noncurrent versions that are newer than this one. */
export function isNoncurrentDue(
  { rules }: LifecycleSettings,
  key: string,
  object: Subject,
  age: { readonly noncurrentSinceMs: number; readonly newerCount: number; readonly nowMs: number },
): boolean {
  return rules.some((rule) => {
    if (!rule.isEnabled || rule.noncurrentDays === undefined || !covers(rule, key, object)) return false;
    if (age.newerCount < (rule.keptNoncurrent ?? 0)) return false;
    return daysAfter(age.noncurrentSinceMs, rule.noncurrentDays) <= age.nowMs;
  });
}

/** The storage class that an object should have by now; undefined: the one that it has. */
export function transitionDue(
  settings: LifecycleSettings,
  key: string,
  object: Subject & { readonly storageClass: string },
  age: {
    /** When the version came or, of a noncurrent one, when the one after it came. */
    readonly sinceMs: number;
    readonly nowMs: number;
    /** Of noncurrent versions: how many newer ones there are. */
    readonly newerCount?: number;
  },
): string | undefined {
  const due: string[] = [];
  for (const rule of settings.rules) {
    if (!rule.isEnabled || !covers(rule, key, object)) continue;
    const { largerThan, smallerThan } = rule.filter;
    const hasSizes = largerThan !== undefined || smallerThan !== undefined;
    const steps = age.newerCount === undefined ? rule.steps : rule.noncurrentSteps;
    for (const { afterDays, atMs = Number.NaN, kept = 0, storageClass } of steps ?? []) {
      if ((age.newerCount ?? 0) < kept) continue;
      const dueMs = afterDays === undefined ? atMs : daysAfter(age.sinceMs, afterDays);
      const isWorth = isWorthMoving(object.sizeBytes, storageClass, {
        hasSizes,
        setting: settings.transitionSize,
      });
      if (dueMs <= age.nowMs && isWorth) due.push(storageClass);
    }
  }
  return coldest(due, object.storageClass);
}

/** A marker with nothing behind it. */
export function isLoneMarkerDue({ rules }: LifecycleSettings, key: string): boolean {
  return rules.some(
    (rule) => rule.isEnabled && rule.expireLoneMarkers === true && key.startsWith(rule.filter.prefix),
  );
}

export function abortionOf(
  { rules }: LifecycleSettings,
  key: string,
  startedAtMs: number,
): { readonly atMs: number; readonly ruleId: string } | undefined {
  const due = rules
    .filter(({ abortAfterDays, filter, isEnabled }) => {
      return isEnabled && abortAfterDays !== undefined && key.startsWith(filter.prefix);
    })
    .map(({ abortAfterDays = 0, id }) => ({ atMs: daysAfter(startedAtMs, abortAfterDays), ruleId: id }));
  return due.sort((a, b) => a.atMs - b.atMs)[0];
}

/** The next midnight, in universal time, after so many days. */
function daysAfter(sinceMs: number, days: number): number {
  return Math.ceil((sinceMs + days * dayMs) / dayMs) * dayMs;
}

function covers({ filter }: LifecycleRule, key: string, { sizeBytes, tags }: Subject): boolean {
  const { largerThan = -1, smallerThan = Number.POSITIVE_INFINITY, prefix } = filter;
  if (!key.startsWith(prefix) || sizeBytes <= largerThan || sizeBytes >= smallerThan) return false;
  return Object.entries(filter.tags).every(([name, value]) => tags[name] === value);
}
