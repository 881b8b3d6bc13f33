/**
 * Aliases: a name for a version, or for two with weights. Pure. Sources: lambda-map 2.3, 3.3.
 *
 * An alias has a revision id of its own; making or changing one leaves those of the function and its versions alone.
 */
import {
  functionNotFound,
  invalidParameter,
  raise,
  resourceConflict,
  resourceNotFound,
  revisionMismatch,
} from "../errors.ts";
import type { FunctionRecord } from "./function.ts";
import { findAlias, findRevision } from "./function.ts";
import { arnOf, latest } from "./function-ref.ts";
import type { Stamp } from "./lifecycle.ts";
import type { Policy } from "../../../events/resource-policy.ts";
import { noPolicy } from "./policy.ts";
import { requireSeparate } from "./provisioned-rules.ts";
import { withoutQualifier } from "./settings.ts";

export interface Alias {
  readonly name: string;
  /** "7" or "$LATEST". */
  readonly version: string;
  readonly description: string;
  /** A share of the traffic goes to another version. */
  readonly additional: Additional | undefined;
  readonly revisionId: string;
  readonly policy: Policy;
}

export interface Additional {
  readonly version: string;
  /** 0 to 1. */
  readonly weight: number;
}

export interface AliasChange {
  readonly version?: string | undefined;
  readonly description?: string | undefined;
  /** Weight by version; empty: no routing; undefined: as it is. */
  readonly weights?: Readonly<Record<string, number>> | undefined;
}

export function aliasCreated(
  fn: FunctionRecord,
  made: AliasChange & { readonly name: string; readonly version: string },
  stamp: Stamp,
): { readonly fn: FunctionRecord; readonly alias: Alias } {
  if (findAlias(fn, made.name)) {
    throw resourceConflict(`Alias already exists: ${arnOf(fn.id, made.name)}`);
  }
  const fresh = { name: made.name, version: made.version, description: "", additional: undefined };
  const alias = changed(fn, { ...fresh, revisionId: "", policy: noPolicy }, made, stamp);
  return { fn: withAlias(fn, alias), alias };
}

export function aliasUpdated(
  fn: FunctionRecord,
  change: AliasChange & { readonly name: string; readonly revisionId?: string | undefined },
  stamp: Stamp,
): { readonly fn: FunctionRecord; readonly alias: Alias } {
  const before =
    findAlias(fn, change.name) ?? raise(resourceNotFound(`Alias not found: ${arnOf(fn.id, change.name)}`));
  if (change.revisionId !== undefined && change.revisionId !== before.revisionId) {
    throw revisionMismatch("GetFunction/GetAlias");
  }
  const alias = changed(fn, before, change, stamp);
  const next = withAlias(fn, alias);
  requireSeparate(next, alias.name);
  return { fn: next, alias };
}

export function aliasRemoved(fn: FunctionRecord, name: string): FunctionRecord {
  const aliases = fn.aliases.filter((alias) => alias.name !== name);
  return { ...fn, aliases, settings: withoutQualifier(fn.settings, name) };
}

/** Replaces the alias of that name, or adds it at its place. */
export function withAlias(fn: FunctionRecord, alias: Alias): FunctionRecord {
  const others = fn.aliases.filter(({ name }) => name !== alias.name);
  return { ...fn, aliases: [...others, alias].sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

/** Some alias that sends traffic to this version. */
export function aliasOn(fn: FunctionRecord, version: string): Alias | undefined {
  return fn.aliases.find((alias) => pointsTo(alias, version));
}

export function pointsTo(alias: Alias, version: string): boolean {
  return alias.version === version || alias.additional?.version === version;
}

/** `draw` in [0, 1): the additional version gets its weight's share, the primary the rest. */
export function chosenVersion({ version, additional }: Alias, draw: number): string {
  return additional && draw < additional.weight ? additional.version : version;
}

function changed(fn: FunctionRecord, before: Alias, change: AliasChange, stamp: Stamp): Alias {
  const version = change.version ?? before.version;
  const additional = change.weights ? additionalOf(change.weights) : before.additional;
  requireVersion(fn, version);
  if (additional) checkRouting(fn, version, additional);
  return {
    ...before,
    version,
    additional,
    description: change.description ?? before.description,
    revisionId: stamp.uuid(),
  };
}

function additionalOf(weights: Readonly<Record<string, number>>): Additional | undefined {
  const entries = Object.entries(weights);
  if (entries.length > 1) {
    throw invalidParameter("Number of items in AdditionalVersionWeights cannot be greater than 1");
  }
  const [entry] = entries;
  return entry && { version: entry[0], weight: entry[1] };
}

function checkRouting(fn: FunctionRecord, version: string, additional: Additional): void {
  if (version === latest || additional.version === latest) {
    throw invalidParameter("$LATEST is not supported for an alias pointing to more than 1 version");
  }
  if (additional.version === version) {
    throw invalidParameter(
      `Invalid function version ${version}. Function version ${version} is already included in routing configuration.`,
    );
  }
  requireVersion(fn, additional.version);
}

function requireVersion(fn: FunctionRecord, version: string): void {
  if (!findRevision(fn, version)) throw functionNotFound(arnOf(fn.id, version));
}
