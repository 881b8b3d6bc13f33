/** TagResource, UntagResource, ListTags: of functions, event source mappings and code signing configurations. */
import { own } from "../../../base/own.ts";
import { parseArn } from "../../../base/arn.ts";
import type { Context } from "../../service.ts";
import { codeSigningId } from "../domain/code-signing.ts";
import { functionNotFound, invalidParameter, resourceNotFound } from "../errors.ts";
import { parseFunctionRef } from "../domain/function-ref.ts";
import { requireNotUpdating } from "../domain/lifecycle.ts";
import type { LambdaOperations } from "../operation-types.ts";
import type { LambdaParts } from "../parts.ts";
import { checkTags } from "../validate.ts";

type TagOperations = Pick<LambdaOperations, "TagResource" | "UntagResource" | "ListTags">;
type Tags = Readonly<Record<string, string>>;

/** Something that bears tags. Both throw AWS's error when it is not there. */
interface Tagged {
  read(): Promise<Tags>;
  /** What `change` throws goes to the caller. */
  change(change: (tags: Tags) => Tags): Promise<unknown>;
}

export function createTagOperations(parts: LambdaParts): TagOperations {
  return {
    async TagResource(input, ctx) {
      const tagged = taggedBy(input.Resource, "TagResource", ctx);
      if (Object.keys(input.Tags).length === 0) {
        throw invalidParameter("An error occurred and the request cannot be processed.");
      }
      await tagged.change((before) => {
        const tags = { ...before, ...input.Tags };
        checkTags(tags);
        return tags;
      });
      return {};
    },

    async UntagResource(input, ctx) {
      const gone = new Set(input.TagKeys);
      await taggedBy(input.Resource, "UntagResource", ctx).change((before) =>
        Object.fromEntries(Object.entries(before).filter(([key]) => !gone.has(key))),
      );
      return {};
    },

    async ListTags(input, ctx) {
      return { Tags: { ...(await taggedBy(input.Resource, "ListTags", ctx).read()) } };
    },
  };

  function taggedBy(arn: string, action: string, ctx: Context): Tagged {
    const [kind = "", name = ""] = parseArn(arn)?.resource.split(":") ?? [];
    switch (kind) {
      case "function":
        return taggedFunction(arn, action, ctx);
      case "event-source-mapping":
        return taggedMapping(arn, name, ctx);
      case "code-signing-config":
        return taggedCodeSigning(arn, ctx);
      default:
        throw resourceNotFound(`${own(laterKinds, kind) ?? "Resource"} not found: ${arn}`);
    }
  }

  function taggedFunction(arn: string, action: string, ctx: Context): Tagged {
    const { functions } = parts;
    const ref = parseFunctionRef({ name: arn, action }, ctx);
    if (ref.qualifier !== undefined) {
      throw invalidParameter(
        "Tags on function aliases and versions are not supported. Please specify a function ARN.",
      );
    }
    const missing = (): Error => functionNotFound(arn);
    return {
      async read() {
        const fn = await functions.get(ref.id);
        if (!fn) throw missing();
        return fn.tags;
      },
      change: (change) =>
        functions.change(ref.id, missing, (fn) => {
          if (action === "TagResource") requireNotUpdating(fn);
          return { fn: { ...fn, tags: change(fn.tags) } };
        }),
    };
  }

  function taggedMapping(arn: string, uuid: string, { account, region }: Context): Tagged {
    const id = { account, region, uuid };
    const missing = (): Error => resourceNotFound(`Event source mapping not found: ${arn}`);
    return {
      async read() {
        const mapping = await parts.mappings.get(id);
        if (!mapping) throw missing();
        return mapping.tags;
      },
      change: (change) => parts.mappings.tag(id, missing, change),
    };
  }

  function taggedCodeSigning(arn: string, ctx: Context): Tagged {
    const { codeSigning } = parts;
    const missing = (): Error => resourceNotFound(`Code signing config not found: ${arn}`); // inferred
    const id = codeSigningId(arn, ctx);
    if (!id) throw missing();
    return {
      async read() {
        const config = await codeSigning.get(id);
        if (!config) throw missing();
        return config.tags;
      },
      change: (change) =>
        codeSigning.change(id, missing, (config) => ({ ...config, tags: change(config.tags) })),
    };
  }
}

const laterKinds: Readonly<Record<string, string>> = {
  "capacity-provider": "Capacity provider",
  "network-connector": "Network connector", // inferred
};
