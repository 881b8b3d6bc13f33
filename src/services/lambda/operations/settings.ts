/**
 * Settings that clients read of every function and that have one value here, with what may be written to them. Each
 * answer is true: what cannot be set yet is not set, and nothing can be in a list of what cannot be made.
 */
import { nothingRequestedExists } from "../errors.ts";
import type { LambdaOperations } from "../operation-types.ts";

type SettingOperations = Pick<
  LambdaOperations,
  "GetEventSourceMapping" | "ListEventSourceMappings" | "ListCapacityProviders"
>;

export function createSettingOperations(): SettingOperations {
  return {
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
