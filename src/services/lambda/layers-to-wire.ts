/** From layer records to AWS's shapes: one function per record, nothing decided. */
import type { LayerVersion } from "./domain/layer.ts";
import { layerArn, layerVersionArn } from "./domain/layer.ts";
import { sha256Text } from "./domain/lifecycle.ts";
import type { Output } from "./operation-types.ts";
import { timestampText } from "./to-wire.ts";

type Listed = NonNullable<Output<"ListLayerVersions">["LayerVersions"]>[number];
type ListedLayer = NonNullable<Output<"ListLayers">["Layers"]>[number];

/** `location`: where its zip can be downloaded. */
export function layerVersionToWire(version: LayerVersion, location: string): Output<"GetLayerVersion"> {
  const { code } = version;
  return {
    Content: { Location: location, CodeSha256: sha256Text(code), CodeSize: code.sizeBytes },
    LayerArn: layerArn(version.id),
    ...listedLayerVersionToWire(version),
  };
}

export function listedLayerVersionToWire(version: LayerVersion): Listed {
  const { runtimes, architectures, license } = version;
  return {
    LayerVersionArn: layerVersionArn(version),
    Version: version.number,
    Description: version.description,
    CreatedDate: timestampText(version.createdAtMs),
    ...(runtimes && { CompatibleRuntimes: [...runtimes] as Listed["CompatibleRuntimes"] }),
    ...(architectures && {
      CompatibleArchitectures: [...architectures] as Listed["CompatibleArchitectures"],
    }),
    ...(license !== undefined && { LicenseInfo: license }),
  };
}

/** A layer in a list is shown by its newest version that matches. */
export function layerToWire(newest: LayerVersion): ListedLayer {
  return {
    LayerName: newest.id.name,
    LayerArn: layerArn(newest.id),
    LatestMatchingVersion: listedLayerVersionToWire(newest),
  };
}
