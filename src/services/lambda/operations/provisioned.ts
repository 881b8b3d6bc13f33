/** Put, Get, Delete and ListProvisionedConcurrencyConfigs: environments kept initialised for a version or an alias. */
import { listProvisionedPageMax } from "../../../limits.ts";
import { functionNotFound } from "../errors.ts";
import type { FunctionRecord } from "../domain/function.ts";
import type { Caller, FunctionRef } from "../domain/function-ref.ts";
import { arnOf, arnOfRef, latest, parseFunctionRef } from "../domain/function-ref.ts";
import type { ProvisionedConcurrency } from "../domain/provisioned.ts";
import { provisionedOf, provisionedPut, provisionedRemoved } from "../domain/provisioned-rules.ts";
import { listed } from "../domain/settings.ts";
import type { LambdaOperations } from "../operation-types.ts";
import { firstOf, markerOf, readMarker } from "../paging.ts";
import type { LambdaParts } from "../parts.ts";
import { provisionedToWire } from "../settings-to-wire.ts";

type ProvisionedOperations = Pick<
  LambdaOperations,
  | "PutProvisionedConcurrencyConfig"
  | "GetProvisionedConcurrencyConfig"
  | "DeleteProvisionedConcurrencyConfig"
  | "ListProvisionedConcurrencyConfigs"
>;

export function createProvisionedOperations(parts: LambdaParts): ProvisionedOperations {
  const { functions, provisioning, clock } = parts;

  return {
    async PutProvisionedConcurrencyConfig(input, ctx) {
      const ref = refOf(input.FunctionName, input.Qualifier, "PutProvisionedConcurrencyConfig", ctx);
      const put: ProvisionedConcurrency = {
        requested: input.ProvisionedConcurrentExecutions,
        lastModifiedAtMs: clock.now(),
      };
      await functions.change(ref.id, missing(ref), (fn, account) => ({
        fn: provisionedPut(fn, account, { qualifier: ref.qualifier, ...put }),
      }));
      const state = { status: "IN_PROGRESS", reason: undefined, allocated: 0 } as const;
      // documented: the answer does not say how many are available.
      const { AvailableProvisionedConcurrentExecutions: _unshown, ...shown } = provisionedToWire(put, state);
      return shown;
    },

    async GetProvisionedConcurrencyConfig(input, ctx) {
      const ref = refOf(input.FunctionName, input.Qualifier, "GetProvisionedConcurrencyConfig", ctx);
      const fn = await functions.get(ref.id);
      if (!fn) throw missing(ref)();
      return shownOf(fn, ref.qualifier, provisionedOf(fn, ref.qualifier));
    },

    async DeleteProvisionedConcurrencyConfig(input, ctx) {
      const ref = refOf(input.FunctionName, input.Qualifier, "DeleteProvisionedConcurrencyConfig", ctx);
      await functions.change(ref.id, missing(ref), (fn) => ({ fn: provisionedRemoved(fn, ref.qualifier) }));
      return {};
    },

    async ListProvisionedConcurrencyConfigs(input, ctx) {
      const ref = parseFunctionRef(
        { name: input.FunctionName, action: "ListProvisionedConcurrencyConfigs" },
        ctx,
      );
      const fn = await functions.get(ref.id);
      if (!fn) throw functionNotFound(arnOfRef(ref));
      const [after] = readMarker(input.Marker, 1) ?? [];
      const limit = Math.min(input.MaxItems ?? listProvisionedPageMax, listProvisionedPageMax);
      const { items, last } = firstOf(listed(fn.settings.provisioned, after), limit);
      return {
        ProvisionedConcurrencyConfigs: items.map(([qualifier, provisioned]) => ({
          FunctionArn: arnOf(fn.id, qualifier),
          ...shownOf(fn, qualifier, provisioned),
        })),
        ...(last && { NextMarker: markerOf(last[0]) }),
      };
    },
  };

  function shownOf(fn: FunctionRecord, qualifier: string, provisioned: ProvisionedConcurrency) {
    return provisionedToWire(provisioned, provisioning.stateOf(fn, qualifier, provisioned));
  }
}

interface QualifiedRef extends FunctionRef {
  readonly qualifier: string;
}

function refOf(name: string, qualifier: string, action: string, caller: Caller): QualifiedRef {
  const ref = parseFunctionRef({ name, qualifier, action }, caller);
  return { ...ref, qualifier: ref.qualifier ?? latest };
}

function missing(ref: FunctionRef): () => Error {
  return () => functionNotFound(arnOfRef(ref));
}
