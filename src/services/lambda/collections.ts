/**
 * What Lambda keeps in the store, and the writes that take a function from one record to the next. Pure but for reading.
 *
 *     lambda/function    <account> <region> <name>                   a function without its versions
 *     lambda/version     <account> <region> <name> <uid> <number>    one version, written once (but for its policy)
 *     lambda/account     <account> <region>                          reserved and provisioned by all its functions
 *     lambda/url         <url-id>                                    whose function URL this is
 *     lambda/code-signing <account> <region> <id>                    a code signing configuration
 *     lambda/layer       <account> <region> <name>                   the next number of a layer
 *     lambda/layer-version <account> <region> <name> <number>        one version of a layer
 *     lambda/mapping     <account> <region> <uuid>                   an event source mapping
 *     lambda/mapped      <account> <region> <source> <function>      the UUID of the mapping between these two
 *     lambda/code-use    <sha256> <account> <region> <name>          "this function needs this zip"
 *     lambda/code-use    <sha256> <account> <region> layer:<name>:<number>    "this layer version does"
 *     lambda/code-check  <sha256>                                    "look whether anyone still needs this zip"
 *     lambda/code-secret url                                         what download URLs are signed with, hex
 *
 * The function's `uid` in the key of its versions keeps them from a later function of the same name.
 */
import { lambdaVersionsPerCommitMax } from "../../limits.ts";
import type { Parts, Records } from "../../store/records.ts";
import { records } from "../../store/records.ts";
import type { Store, Write } from "../../store/store.ts";
import type { AccountRecord } from "./domain/account.ts";
import type { CodeSigningConfig } from "./domain/code-signing.ts";
import type { Mapping } from "./domain/mapping.ts";
import type { FunctionRecord, Version } from "./domain/function.ts";
import { codeOf } from "./domain/function.ts";
import type { FunctionId } from "./domain/function-ref.ts";
import type { Layer, LayerVersion } from "./domain/layer.ts";

/** A function without its versions, as lists read it. */
export type FunctionHead = Omit<FunctionRecord, "versions">;

/** Where requests to a function URL go. */
export interface UrlOwner extends FunctionId {
  /** "$LATEST" or an alias, which may be gone. */
  readonly qualifier: string;
}

export interface Collections {
  readonly functions: Records<FunctionHead>;
  readonly versions: Records<Version>;
  readonly accounts: Records<AccountRecord>;
  readonly urls: Records<UrlOwner>;
  readonly codeSigning: Records<CodeSigningConfig>;
  readonly mappings: Records<Mapping>;
  readonly mapped: Records<string>;
  readonly layers: Records<Layer>;
  readonly layerVersions: Records<LayerVersion>;
  readonly codeUses: Records<true>;
  readonly codeChecks: Records<true>;
  readonly codeSecrets: Records<string>;
}

export function lambdaCollections(store: Store): Collections {
  return {
    functions: records(store, "lambda/function"),
    versions: records(store, "lambda/version"),
    accounts: records(store, "lambda/account"),
    urls: records(store, "lambda/url"),
    codeSigning: records(store, "lambda/code-signing"),
    mappings: records(store, "lambda/mapping"),
    mapped: records(store, "lambda/mapped"),
    layers: records(store, "lambda/layer"),
    layerVersions: records(store, "lambda/layer-version"),
    codeUses: records(store, "lambda/code-use"),
    codeChecks: records(store, "lambda/code-check"),
    codeSecrets: records(store, "lambda/code-secret"),
  };
}

export function functionParts({ account, region, name }: FunctionId): Parts {
  return [account, region, name];
}

export function versionParts({ id, uid }: FunctionHead): Parts {
  return [...functionParts(id), uid];
}

/** From one record to the next; left out: there is none. */
export interface FunctionChange {
  readonly id: FunctionId;
  /** As read, with the version of its entry. */
  readonly before: { readonly value: FunctionRecord; readonly version: number } | undefined;
  readonly after: FunctionRecord | undefined;
}

/** One commit; its first write is the function's own, on the condition that nobody has changed it since. */
export function writesFor(to: Collections, { id, before, after }: FunctionChange): Write[] {
  const parts = functionParts(id);
  const ifVersion = before?.version ?? 0;
  return [
    after ? to.functions.put(parts, headOf(after), ifVersion) : to.functions.remove(parts, ifVersion),
    ...versionWrites(to, before?.value, after),
    ...codeWrites(to, id, codeChange(before?.value, after)),
    ...urlWrites(to, before?.value, after),
  ];
}

function headOf({ versions: _elsewhere, ...head }: FunctionRecord): FunctionHead {
  return head;
}

function versionWrites(
  { versions }: Collections,
  before: FunctionRecord | undefined,
  after: FunctionRecord | undefined,
): Write[] {
  const unchanged = new Set(before?.versions);
  const kept = new Set(after?.versions.map(({ number }) => number));
  // Padded, so that keys are in the order of numbers.
  const partsOf = (fn: FunctionRecord, { number }: Version): Parts => [
    ...versionParts(fn),
    String(number).padStart(10, "0"),
  ];
  const writes: Write[] = [];
  for (const version of after?.versions ?? []) {
    if (after && !unchanged.has(version)) writes.push(versions.put(partsOf(after, version), version));
  }
  for (const version of before?.versions ?? []) {
    if (before && !kept.has(version.number)) writes.push(versions.remove(partsOf(before, version)));
  }
  return writes;
}

/** What is taken into use needs no look any more; what lost a user does. */
function codeWrites({ codeUses, codeChecks }: Collections, id: FunctionId, change: CodeChange): Write[] {
  const use = (sha256: string): Parts => [sha256, ...functionParts(id)];
  return [
    ...change.added.flatMap((sha256) => [codeUses.put(use(sha256), true), codeChecks.remove([sha256])]),
    ...change.dropped.flatMap((sha256) => [codeUses.remove(use(sha256)), codeChecks.put([sha256], true)]),
  ];
}

function urlWrites(
  { urls }: Collections,
  before: FunctionRecord | undefined,
  after: FunctionRecord | undefined,
): Write[] {
  const old = urlOwners(before);
  const now = urlOwners(after);
  return [
    ...[...now].flatMap(([urlId, owner]) => (old.has(urlId) ? [] : [urls.put([urlId], owner, 0)])),
    ...[...old.keys()].flatMap((urlId) => (now.has(urlId) ? [] : [urls.remove([urlId])])),
  ];
}

function urlOwners(fn: FunctionRecord | undefined): ReadonlyMap<string, UrlOwner> {
  if (!fn) return new Map();
  const urls = Object.entries(fn.settings.urls);
  return new Map(urls.map(([qualifier, { urlId }]) => [urlId, { ...fn.id, qualifier }]));
}

export interface CodeChange {
  /** Content that a change brought to a function. */
  readonly added: readonly string[];
  /** Content that it no longer needs. */
  readonly dropped: readonly string[];
}

export function codeChange(
  before: FunctionRecord | undefined,
  after: FunctionRecord | undefined,
): CodeChange {
  const old = before ? codeOf(before) : new Set<string>();
  const now = after ? codeOf(after) : new Set<string>();
  return {
    added: [...now].filter((sha256) => !old.has(sha256)),
    dropped: [...old].filter((sha256) => !now.has(sha256)),
  };
}

/** Without the oldest versions, as many as one commit can remove; itself when the rest fits one. */
export function withoutOldestVersions(fn: FunctionRecord): FunctionRecord {
  if (fn.versions.length <= lambdaVersionsPerCommitMax) return fn;
  return { ...fn, versions: fn.versions.slice(lambdaVersionsPerCommitMax) };
}
