/**
 * From the layer ARNs in a request to what a function keeps of them. The content is held until the function's record is
 * committed, so that a layer version deleted meanwhile takes nothing away from the function that has just named it.
 */
import type { Activation } from "./activation.ts";
import type { CodeStore } from "./code-store.ts";
import type { LayerUse } from "./domain/function.ts";
import type { Caller } from "./domain/function-ref.ts";
import type { LayerId, LayerVersion } from "./domain/layer.ts";
import { checkLayerArns, layerArn, layerVersionArn, parseLayerVersionArn, useOf } from "./domain/layer.ts";
import { isAllowed } from "../../events/resource-policy.ts";
import { accessDenied, invalidParameter } from "./errors.ts";
import type { Layers } from "./layer-store.ts";

interface LayerParts {
  readonly layers: Layers;
  readonly codeStore: Pick<CodeStore, "hold">;
  readonly activation: Pick<Activation, "sweep">;
}

/** `use` commits the record that names them. */
export async function withLayers<T>(
  { layers, codeStore, activation }: LayerParts,
  { arns, caller }: { readonly arns: readonly string[]; readonly caller: Caller },
  use: (uses: readonly LayerUse[]) => Promise<T>,
): Promise<T> {
  checkLayerArns(arns, caller.region);
  const uses: LayerUse[] = [];
  const holds = new Map<string, () => void>();
  try {
    for (const arn of arns) {
      const { code } = await find(layers, arn, caller);
      if (!holds.has(code.sha256)) holds.set(code.sha256, await codeStore.hold(code.sha256));
      // It may have been deleted while nobody held it.
      uses.push(useOf(await find(layers, arn, caller)));
    }
    return await use(uses);
  } finally {
    for (const [sha256, release] of holds) {
      release();
      activation.sweep(sha256);
    }
  }
}

async function find(layers: Layers, arn: string, caller: Caller): Promise<LayerVersion> {
  const ref = parseLayerVersionArn(arn);
  const version = ref && (await layers.get(ref));
  if (ref && ref.id.account !== caller.account) requireAccess(version, arn, caller);
  if (!version) throw invalidParameter(`Layer version ${arn} does not exist.`);
  return version;
}

/** For operations that AWS lets nobody else do to a layer, whatever its policy says. */
export function requireOwnLayer(id: LayerId, action: string, { account, identity }: Caller): void {
  if (id.account === account) return;
  throw accessDenied({ principalArn: identity.principalArn, action, arn: layerArn(id) });
}

/** Of another account's: whether there is such a version is nobody's business who may not use it. */
export function requireAccess(
  version: LayerVersion | undefined,
  arn: string,
  { account, identity }: Caller,
): asserts version {
  const principal = { kind: "account", account, arn: identity.principalArn } as const;
  const request = { principal, action: "lambda:GetLayerVersion" };
  if (version && isAllowed(version.policy, { ...request, resource: layerVersionArn(version) })) return;
  throw accessDenied({ principalArn: identity.principalArn, action: "GetLayerVersion", arn });
}
