/**
 * How a function's record changes: create, update, activation's end, publish. Pure; every change is a function from one
 * record to the next, so that the store can run it again when another writer was faster. What may not be done in a
 * state is refused here with AWS's text. Sources: lambda-map 3.1, 3.2.
 *
 *     create ─► pending ─► active ⇄ updating ─► update-failed (goes on serving what served before)
 *                  └─────► failed (for good: delete and create again)
 *
 * A version that is published with SnapStart is `snapshotting` between that and active, or failed.
 */
import { createHash } from "node:crypto";
import { invalidParameter, resourceConflict, revisionMismatch, snapStartNotReady } from "../errors.ts";
import type {
  Code,
  Configuration,
  Failure,
  FunctionRecord,
  Lifecycle,
  Revision,
  Version,
} from "./function.ts";
import { servingOf } from "./function.ts";
import type { FunctionId } from "./function-ref.ts";
import { arnOf } from "./function-ref.ts";
import { noPolicy } from "./policy.ts";
import { noSettings } from "./settings.ts";

/** What a change takes from outside: the time, and fresh ids. */
export interface Stamp {
  readonly nowMs: number;
  uuid(): string;
}

export interface NewFunction {
  readonly id: FunctionId;
  readonly configuration: Configuration;
  readonly tags: Readonly<Record<string, string>>;
  /** Version 1 comes with it. */
  readonly publish: boolean;
  readonly codeSigningConfigArn?: string | undefined;
}

export function created(made: NewFunction, stamp: Stamp): FunctionRecord {
  const pending = (): Revision => ({
    configuration: made.configuration,
    lifecycle: { kind: "pending" },
    revisionId: stamp.uuid(),
    policy: noPolicy,
  });
  return {
    id: made.id,
    uid: stamp.uuid(),
    latest: pending(),
    versions: made.publish ? [{ ...pending(), number: 1, fingerprint: fingerprint(made.configuration) }] : [],
    aliases: [],
    nextVersion: made.publish ? 2 : 1,
    tags: made.tags,
    reservedConcurrency: undefined,
    settings: { ...noSettings, codeSigningConfigArn: made.codeSigningConfigArn },
  };
}

/** `$LATEST` begins to change; what serves now goes on serving until `activationEnded`. */
export function updateBegun(fn: FunctionRecord, next: Configuration, stamp: Stamp): FunctionRecord {
  const serving = requireChangeable(fn);
  const configuration = { ...next, changeId: stamp.uuid(), lastModifiedAtMs: stamp.nowMs };
  const lifecycle: Lifecycle = { kind: "updating", serving };
  return { ...fn, latest: { ...fn.latest, configuration, lifecycle, revisionId: stamp.uuid() } };
}

/** What became of unpacking the code and finding the runtime. */
export type ActivationEnd =
  | { readonly kind: "ready"; readonly runtimeVersionArn: string }
  | ({ readonly kind: "failed" } & Failure);

/** The change that activation worked on; undefined: nothing waits for it. */
export function awaitedChange(fn: FunctionRecord): Configuration | undefined {
  const { configuration, lifecycle } = fn.latest;
  return lifecycle.kind === "pending" || lifecycle.kind === "updating" ? configuration : undefined;
}

/** Ends the wait of `$LATEST` and of versions published with that change (L3). A late end changes nothing. */
export function activationEnded(
  fn: FunctionRecord,
  change: { readonly changeId: string; readonly end: ActivationEnd },
  stamp: Stamp,
): FunctionRecord {
  if (awaitedChange(fn)?.changeId !== change.changeId) return fn;
  const ended = (revision: Revision): Revision => ({
    ...revision,
    configuration:
      change.end.kind === "ready"
        ? { ...revision.configuration, runtimeVersionArn: change.end.runtimeVersionArn }
        : revision.configuration,
    lifecycle: endOf(revision.lifecycle, change.end),
    revisionId: stamp.uuid(),
  });
  return {
    ...fn,
    latest: ended(fn.latest),
    versions: fn.versions.map((version) =>
      version.lifecycle.kind === "pending" ? publishable({ ...version, ...ended(version) }) : version,
    ),
  };
}

/** Of SnapStart, a version that could run needs its snapshot first. */
function publishable(version: Version): Version {
  const { configuration, lifecycle } = version;
  const needsSnapshot = configuration.snapStart && lifecycle.kind === "active";
  return needsSnapshot ? { ...version, lifecycle: { kind: "snapshotting" } } : version;
}

/** What became of a version's snapshot. A late end changes nothing. */
export interface SnapshotEnd {
  readonly number: number;
  readonly changeId: string;
  readonly failure: Failure | undefined;
}

export function snapshotEnded(fn: FunctionRecord, end: SnapshotEnd, stamp: Stamp): FunctionRecord {
  const { number, changeId, failure } = end;
  const lifecycle: Lifecycle = failure ? { kind: "failed", ...failure } : { kind: "active" };
  const isMeant = (version: Version): boolean =>
    version.number === number &&
    version.configuration.changeId === changeId &&
    version.lifecycle.kind === "snapshotting";
  if (!fn.versions.some(isMeant)) return fn;
  return {
    ...fn,
    versions: fn.versions.map((version) =>
      isMeant(version) ? { ...version, lifecycle, revisionId: stamp.uuid() } : version,
    ),
  };
}

