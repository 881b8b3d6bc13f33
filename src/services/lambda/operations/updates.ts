/** UpdateFunctionCode and UpdateFunctionConfiguration: `$LATEST` changes, what serves goes on until the new one is ready. */
import { zipFrom } from "../code-source.ts";
import { requireDeadLetterTarget } from "../destinations.ts";
import { requireSigned } from "../domain/code-signing.ts";
import { withCode, withConfigurationInput } from "../domain/configuration.ts";
import type { LayerUse } from "../domain/function.ts";
import { functionNotFound } from "../errors.ts";
import { arnOfRef, parseFunctionRef, requireLatest } from "../domain/function-ref.ts";
import {
  publishedWithUpdate,
  requireChangeable,
  requireRevision,
  sha256Of,
  updateBegun,
} from "../domain/lifecycle.ts";
import type { LambdaOperations } from "../operation-types.ts";
import type { LambdaParts } from "../parts.ts";
import { refuseCode, refuseInConfiguration } from "../refusals.ts";
import { requireRuntime } from "../runtime-rules.ts";
import { withLayers } from "../layer-uses.ts";
import { latestToWire, versionToWire } from "../to-wire.ts";
import { checkCodeSource, checkConfiguration, checkUnzippedSize } from "../validate.ts";

type UpdateOperations = Pick<LambdaOperations, "UpdateFunctionCode" | "UpdateFunctionConfiguration">;

export function createUpdateOperations(parts: LambdaParts): UpdateOperations {
  const { functions, codeStore, codeUsage, activation, stamp } = parts;

  return {
    async UpdateFunctionCode(input, ctx) {
      const ref = parseFunctionRef({ name: input.FunctionName, action: "UpdateFunctionCode" }, ctx);
      const missing = (): Error => functionNotFound(arnOfRef(ref));
      requireLatest(ref);
      refuseCode(input, parts.machine);
      checkCodeSource(input, "updating");
      const known = await functions.get(ref.id);
      if (!known) throw missing();
      requireRevision(known, input.RevisionId);
      requireChangeable(known);
      requireSigned(await parts.codeSigning.of(known));
      const zip = await zipFrom(input, ctx, parts.codeMounts);
      if (input.DryRun) {
        const { bytes, unzippedBytes } = zip;
        const code = { sha256: sha256Of(bytes), sizeBytes: bytes.length, unzippedBytes };
        const configuration = withCode(known.latest.configuration, code, input.Architectures);
        checkUnzippedSize(configuration);
        return latestToWire({ ...known, latest: { ...known.latest, configuration } });
      }

      const staged = await codeStore.stage(zip);
      try {
        const added = staged.code.sizeBytes * (input.Publish ? 2 : 1);
        await codeUsage.requireRoom(ref.id, added - known.latest.configuration.code.sizeBytes);
        const { before, fn, version } = await functions.change(ref.id, missing, async (current) => {
          requireRevision(current, input.RevisionId);
          requireSigned(await parts.codeSigning.of(current));
          const next = withCode(current.latest.configuration, staged.code, input.Architectures);
          checkUnzippedSize(next);
          const updated = updateBegun(current, next, stamp());
          return input.Publish ? publishedWithUpdate(updated, stamp()) : { fn: updated, version: undefined };
        });
        activation.begin(fn, before);
        return version ? versionToWire(fn, version.number) : latestToWire(fn);
      } finally {
        staged.release();
        activation.sweep(staged.code.sha256);
      }
    },

    async UpdateFunctionConfiguration(input, ctx) {
      const ref = parseFunctionRef({ name: input.FunctionName, action: "UpdateFunctionConfiguration" }, ctx);
      requireLatest(ref);
      refuseInConfiguration(input);
      await requireDeadLetterTarget(input.DeadLetterConfig?.TargetArn, ctx);
      if (input.Runtime) await requireRuntime(parts, { runtime: input.Runtime, doing: "update" });
      const missing = (): Error => functionNotFound(arnOfRef(ref));
      const update = (layers?: readonly LayerUse[]) =>
        functions.change(ref.id, missing, (current) => {
          requireRevision(current, input.RevisionId);
          const next = withConfigurationInput(current.latest.configuration, input, layers);
          checkConfiguration(next);
          return { fn: updateBegun(current, next, stamp()) };
        });
      const { before, fn } = await (input.Layers
        ? withLayers(parts, { arns: input.Layers, caller: ctx }, update)
        : update());
      activation.begin(fn, before);
      return latestToWire(fn);
    },
  };
}
