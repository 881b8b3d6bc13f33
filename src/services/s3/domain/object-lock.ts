/** Retention and legal hold: what may be set, what they forbid. Pure. Source: map-sqs-sns-s3 3.18. */
import type * as S3 from "@aws-sdk/client-s3";
import { invalidArgument, invalidRequest, lockedObject, malformedXml } from "../errors.ts";
import type { BucketRecord } from "./bucket.ts";
import type { ObjectLock, Retention } from "./object.ts";

const dayMs = 86_400_000;

export interface LockHeaders {
  readonly ObjectLockMode?: string | undefined;
  readonly ObjectLockRetainUntilDate?: Date | undefined;
  readonly ObjectLockLegalHoldStatus?: string | undefined;
}

/** What an upload asks for. Throws on a bucket without object lock. */
export function lockOfHeaders(headers: LockHeaders, bucket: BucketRecord, nowMs: number): ObjectLock {
  const { ObjectLockMode: mode, ObjectLockRetainUntilDate: until, ObjectLockLegalHoldStatus: hold } = headers;
  if (mode === undefined && until === undefined && hold === undefined) return {};
  if (!bucket.settings.objectLock) throw invalidRequest("Bucket is missing ObjectLockConfiguration");
  if ((mode === undefined) !== (until === undefined)) {
    throw invalidArgument(
      "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied",
      mode === undefined ? "x-amz-object-lock-mode" : "x-amz-object-lock-retain-until-date",
    );
  }
  if (hold !== undefined && hold !== "ON" && hold !== "OFF") {
    throw invalidArgument("Legal Hold must be either of 'ON' or 'OFF'", "x-amz-object-lock-legal-hold", hold);
  }
  return {
    ...(until && { retention: retentionOf(mode, until, nowMs) }),
    ...(hold !== undefined && { legalHold: hold === "ON" }),
  };
}

export function retentionOf(mode: string | undefined, until: Date, nowMs: number): Retention {
  if (mode !== "GOVERNANCE" && mode !== "COMPLIANCE") {
    throw invalidArgument("Unknown wormMode directive.", "x-amz-object-lock-mode", mode);
  }
  if (until.getTime() <= nowMs) {
    const name = "x-amz-object-lock-retain-until-date";
    throw invalidArgument("The retain until date must be in the future!", name, until.toISOString());
  }
  return { mode, untilMs: until.getTime() };
}

/** What the bucket gives to new objects that ask for nothing. */
export function defaultLock({ settings }: BucketRecord, nowMs: number): ObjectLock {
  const rule = settings.objectLock?.defaultRetention;
  if (!rule || (rule.Mode !== "GOVERNANCE" && rule.Mode !== "COMPLIANCE")) return {};
  const days = rule.Days ?? (rule.Years ?? 0) * 365;
  return { retention: { mode: rule.Mode, untilMs: nowMs + days * dayMs } };
}

/** Throws AccessDenied for a version that is still protected. */
export function requireRemovable({ retention, legalHold }: ObjectLock, nowMs: number, bypass: boolean): void {
  if (legalHold) throw lockedObject();
  if (!retention || retention.untilMs <= nowMs) return;
  if (retention.mode === "COMPLIANCE" || !bypass) throw lockedObject();
}

/** Longer always; shorter or away only for GOVERNANCE, and only who bypasses it. */
export function requireRetentionChange(
  { retention: before }: ObjectLock,
  after: Retention | undefined,
  nowMs: number,
  bypass: boolean,
): void {
  if (!before || before.untilMs <= nowMs) return;
  const isLonger = after !== undefined && after.untilMs >= before.untilMs;
  const isSameMode = after?.mode === before.mode || after?.mode === "COMPLIANCE";
  if (isLonger && isSameMode) return;
  if (before.mode === "COMPLIANCE" || !bypass) throw lockedObject();
}

/** `undefined`: a configuration without a rule, which clears the default. */
export function checkedDefault(given: S3.ObjectLockConfiguration): S3.DefaultRetention | undefined {
  if (given.ObjectLockEnabled !== "Enabled") throw malformedXml();
  if (given.Rule === undefined) return undefined;
  const rule = given.Rule.DefaultRetention;
  if (!rule || (rule.Mode !== "GOVERNANCE" && rule.Mode !== "COMPLIANCE")) throw malformedXml();
  const { Days: days, Years: years } = rule;
  if ((days === undefined) === (years === undefined)) throw malformedXml();
  const [name, period, max] =
    days === undefined ? (["Years", years ?? 0, 100] as const) : (["Days", days, 36_500] as const);
  if (period <= 0) {
    throw invalidArgument("Default retention period must be a positive integer value.", name, period);
  }
  if (period > max) {
    throw invalidArgument("Default retention period too large.", name, period);
  }
  return rule;
}
