/** Code signing configurations, and which function deploys under which. */
import { listCodeSigningPageMax } from "../../../limits.ts";
import type { CodeSigningConfig, CodeSigningId } from "../domain/code-signing.ts";
import { codeSigningId, codeSigningNotFound, profileArnsOf } from "../domain/code-signing.ts";
import { functionNotFound, raise, resourceConflict } from "../errors.ts";
import type { FunctionRecord } from "../domain/function.ts";
import type { Caller, FunctionRef } from "../domain/function-ref.ts";
import { arnOf, arnOfRef, parseFunctionRef, requireLatest } from "../domain/function-ref.ts";
import { requireNotUpdating } from "../domain/lifecycle.ts";
import type { LambdaOperations } from "../operation-types.ts";
import { firstOf, markerOf, readMarker } from "../paging.ts";
import type { LambdaParts } from "../parts.ts";
import { codeSigningToWire } from "../settings-to-wire.ts";
import { checkTags } from "../validate.ts";

type CodeSigningOperations = Pick<
  LambdaOperations,
  | "CreateCodeSigningConfig"
  | "GetCodeSigningConfig"
  | "UpdateCodeSigningConfig"
  | "DeleteCodeSigningConfig"
  | "ListCodeSigningConfigs"
  | "ListFunctionsByCodeSigningConfig"
  | "PutFunctionCodeSigningConfig"
  | "GetFunctionCodeSigningConfig"
  | "DeleteFunctionCodeSigningConfig"
>;

export function createCodeSigningOperations(parts: LambdaParts): CodeSigningOperations {
  const { functions, codeSigning, clock, random } = parts;

  return {
    async CreateCodeSigningConfig(input, ctx) {
      const tags = input.Tags ?? {};
      checkTags(tags);
      const config: CodeSigningConfig = {
        id: { account: ctx.account, region: ctx.region, name: `csc-0${random.hex(8)}` },
        description: input.Description,
        profileArns: profileArnsOf(input.AllowedPublishers),
        policy: input.CodeSigningPolicies?.UntrustedArtifactOnDeployment ?? "Warn",
        tags,
        lastModifiedAtMs: clock.now(),
      };
      await codeSigning.create(config);
      return { CodeSigningConfig: codeSigningToWire(config) };
    },

    async GetCodeSigningConfig(input, ctx) {
      return { CodeSigningConfig: codeSigningToWire(await find(input.CodeSigningConfigArn, ctx)) };
    },

    async UpdateCodeSigningConfig(input, ctx) {
      const arn = input.CodeSigningConfigArn;
      const config = await codeSigning.change(idOf(arn, ctx), missing(arn), (before) => ({
        ...before,
        description: input.Description ?? before.description,
        profileArns: input.AllowedPublishers ? profileArnsOf(input.AllowedPublishers) : before.profileArns,
        policy: input.CodeSigningPolicies?.UntrustedArtifactOnDeployment ?? before.policy,
        lastModifiedAtMs: clock.now(),
      }));
      return { CodeSigningConfig: codeSigningToWire(config) };
    },

    async DeleteCodeSigningConfig(input, ctx) {
      const arn = input.CodeSigningConfigArn;
      await codeSigning.remove(idOf(arn, ctx), missing(arn), async () => {
        for await (const head of functions.heads(ctx)) {
          if (head.settings.codeSigningConfigArn !== arn) continue;
          // inferred: the text.
          throw resourceConflict(
            `Cannot delete code signing configuration ${arn} because it is in use by at least one function.`,
          );
        }
      });
      return {};
    },

    async ListCodeSigningConfigs(input, { account, region }) {
      const [after] = readMarker(input.Marker, 1) ?? [];
      const limit = Math.min(input.MaxItems ?? listCodeSigningPageMax, listCodeSigningPageMax);
      const found = await codeSigning.list({ account, region }, { after, limit: limit + 1 });
      const { items, last } = firstOf(found, limit);
      return {
        CodeSigningConfigs: items.map(codeSigningToWire),
        ...(last && { NextMarker: markerOf(last.id.name) }),
      };
    },

    async ListFunctionsByCodeSigningConfig(input, ctx) {
      const arn = input.CodeSigningConfigArn;
      await find(arn, ctx);
      const [after = ""] = readMarker(input.Marker, 1) ?? [];
      const limit = Math.min(input.MaxItems ?? listCodeSigningPageMax, listCodeSigningPageMax);
      const names: string[] = [];
      for await (const { id, settings } of functions.heads(ctx)) {
        if (id.name > after && settings.codeSigningConfigArn === arn) names.push(id.name);
        if (names.length > limit) break;
      }
      const { items, last } = firstOf(names, limit);
      return {
        FunctionArns: items.map((name) => arnOf({ account: ctx.account, region: ctx.region, name })),
        ...(last && { NextMarker: markerOf(last) }),
      };
    },

    async PutFunctionCodeSigningConfig(input, ctx) {
      const ref = refOf(input.FunctionName, "PutFunctionCodeSigningConfig", ctx);
      const arn = input.CodeSigningConfigArn;
      await functions.change(ref.id, missingFunction(ref), async (fn) => {
        requireNotUpdating(fn);
        const { write } = await codeSigning.taken(arn, ctx);
        return { fn: withConfig(fn, arn), also: [write] };
      });
      return { FunctionName: ref.id.name, CodeSigningConfigArn: arn };
    },

    async GetFunctionCodeSigningConfig(input, ctx) {
      const ref = refOf(input.FunctionName, "GetFunctionCodeSigningConfig", ctx);
      const fn = await functions.get(ref.id);
      if (!fn) throw functionNotFound(arnOfRef(ref));
      return { FunctionName: fn.id.name, CodeSigningConfigArn: fn.settings.codeSigningConfigArn };
    },

    async DeleteFunctionCodeSigningConfig(input, ctx) {
      const ref = refOf(input.FunctionName, "DeleteFunctionCodeSigningConfig", ctx);
      await functions.change(ref.id, missingFunction(ref), (fn) => {
        requireNotUpdating(fn);
        return { fn: withConfig(fn, undefined) };
      });
      return {};
    },
  };

  async function find(arn: string, caller: Caller): Promise<CodeSigningConfig> {
    return (await codeSigning.get(idOf(arn, caller))) ?? raise(codeSigningNotFound(arn));
  }
}

function idOf(arn: string, caller: Caller): CodeSigningId {
  return codeSigningId(arn, caller) ?? raise(codeSigningNotFound(arn));
}

function missing(arn: string): () => Error {
  return () => codeSigningNotFound(arn);
}

function missingFunction(ref: FunctionRef): () => Error {
  return () => functionNotFound(arnOfRef(ref));
}

function refOf(name: string, action: string, caller: Caller): FunctionRef {
  const ref = parseFunctionRef({ name, action }, caller);
  requireLatest(ref);
  return ref;
}

function withConfig(fn: FunctionRecord, codeSigningConfigArn: string | undefined): FunctionRecord {
  return { ...fn, settings: { ...fn.settings, codeSigningConfigArn } };
}
