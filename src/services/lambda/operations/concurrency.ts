/** Reserved concurrency, and the account's limits of which it is a part. */
import {
  accountConcurrencyMax,
  codeStorageBytesMax,
  unreservedConcurrencyMin,
  unzippedBytesMax,
  zipBytesMax,
} from "../../../limits.ts";
import { accountWith, unreservedConcurrency } from "../domain/account.ts";
import { functionNotFound, invalidParameter } from "../errors.ts";
import type { Caller, FunctionRef } from "../domain/function-ref.ts";
import { arnOfRef, parseFunctionRef, requireUnqualified } from "../domain/function-ref.ts";
import { provisionedTotal } from "../domain/provisioned.ts";
import type { LambdaOperations } from "../operation-types.ts";
import type { LambdaParts } from "../parts.ts";

type ConcurrencyOperations = Pick<
  LambdaOperations,
  "PutFunctionConcurrency" | "GetFunctionConcurrency" | "DeleteFunctionConcurrency" | "GetAccountSettings"
>;

export function createConcurrencyOperations({ functions, codeUsage }: LambdaParts): ConcurrencyOperations {
  return {
    async PutFunctionConcurrency(input, ctx) {
      const ref = unqualifiedRef(input.FunctionName, "PutFunctionConcurrency", ctx);
      const wanted = input.ReservedConcurrentExecutions;
      const missing = (): Error => functionNotFound(arnOfRef(ref));
      await functions.change(ref.id, missing, (fn, account) => {
        const next = { ...fn, reservedConcurrency: wanted };
        const total = provisionedTotal(fn);
        if (wanted < total) {
          // Recorded with these spaces.
          throw invalidParameter(
            ` ReservedConcurrentExecutions  ${wanted} should not be lower than function's total provisioned concurrency [${total}].`,
          );
        }
        if (unreservedConcurrency(accountWith(account, fn.id.name, next)) < unreservedConcurrencyMin) {
          throw invalidParameter(
            `Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [${unreservedConcurrencyMin}].`,
          );
        }
        return { fn: next };
      });
      return { ReservedConcurrentExecutions: wanted };
    },

    async GetFunctionConcurrency(input, ctx) {
      const ref = unqualifiedRef(input.FunctionName, "GetFunctionConcurrency", ctx);
      const fn = await functions.get(ref.id);
      if (!fn) throw functionNotFound(arnOfRef(ref));
      const { reservedConcurrency } = fn;
      return reservedConcurrency === undefined ? {} : { ReservedConcurrentExecutions: reservedConcurrency };
    },

    async DeleteFunctionConcurrency(input, ctx) {
      const ref = unqualifiedRef(input.FunctionName, "DeleteFunctionConcurrency", ctx);
      const missing = (): Error => functionNotFound(arnOfRef(ref));
      await functions.change(ref.id, missing, (fn) => ({
        fn: fn.reservedConcurrency === undefined ? fn : { ...fn, reservedConcurrency: undefined },
      }));
      return {};
    },

    async GetAccountSettings(_input, { account, region }) {
      const usage = await codeUsage.of({ account, region });
      return {
        AccountLimit: {
          TotalCodeSize: codeStorageBytesMax,
          CodeSizeUnzipped: unzippedBytesMax,
          CodeSizeZipped: zipBytesMax,
          ConcurrentExecutions: accountConcurrencyMax,
          UnreservedConcurrentExecutions: unreservedConcurrency(await functions.account({ account, region })),
        },
        AccountUsage: { TotalCodeSize: usage.codeBytes, FunctionCount: usage.functionCount },
      };
    },
  };
}

function unqualifiedRef(name: string, action: string, caller: Caller): FunctionRef {
  const ref = parseFunctionRef({ name, action }, caller);
  requireUnqualified(ref);
  return ref;
}