function endOf(lifecycle: Lifecycle, end: ActivationEnd): Lifecycle {
  if (end.kind === "ready") return { kind: "active" };
  const { reason, reasonCode } = end;
  if (lifecycle.kind === "updating")
    return { kind: "update-failed", serving: lifecycle.serving, reason, reasonCode };
  return { kind: "failed", reason, reasonCode };
}

export interface PublishRequest {
  /** Undefined: the description of `$LATEST`. */
  readonly description?: string | undefined;
  /** Base64, as AWS shows it; undefined: any. */
  readonly codeSha256?: string | undefined;
}

/** The next version, or the newest one if nothing has changed since. `$LATEST` gets another revision id. */
export function published(
  fn: FunctionRecord,
  request: PublishRequest,
  stamp: Stamp,
): { readonly fn: FunctionRecord; readonly version: Version } {
  requireChangeable(fn);
  checkCodeSha256(fn, request.codeSha256);
  if (fn.latest.lifecycle.kind === "update-failed") {
    // inferred: AWS publishes nothing that it could not make ready.
    throw resourceConflict(
      `The operation cannot be performed at this time. The last update has failed for resource: ${arnOf(fn.id)}`,
    );
  }
  const unchanged = unchangedVersion(fn);
  if (unchanged) return { fn, version: unchanged };
  const version = publishable(nextVersion(fn, request.description, stamp));
  return { fn: withVersion({ ...fn, latest: { ...fn.latest, revisionId: stamp.uuid() } }, version), version };
}

/** UpdateFunctionCode with Publish: a version that becomes active together with `$LATEST`. */
export function publishedWithUpdate(
  fn: FunctionRecord,
  stamp: Stamp,
): { readonly fn: FunctionRecord; readonly version: Version } {
  const unchanged = unchangedVersion(fn);
  if (unchanged) return { fn, version: unchanged };
  const version: Version = { ...nextVersion(fn, undefined, stamp), lifecycle: { kind: "pending" } };
  return { fn: withVersion(fn, version), version };
}

/** The newest version, if `$LATEST` is as it was when that was published. */
function unchangedVersion(fn: FunctionRecord): Version | undefined {
  const newest = fn.versions.at(-1);
  return newest?.fingerprint === fingerprint(fn.latest.configuration) ? newest : undefined;
}

function nextVersion(fn: FunctionRecord, description: string | undefined, stamp: Stamp): Version {
  const { configuration, lifecycle } = fn.latest;
  return {
    number: fn.nextVersion,
    fingerprint: fingerprint(configuration),
    configuration: {
      ...configuration,
      description: description ?? configuration.description,
      lastModifiedAtMs: stamp.nowMs,
    },
    lifecycle,
    revisionId: stamp.uuid(),
    policy: noPolicy,
  };
}

function withVersion(fn: FunctionRecord, version: Version): FunctionRecord {
  return { ...fn, versions: [...fn.versions, version], nextVersion: fn.nextVersion + 1 };
}

/** Equal for configurations between which AWS sees no change. */
function fingerprint(configuration: Configuration): string {
  const {
    changeId: _change,
    lastModifiedAtMs: _time,
    runtimeVersionArn: _runtime,
    ...content
  } = configuration;
  const variables = content.variables && Object.entries(content.variables).sort(byName);
  // What is not there is not there after a restart either, where `undefined` was not kept.
  const held = Object.entries({ ...content, variables }).filter(([, value]) => value !== undefined);
  return sha256Of(JSON.stringify(held.sort(byName)));
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

function checkCodeSha256(fn: FunctionRecord, wanted: string | undefined): void {
  const current = sha256Text(fn.latest.configuration.code);
  if (wanted === undefined || wanted === "" || wanted === current) return;
  throw invalidParameter(
    `CodeSHA256 (${wanted}) is different from current CodeSHA256 in $LATEST (${current}). Please try again with the CodeSHA256 in $LATEST.`,
  );
}

/** CodeSha256 as AWS shows it: base64. */
export function sha256Text({ sha256 }: Code): string {
  return Buffer.from(sha256, "hex").toString("base64");
}

export function sha256Of(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export function requireRevision(fn: FunctionRecord, revisionId: string | undefined): void {
  if (revisionId !== undefined && revisionId !== "" && revisionId !== fn.latest.revisionId) {
    throw revisionMismatch("GetFunction/GetAlias");
  }
}

/** Answers what serves; refuses while pending, failed or updating. */
export function requireChangeable(fn: FunctionRecord): Configuration {
  requireNotUpdating(fn);
  return requireServing(fn.latest);
}

export function requireNotUpdating(fn: FunctionRecord): void {
  if (fn.latest.lifecycle.kind !== "updating") return;
  throw resourceConflict(
    `The operation cannot be performed at this time. An update is in progress for resource: ${arnOf(fn.id)}`,
  );
}

/** The configuration that invocations run; refuses in states in which none is. */
export function requireServing(revision: Revision): Configuration {
  const serving = servingOf(revision);
  if (serving) return serving;
  if (revision.lifecycle.kind === "snapshotting") throw snapStartNotReady();
  const state = revision.lifecycle.kind === "failed" ? "Failed" : "Pending";
  throw resourceConflict(
    `The operation cannot be performed at this time. The function is currently in the following state: ${state}`,
  );
}
