/**
 * What a function is: the records that are stored and the questions that are asked of them. Pure and immutable; how a
 * record changes is in `lifecycle.ts`, `alias.ts` and `policy.ts`.
 *
 * A *configuration* is everything that one version runs with, code included. A *revision* is a configuration with its
 * state: `$LATEST` is one, each published version is one.
 */
import type { VersionSpec } from "../../../runtime/contract.ts";
import type { Alias } from "./alias.ts";
import type { FunctionId } from "./function-ref.ts";
import { arnOf, latest } from "./function-ref.ts";
import type { Policy } from "../../../events/resource-policy.ts";
import type { FunctionSettings } from "./settings.ts";

export interface FunctionRecord {
  readonly id: FunctionId;
  /** Tells this function from an earlier one of the same name. */
  readonly uid: string;
  readonly latest: Revision;
  /** In the order of their numbers. */
  readonly versions: readonly Version[];
  /** In the order of their names. */
  readonly aliases: readonly Alias[];
  /** Numbers are never used again, not even after the version was deleted. */
  readonly nextVersion: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly reservedConcurrency: number | undefined;
  readonly settings: FunctionSettings;
}

export interface Revision {
  readonly configuration: Configuration;
  readonly lifecycle: Lifecycle;
  readonly revisionId: string;
  /** Who may use it, beside the account itself. An alias has its own. */
  readonly policy: Policy;
}

export interface Version extends Revision {
  readonly number: number;
  /** Of `$LATEST` when it was published: publishing the same again answers this version. */
  readonly fingerprint: string;
}

export type Architecture = "x86_64" | "arm64";
export type LogFormat = "Text" | "JSON";
export type LogLevels = NonNullable<VersionSpec["logLevels"]>;

/** Immutable (L1): a change makes another one with another `changeId`. */
export interface Configuration {
  /** Fresh with each change, even with one that changes nothing. */
  readonly changeId: string;
  readonly runtime: string;
  readonly handler: string;
  readonly role: string;
  readonly description: string;
  readonly memoryMb: number;
  readonly timeoutSeconds: number;
  readonly ephemeralStorageMb: number;
  readonly architecture: Architecture;
  /** Undefined: `Environment` was never given; AWS then leaves it out of its answers. */
  readonly variables: Readonly<Record<string, string>> | undefined;
  readonly logFormat: LogFormat;
  /** Undefined with LogFormat Text, which has none. */
  readonly logLevels: LogLevels | undefined;
  readonly logGroup: string;
  readonly tracing: "Active" | "PassThrough";
  /** Queue or topic that asynchronous events go to which were given up. */
  readonly deadLetterArn: string | undefined;
  readonly code: Code;
  /** Published versions are initialised ahead, and restored. Undefined: they are not. */
  readonly snapStart: true | undefined;
  /** In the order in which they are applied. */
  readonly layers: readonly LayerUse[];
  readonly lastModifiedAtMs: number;
  /** Known once the runtime has been planned. */
  readonly runtimeVersionArn: string | undefined;
}

export interface Code {
  /** Of the zip, 64 lower-case hex digits: also its name among the blobs. */
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly unzippedBytes: number;
}

/** A layer version as a function keeps it: it goes on working when the layer version is deleted. */
export interface LayerUse {
  readonly arn: string;
  readonly code: Code;
}

/** State and LastUpdateStatus as one union. Versions are never `updating` or `update-failed`. */
export type Lifecycle =
  | { readonly kind: "pending" }
  | { readonly kind: "active" }
  /** Of a version that is published with SnapStart: its snapshot is being made. */
  | { readonly kind: "snapshotting" }
  | ({ readonly kind: "failed" } & Failure)
  /** `serving` runs until the new configuration is ready. */
  | { readonly kind: "updating"; readonly serving: Configuration }
  | ({ readonly kind: "update-failed"; readonly serving: Configuration } & Failure);

