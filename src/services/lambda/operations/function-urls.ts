/** Create, Get, Update, Delete and ListFunctionUrlConfigs: one address for a function and for each alias. */
import { own } from "../../../base/own.ts";
import { listFunctionUrlConfigsPageMax } from "../../../limits.ts";
import { functionNotFound, nothingRequestedExists, resourceConflict, resourceNotFound } from "../errors.ts";
import type { FunctionRecord } from "../domain/function.ts";
import { findAlias } from "../domain/function.ts";
import type { Caller, FunctionRef } from "../domain/function-ref.ts";
import { arnOfRef, latest, parseFunctionRef } from "../domain/function-ref.ts";
import type { FunctionUrl, ReachedAt } from "../domain/function-url.ts";
import { corsOf, urlIdOf } from "../domain/function-url.ts";
import { listed, without } from "../domain/settings.ts";
import type { LambdaOperations } from "../operation-types.ts";
import { firstOf, markerOf, readMarker } from "../paging.ts";
import type { LambdaParts } from "../parts.ts";
import { functionUrlToWire } from "../settings-to-wire.ts";

type UrlOperations = Pick<
  LambdaOperations,
  | "CreateFunctionUrlConfig"
  | "GetFunctionUrlConfig"
  | "UpdateFunctionUrlConfig"
  | "DeleteFunctionUrlConfig"
  | "ListFunctionUrlConfigs"
>;

interface Named {
  readonly FunctionName: string;
  readonly Qualifier?: string | undefined;
}

export function createFunctionUrlOperations(parts: LambdaParts): UrlOperations {
  const { functions, clock, random, hasLoopbackNames } = parts;
  const reachedAt = async ({ endpoint }: { readonly endpoint: string }): Promise<ReachedAt> => ({
    endpoint,
    hasLoopbackNames: await hasLoopbackNames(),
  });
  return {
    async CreateFunctionUrlConfig(input, ctx) {
      const ref = refOf(input, "CreateFunctionUrlConfig", ctx);
      const nowMs = clock.now();
      const made: FunctionUrl = {
        urlId: urlIdOf(random.bytes(32)),
        authType: input.AuthType,
        cors: input.Cors && corsOf(input.Cors),
        invokeMode: input.InvokeMode,
        createdAtMs: nowMs,
        lastModifiedAtMs: nowMs,
      };
      await functions.change(ref.id, missingFunction, (fn) => {
        if (ref.qualifier !== undefined && !findAlias(fn, ref.qualifier)) {
          throw functionNotFound(arnOfRef(ref));
        }
        if (urlOf(fn, ref)) {
          throw resourceConflict(
            `Failed to create function url config for [functionArn = ${arnOfRef(ref)}]. Error message:  FunctionUrlConfig exists for this Lambda function`,
          );
        }
        return { fn: withUrls(fn, { ...fn.settings.urls, [keyOf(ref)]: made }) };
      });
      const wire = functionUrlToWire(ref, made, await reachedAt(ctx));
      const { InvokeMode, LastModifiedTime: _unshown, ...shown } = wire;
      return { ...shown, ...(made.invokeMode && { InvokeMode }) };
    },

    async GetFunctionUrlConfig(input, ctx) {
      const ref = refOf(input, "GetFunctionUrlConfig", ctx);
      const fn = await functions.get(ref.id);
      const url = fn && urlOf(fn, ref);
      if (!url) throw nothingRequestedExists();
      return functionUrlToWire(ref, url, await reachedAt(ctx));
    },

    async UpdateFunctionUrlConfig(input, ctx) {
      const ref = refOf(input, "UpdateFunctionUrlConfig", ctx);
      const { url } = await functions.change(ref.id, missingFunction, (fn) => {
        const before = urlOf(fn, ref);
        if (!before) throw nothingRequestedExists();
        const next: FunctionUrl = {
          ...before,
          authType: input.AuthType ?? before.authType,
          cors: input.Cors ? corsOf(input.Cors) : before.cors,
          invokeMode: input.InvokeMode ?? before.invokeMode,
          lastModifiedAtMs: clock.now(),
        };
        return { fn: withUrls(fn, { ...fn.settings.urls, [keyOf(ref)]: next }), url: next };
      });
      return functionUrlToWire(ref, url, await reachedAt(ctx));
    },

    async DeleteFunctionUrlConfig(input, ctx) {
      const ref = refOf(input, "DeleteFunctionUrlConfig", ctx);
      await functions.change(ref.id, nothingRequestedExists, (fn) => {
        if (!urlOf(fn, ref)) throw nothingRequestedExists();
        return { fn: withUrls(fn, without(fn.settings.urls, keyOf(ref))) };
      });
      return {};
    },

    async ListFunctionUrlConfigs(input, ctx) {
      const { id } = parseFunctionRef({ name: input.FunctionName, action: "ListFunctionUrlConfigs" }, ctx);
      const fn = await functions.get(id);
      if (!fn) throw missingFunction();
      const [after] = readMarker(input.Marker, 1) ?? [];
      const limit = Math.min(input.MaxItems ?? listFunctionUrlConfigsPageMax, listFunctionUrlConfigsPageMax);
      const { items, last } = firstOf(listed(fn.settings.urls, after), limit);
      const reached = await reachedAt(ctx);
      return {
        FunctionUrlConfigs: items.map(([key, url]) =>
          functionUrlToWire({ id, qualifier: key === latest ? undefined : key }, url, reached),
        ),
        ...(last && { NextMarker: markerOf(last[0]) }),
      };
    },
  };
}

function refOf({ FunctionName, Qualifier }: Named, action: string, caller: Caller): FunctionRef {
  return parseFunctionRef({ name: FunctionName, qualifier: Qualifier, action }, caller);
}

function keyOf({ qualifier }: FunctionRef): string {
  return qualifier ?? latest;
}

function urlOf(fn: FunctionRecord, ref: FunctionRef): FunctionUrl | undefined {
  return own(fn.settings.urls, keyOf(ref));
}

function withUrls(fn: FunctionRecord, urls: FunctionRecord["settings"]["urls"]): FunctionRecord {
  return { ...fn, settings: { ...fn.settings, urls } };
}

function missingFunction(): Error {
  return resourceNotFound("Function does not exist");
}
