/** TagResource, UntagResource, ListTags: of functions, the only resources that exist so far. */
import { parseArn } from "../../../base/arn.ts";
import { functionNotFound, invalidParameter, resourceNotFound } from "../errors.ts";
import type { FunctionId } from "../domain/function-ref.ts";
import { parseFunctionRef } from "../domain/function-ref.ts";
import type { Caller } from "../domain/function-ref.ts";
import { requireNotUpdating } from "../domain/lifecycle.ts";
import type { LambdaOperations } from "../operation-types.ts";
import type { LambdaParts } from "../parts.ts";
import { checkTags } from "../validate.ts";

type TagOperations = Pick<LambdaOperations, "TagResource" | "UntagResource" | "ListTags">;

export function createTagOperations({ functions }: LambdaParts): TagOperations {
  return {
    async TagResource(input, ctx) {
      const id = taggedFunction(input.Resource, "TagResource", ctx);
      if (Object.keys(input.Tags).length === 0) {
        throw invalidParameter("An error occurred and the request cannot be processed.");
      }
      const missing = (): Error => functionNotFound(input.Resource);
      await functions.change(id, missing, (fn) => {
        requireNotUpdating(fn);
        const tags = { ...fn.tags, ...input.Tags };
        checkTags(tags);
        return { fn: { ...fn, tags } };
      });
      return {};
    },

    async UntagResource(input, ctx) {
      const id = taggedFunction(input.Resource, "UntagResource", ctx);
      const gone = new Set(input.TagKeys);
      const missing = (): Error => functionNotFound(input.Resource);
      await functions.change(id, missing, (fn) => {
        const kept = Object.entries(fn.tags).filter(([key]) => !gone.has(key));
        return { fn: { ...fn, tags: Object.fromEntries(kept) } };
      });
      return {};
    },

    async ListTags(input, ctx) {
      const fn = await functions.get(taggedFunction(input.Resource, "ListTags", ctx));
      if (!fn) throw functionNotFound(input.Resource);
      return { Tags: { ...fn.tags } };
    },
  };
}

function taggedFunction(arn: string, action: string, caller: Caller): FunctionId {
  const kind = parseArn(arn)?.resource.split(":")[0] ?? "";
  if (kind !== "function") throw resourceNotFound(`${resourceKinds[kind] ?? "Resource"} not found: ${arn}`);
  const ref = parseFunctionRef({ name: arn, action }, caller);
  if (ref.qualifier !== undefined) {
    throw invalidParameter(
      "Tags on function aliases and versions are not supported. Please specify a function ARN.",
    );
  }
  return ref.id;
}

const resourceKinds: Readonly<Record<string, string>> = {
  "event-source-mapping": "Event source mapping",
  "capacity-provider": "Capacity provider",
  "code-signing-config": "Code signing config", // inferred
  "network-connector": "Network connector", // inferred
};