export interface Failure {
  readonly reason: string;
  readonly reasonCode: FailureCode;
}

export type FailureCode = "InvalidRuntime" | "InvalidZipFileException" | "FunctionError" | "InternalError";

/** What invocations run now; undefined while nothing does. */
export function servingOf({ lifecycle, configuration }: Revision): Configuration | undefined {
  switch (lifecycle.kind) {
    case "active":
      return configuration;
    case "updating":
    case "update-failed":
      return lifecycle.serving;
    case "pending":
    case "snapshotting":
    case "failed":
      return undefined;
  }
}

/** A revision under its name: "$LATEST" or "7". */
export interface Found {
  readonly version: string;
  readonly revision: Revision;
}

/** By version, `$LATEST`, or the alias's primary version; undefined: there is none of that name. */
export function findRevision(fn: FunctionRecord, qualifier: string = latest): Found | undefined {
  if (qualifier === latest) return { version: latest, revision: fn.latest };
  if (!/^\d+$/.test(qualifier)) {
    const alias = findAlias(fn, qualifier);
    return alias && findRevision(fn, alias.version);
  }
  const revision = fn.versions.find(({ number }) => String(number) === qualifier);
  return revision && { version: qualifier, revision };
}

/** `$LATEST`, then the versions in their order; only those after the given one. */
export function everyRevision(fn: FunctionRecord, after?: string): Found[] {
  const versions = fn.versions.map((revision) => ({ version: String(revision.number), revision }));
  if (after === undefined) return [{ version: latest, revision: fn.latest }, ...versions];
  return after === latest ? versions : versions.filter(({ revision }) => revision.number > Number(after));
}

export function findAlias(fn: FunctionRecord, name: string): Alias | undefined {
  return fn.aliases.find((alias) => alias.name === name);
}

/** Content that some version of the function still needs. */
export function codeOf(fn: FunctionRecord): ReadonlySet<string> {
  const used = new Set<string>();
  for (const revision of [fn.latest, ...fn.versions]) {
    for (const configuration of [revision.configuration, servingOf(revision)]) {
      if (configuration) for (const { sha256 } of contentsOf(configuration)) used.add(sha256);
    }
  }
  return used;
}

/** The deployment package and the layers. */
export function contentsOf({ code, layers }: Configuration): readonly Code[] {
  return [code, ...layers.map((layer) => layer.code)];
}

/** The spec that environments of this version are made from. */
export function specOf(id: FunctionId, version: string, configuration: Configuration): VersionSpec {
  const functionArn = arnOf(id);
  return {
    key: `${functionArn}:${version}#${configuration.changeId}`,
    account: id.account,
    region: id.region,
    functionName: id.name,
    version,
    functionArn,
    runtime: configuration.runtime,
    handler: configuration.handler,
    codeSha256: configuration.code.sha256,
    layers: configuration.layers.map(({ code }) => code.sha256),
    memoryMb: configuration.memoryMb,
    timeoutMs: configuration.timeoutSeconds * 1000,
    ephemeralStorageMb: configuration.ephemeralStorageMb,
    variables: configuration.variables ?? {},
    logGroup: configuration.logGroup,
    logFormat: configuration.logFormat,
    ...(configuration.logLevels && { logLevels: configuration.logLevels }),
    ...(configuration.snapStart && version !== latest && { initialization: "snap-start" }),
  };
}

/** Keys of every spec that may still be invoked; environments with other keys are to be retired. */
export function liveKeys(fn: FunctionRecord): string[] {
  const keys: string[] = [];
  for (const revision of fn.versions) {
    const isSnapshotting = revision.lifecycle.kind === "snapshotting";
    const serving = isSnapshotting ? revision.configuration : servingOf(revision);
    if (serving) keys.push(specOf(fn.id, String(revision.number), serving).key);
  }
  const serving = servingOf(fn.latest);
  if (serving) keys.push(specOf(fn.id, latest, serving).key);
  return keys;
}
