/** Put and GetRuntimeManagementConfig, Put and GetFunctionRecursionConfig: settings with one value each. */
import { functionNotFound } from "../errors.ts";
import type { FunctionRecord } from "../domain/function.ts";
import { findAlias, findRevision } from "../domain/function.ts";
import type { Caller, FunctionRef } from "../domain/function-ref.ts";
import { arnOf, arnOfRef, latest, parseFunctionRef, requireUnqualified } from "../domain/function-ref.ts";
import { runtimeManagementOf } from "../domain/runtime-management.ts";
import type { LambdaOperations } from "../operation-types.ts";
import type { LambdaParts } from "../parts.ts";
import { runtimeManagementToWire } from "../settings-to-wire.ts";

type RuntimeOperations = Pick<
  LambdaOperations,
  | "PutRuntimeManagementConfig"
  | "GetRuntimeManagementConfig"
  | "PutFunctionRecursionConfig"
  | "GetFunctionRecursionConfig"
>;

export function createRuntimeManagementOperations({ functions }: LambdaParts): RuntimeOperations {
  return {
    async PutRuntimeManagementConfig(input, ctx) {
      const ref = versionRef(input, "PutRuntimeManagementConfig", ctx);
      const wanted = { updateRuntimeOn: input.UpdateRuntimeOn, runtimeVersionArn: input.RuntimeVersionArn };
      const { management } = await functions.change(ref.id, missing(ref), (fn) => {
        const { version, revision } = revisionOf(fn, ref);
        const next = runtimeManagementOf(wanted, revision.configuration);
        const runtimeManagement = { ...fn.settings.runtimeManagement, [version]: next };
        return { fn: { ...fn, settings: { ...fn.settings, runtimeManagement } }, management: next };
      });
      return runtimeManagementToWire(arnOf(ref.id, ref.qualifier ?? latest), management);
    },

    async GetRuntimeManagementConfig(input, ctx) {
      const ref = versionRef(input, "GetRuntimeManagementConfig", ctx);
      const fn = await functions.get(ref.id);
      if (!fn) throw functionNotFound(arnOfRef(ref));
      const { version } = revisionOf(fn, ref);
      const management = fn.settings.runtimeManagement[version] ?? { updateRuntimeOn: "Auto" as const };
      return runtimeManagementToWire(arnOf(ref.id, ref.qualifier ?? latest), management);
    },

    async PutFunctionRecursionConfig(input, ctx) {
      const ref = functionRef(input.FunctionName, "PutFunctionRecursionConfig", ctx);
      const { RecursiveLoop: recursiveLoop } = input;
      await functions.change(ref.id, missing(ref), (fn) => ({
        fn: { ...fn, settings: { ...fn.settings, recursiveLoop } },
      }));
      return { RecursiveLoop: recursiveLoop };
    },

    async GetFunctionRecursionConfig(input, ctx) {
      const ref = functionRef(input.FunctionName, "GetFunctionRecursionConfig", ctx);
      const fn = await functions.get(ref.id);
      if (!fn) throw functionNotFound(arnOfRef(ref));
      return { RecursiveLoop: fn.settings.recursiveLoop };
    },
  };
}

interface Named {
  readonly FunctionName: string;
  readonly Qualifier?: string | undefined;
}

function versionRef({ FunctionName, Qualifier }: Named, action: string, caller: Caller): FunctionRef {
  return parseFunctionRef({ name: FunctionName, qualifier: Qualifier, action }, caller);
}

function functionRef(name: string, action: string, caller: Caller): FunctionRef {
  const ref = parseFunctionRef({ name, action }, caller);
  requireUnqualified(ref);
  return ref;
}

/** Versions have runtimes, aliases have none. inferred: that one is then not found. */
function revisionOf(fn: FunctionRecord, ref: FunctionRef) {
  const { qualifier } = ref;
  const found = qualifier !== undefined && findAlias(fn, qualifier) ? undefined : findRevision(fn, qualifier);
  if (!found) throw functionNotFound(arnOfRef(ref));
  return found;
}

function missing(ref: FunctionRef): () => Error {
  return () => functionNotFound(arnOfRef(ref));
}
