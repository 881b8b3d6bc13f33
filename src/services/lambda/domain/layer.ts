/**
 * Layers: named series of versions, each an immutable zip that lies at /opt of the functions that use it. What a caller
 * may name, what a list of layers may hold, what is compatible with what. Pure. Sources: lambda-map 2.3, 10.
 *
 * Compatible runtimes and architectures filter lists; they keep no function from using a layer.
 */
import { formatArn, parseArn } from "../../../base/arn.ts";
import { functionLayersMax } from "../../../limits.ts";
import { invalidParameter } from "../errors.ts";
import type { Code, LayerUse } from "./function.ts";
import type { Policy } from "../../../events/resource-policy.ts";

export interface LayerId {
  readonly account: string;
  readonly region: string;
  readonly name: string;
}

/** A layer without its versions. It outlives them, so that no number is used again. */
export interface Layer {
  readonly id: LayerId;
  readonly nextVersion: number;
}

export interface LayerVersion {
  readonly id: LayerId;
  readonly number: number;
  readonly code: Code;
  readonly description: string;
  readonly license: string | undefined;
  /** Undefined: none were given; AWS then leaves them out of its answers. */
  readonly runtimes: readonly string[] | undefined;
  readonly architectures: readonly string[] | undefined;
  readonly createdAtMs: number;
  /** Who may use it, beside the account itself. */
  readonly policy: Policy;
  readonly revisionId: string;
}

export interface LayerVersionRef {
  readonly id: LayerId;
  readonly number: number;
}

export interface Compatibility {
  readonly runtime?: string | undefined;
  readonly architecture?: string | undefined;
}

export function layerArn({ account, region, name }: LayerId): string {
  return formatArn({ service: "lambda", region, account, resource: `layer:${name}` });
}

export function layerVersionArn({ id, number }: LayerVersionRef): string {
  return `${layerArn(id)}:${number}`;
}

/** A name, or a layer's ARN; the gateway has checked its form. */
export function parseLayerName(name: string, own: Omit<LayerId, "name">): LayerId {
  const arn = parseArn(name);
  if (!arn) return { account: own.account, region: own.region, name };
  return { account: arn.account, region: arn.region, name: arn.resource.slice("layer:".length) };
}

/** Undefined: one of AWS's own layers (`arn:aws:lambda:::awslayer:…`), of which there are none here. */
export function parseLayerVersionArn(text: string): LayerVersionRef | undefined {
  const arn = parseArn(text);
  const [kind, name, number] = arn?.resource.split(":") ?? [];
  if (!arn || kind !== "layer" || name === undefined || number === undefined) return undefined;
  return { id: { account: arn.account, region: arn.region, name }, number: Number(number) };
}

export function isCompatible(version: LayerVersion, { runtime, architecture }: Compatibility): boolean {
  // inferred: a version that names none matches no filter.
  return (
    (runtime === undefined || (version.runtimes?.includes(runtime) ?? false)) &&
    (architecture === undefined || (version.architectures?.includes(architecture) ?? false))
  );
}

/** What can be said of a function's list without looking for the layers. */
export function checkLayerArns(arns: readonly string[], region: string): void {
  if (arns.length > functionLayersMax) {
    throw invalidParameter(`Cannot reference more than ${functionLayersMax} layers.`);
  }
  const seen = new Map<string, string>();
  for (const arn of arns) {
    const ref = parseLayerVersionArn(arn);
    if (ref && ref.id.region !== region) {
      throw invalidParameter(
        `Layers are not in the same region as the function. Layers are expected to be in region ${region}.`,
      );
    }
    const layer = arn.slice(0, arn.lastIndexOf(":"));
    const other = seen.get(layer);
    if (other !== undefined && ref) {
      throw invalidParameter(
        `Two different versions of the same layer are not allowed to be referenced in the same function. ${other} and ${arn} are versions of the same layer.`,
      );
    }
    seen.set(layer, arn);
  }
}

export function useOf(version: LayerVersion): LayerUse {
  return { arn: layerVersionArn(version), code: version.code };
}
