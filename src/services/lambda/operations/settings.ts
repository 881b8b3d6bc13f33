/**
 * Settings that clients read of every function and that have one value here, with what may be written to them. Each
 * answer is true: what cannot be set yet is not set, and nothing can be in a list of what cannot be made.
 */
import type { Context } from "../../service.ts";
import {
  functionNotFound,
  invalidParameter,
  notSupportedYet,
  nothingRequestedExists,
  provisionedConcurrencyNotFound,
  resourceNotFound,
} from "../errors.ts";
import type { FunctionRecord } from "../domain/function.ts";
import { findRevision } from "../domain/function.ts";
import type { FunctionRef } from "../domain/function-ref.ts";
import { arnOf, arnOfRef, latest, parseFunctionRef } from "../domain/function-ref.ts";
import type { LambdaOperations } from "../operation-types.ts";
import type { LambdaParts } from "../parts.ts";

type SettingOperations = Pick<
  LambdaOperations,
  | "GetProvisionedConcurrencyConfig"
  | "ListProvisionedConcurrencyConfigs"
  | "GetEventSourceMapping"
  | "ListEventSourceMappings"
  | "ListCapacityProviders"
>;

interface Named {
  readonly FunctionName: string;
  readonly Qualifier?: string | undefined;
}

export function createSettingOperations({ functions }: LambdaParts): SettingOperations {
  async function find(
    input: Named,
    action: string,
    ctx: Context,
  ): Promise<{ readonly ref: FunctionRef; readonly fn: FunctionRecord }> {
    const ref = parseFunctionRef({ name: input.FunctionName, qualifier: input.Qualifier, action }, ctx);
    const fn = await functions.get(ref.id);
    if (!fn || !findRevision(fn, ref.qualifier)) throw functionNotFound(arnOfRef(ref));
    return { ref, fn };
  }

  return {
    async GetProvisionedConcurrencyConfig(input, ctx) {
      const { ref } = await find(input, "GetProvisionedConcurrencyConfig", ctx);
      if (ref.qualifier === latest) {
        throw invalidParameter("The function resource provided must be an alias or a published version.");
      }
      throw provisionedConcurrencyNotFound();
    },

    async ListProvisionedConcurrencyConfigs(input, ctx) {
      await find(input, "ListProvisionedConcurrencyConfigs", ctx);
      return { ProvisionedConcurrencyConfigs: [] };
    },

    async GetEventSourceMapping() {
      throw nothingRequestedExists();
    },

    async ListEventSourceMappings() {
      return { EventSourceMappings: [] };
    },

    async ListCapacityProviders() {
      return { CapacityProviders: [] };
    },
  };
}
