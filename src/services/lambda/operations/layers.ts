/** PublishLayerVersion, GetLayerVersion, GetLayerVersionByArn, DeleteLayerVersion, ListLayers, ListLayerVersions. */
import { listLayersPageMax } from "../../../limits.ts";
import { codeLocation } from "../code-location.ts";
import { zipFrom } from "../code-source.ts";
import type { Caller } from "../domain/function-ref.ts";
import type { Compatibility, LayerVersion, LayerVersionRef } from "../domain/layer.ts";
import { isCompatible, layerVersionArn, parseLayerName, parseLayerVersionArn } from "../domain/layer.ts";
import { noPolicy } from "../domain/policy.ts";
import { invalidParameter, nothingRequestedExists } from "../errors.ts";
import { requireAccess, requireOwnLayer } from "../layer-uses.ts";
import { layerToWire, layerVersionToWire, listedLayerVersionToWire } from "../layers-to-wire.ts";
import type { LambdaOperations, Output } from "../operation-types.ts";
import { firstOf, markerOf, readMarker } from "../paging.ts";
import type { LambdaParts } from "../parts.ts";
import { refuseLayerContent } from "../refusals.ts";
import { checkCodeSource, checkCompatibleRuntimes } from "../validate.ts";

type LayerOperations = Pick<
  LambdaOperations,
  | "PublishLayerVersion"
  | "GetLayerVersion"
  | "GetLayerVersionByArn"
  | "DeleteLayerVersion"
  | "ListLayers"
  | "ListLayerVersions"
>;

interface Filter {
  readonly CompatibleRuntime?: string | undefined;
  readonly CompatibleArchitecture?: string | undefined;
}

export function createLayerOperations(parts: LambdaParts): LayerOperations {
  const { layers, codeStore, codeUsage, activation, stamp } = parts;

  async function show(
    version: LayerVersion,
    ctx: { readonly endpoint: string },
  ): Promise<Output<"GetLayerVersion">> {
    return layerVersionToWire(version, await codeLocation(parts, ctx.endpoint, version.code.sha256));
  }

  async function find(ref: LayerVersionRef, caller: Caller): Promise<LayerVersion> {
    if (ref.number < 1) throw invalidParameter("Layer Version Cannot be less than 1");
    // A layer of another region is as good as none: regions do not see each other.
    const version = ref.id.region === caller.region ? await layers.get(ref) : undefined;
    if (ref.id.account !== caller.account) requireAccess(version, layerVersionArn(ref), caller);
    if (!version) throw nothingRequestedExists();
    return version;
  }

  return {
    async PublishLayerVersion(input, ctx) {
      const id = parseLayerName(input.LayerName, ctx);
      requireOwnLayer(id, "PublishLayerVersion", ctx);
      refuseLayerContent(input.Content);
      checkCodeSource(input.Content, "creating");
      if (input.CompatibleRuntimes) checkCompatibleRuntimes(input.CompatibleRuntimes);
      const staged = await codeStore.stage(await zipFrom(input.Content, ctx, parts.codeMounts));
      try {
        const { sizeBytes } = staged.code;
        await codeUsage.requireRoom(id, sizeBytes);
        const made = stamp();
        const version = await layers.publish(id, (number) => ({
          id,
          number,
          code: staged.code,
          description: input.Description ?? "",
          license: input.LicenseInfo,
          runtimes: input.CompatibleRuntimes,
          architectures: input.CompatibleArchitectures,
          createdAtMs: made.nowMs,
          policy: noPolicy,
          revisionId: made.uuid(),
        }));
        codeUsage.layerChanged(id, sizeBytes);
        return await show(version, ctx);
      } finally {
        staged.release();
        activation.sweep(staged.code.sha256);
      }
    },

    async GetLayerVersion(input, ctx) {
      const id = parseLayerName(input.LayerName, ctx);
      return show(await find({ id, number: input.VersionNumber }, ctx), ctx);
    },

    async GetLayerVersionByArn(input, ctx) {
      const ref = parseLayerVersionArn(input.Arn);
      if (!ref) throw nothingRequestedExists();
      return show(await find(ref, ctx), ctx);
    },

    async DeleteLayerVersion(input, ctx) {
      const id = parseLayerName(input.LayerName, ctx);
      requireOwnLayer(id, "DeleteLayerVersion", ctx);
      if (input.VersionNumber < 1) throw invalidParameter("Layer Version Cannot be less than 1");
      // inferred: that deleting what is not there succeeds, as with versions of functions.
      const removed = await layers.remove({ id, number: input.VersionNumber });
      if (removed) {
        codeUsage.layerChanged(id, -removed.code.sizeBytes);
        activation.sweep(removed.code.sha256);
      }
      return {};
    },

    async ListLayers(input, ctx) {
      const limit = Math.min(input.MaxItems ?? listLayersPageMax, listLayersPageMax);
      const [after] = readMarker(input.Marker, 1) ?? [];
      const found: LayerVersion[] = [];
      for await (const { id } of layers.list(ctx, after)) {
        const [newest] = await firstMatching(layers.versions(id), compatibilityOf(input), 1);
        if (newest) found.push(newest);
        if (found.length > limit) break;
      }
      const { items, last } = firstOf(found, limit);
      return { Layers: items.map(layerToWire), ...(last && { NextMarker: markerOf(last.id.name) }) };
    },

    async ListLayerVersions(input, ctx) {
      const id = parseLayerName(input.LayerName, ctx);
      requireOwnLayer(id, "ListLayerVersions", ctx);
      const limit = Math.min(input.MaxItems ?? listLayersPageMax, listLayersPageMax);
      const [before] = readMarker(input.Marker, 1) ?? [];
      const older = layers.versions(id, before === undefined ? undefined : Number(before));
      const { items, last } = firstOf(await firstMatching(older, compatibilityOf(input), limit + 1), limit);
      // inferred: that a layer which is not there has no versions, and is no error.
      return {
        LayerVersions: items.map(listedLayerVersionToWire),
        ...(last && { NextMarker: markerOf(String(last.number)) }),
      };
    },
  };
}

function compatibilityOf({ CompatibleRuntime, CompatibleArchitecture }: Filter): Compatibility {
  return { runtime: CompatibleRuntime, architecture: CompatibleArchitecture };
}

async function firstMatching(
  versions: AsyncIterable<LayerVersion>,
  wanted: Compatibility,
  limit: number,
): Promise<LayerVersion[]> {
  const found: LayerVersion[] = [];
  for await (const version of versions) {
    if (isCompatible(version, wanted)) found.push(version);
    if (found.length === limit) break;
  }
  return found;
}
