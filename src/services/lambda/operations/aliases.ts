/** CreateAlias, GetAlias, UpdateAlias, DeleteAlias, ListAliases. */
import { listAliasesPageMax } from "../../../limits.ts";
import { aliasCreated, aliasRemoved, aliasUpdated, pointsTo } from "../domain/alias.ts";
import { functionNotFound, resourceNotFound } from "../errors.ts";
import { findAlias } from "../domain/function.ts";
import type { Caller, FunctionRef } from "../domain/function-ref.ts";
import { arnOf, arnOfRef, parseFunctionRef, requireUnqualified } from "../domain/function-ref.ts";
import type { LambdaOperations } from "../operation-types.ts";
import { firstOf, markerOf, readMarker } from "../paging.ts";
import type { LambdaParts } from "../parts.ts";
import { aliasToWire } from "../to-wire.ts";

type AliasOperations = Pick<
  LambdaOperations,
  "CreateAlias" | "GetAlias" | "UpdateAlias" | "DeleteAlias" | "ListAliases"
>;

export function createAliasOperations({ functions, stamp }: LambdaParts): AliasOperations {
  return {
    async CreateAlias(input, ctx) {
      const ref = unqualifiedRef(input.FunctionName, "CreateAlias", ctx);
      const made = {
        name: input.Name,
        version: input.FunctionVersion,
        description: input.Description,
        weights: input.RoutingConfig && (input.RoutingConfig.AdditionalVersionWeights ?? {}),
      };
      const missing = (): Error => functionNotFound(arnOf(ref.id, input.FunctionVersion));
      const { alias } = await functions.change(ref.id, missing, (fn) => aliasCreated(fn, made, stamp()));
      return aliasToWire(ref.id, alias);
    },

    async GetAlias(input, ctx) {
      const ref = unqualifiedRef(input.FunctionName, "GetAlias", ctx);
      const fn = await functions.get(ref.id);
      const alias = fn && findAlias(fn, input.Name);
      if (!alias) throw resourceNotFound(`Cannot find alias arn: ${arnOf(ref.id, input.Name)}`);
      return aliasToWire(ref.id, alias);
    },

    async UpdateAlias(input, ctx) {
      const ref = unqualifiedRef(input.FunctionName, "UpdateAlias", ctx);
      const change = {
        name: input.Name,
        version: input.FunctionVersion,
        description: input.Description,
        weights: input.RoutingConfig && (input.RoutingConfig.AdditionalVersionWeights ?? {}),
        revisionId: input.RevisionId,
      };
      const missing = (): Error => resourceNotFound(`Alias not found: ${arnOf(ref.id, input.Name)}`);
      const { alias } = await functions.change(ref.id, missing, (fn) => aliasUpdated(fn, change, stamp()));
      return aliasToWire(ref.id, alias);
    },

    async DeleteAlias(input, ctx) {
      const ref = unqualifiedRef(input.FunctionName, "DeleteAlias", ctx);
      const missing = (): Error => functionNotFound(arnOfRef(ref));
      await functions.change(ref.id, missing, (fn) => ({
        fn: findAlias(fn, input.Name) ? aliasRemoved(fn, input.Name) : fn,
      }));
      return {};
    },

    async ListAliases(input, ctx) {
      const ref = unqualifiedRef(input.FunctionName, "ListAliases", ctx);
      const fn = await functions.get(ref.id);
      if (!fn) throw functionNotFound(arnOfRef(ref));
      const { FunctionVersion: version } = input;
      const [after] = readMarker(input.Marker, 1) ?? [];
      const wanted = fn.aliases.filter(
        (alias) =>
          (after === undefined || alias.name > after) && (version === undefined || pointsTo(alias, version)),
      );
      const limit = Math.min(input.MaxItems ?? listAliasesPageMax, listAliasesPageMax);
      const { items, last } = firstOf(wanted, limit);
      return {
        Aliases: items.map((alias) => aliasToWire(fn.id, alias)),
        ...(last && { NextMarker: markerOf(last.name) }),
      };
    },
  };
}

function unqualifiedRef(name: string, action: string, caller: Caller): FunctionRef {
  const ref = parseFunctionRef({ name, action }, caller);
  requireUnqualified(ref);
  return ref;
}
