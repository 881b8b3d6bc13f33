/**
 * Layers in the store: published, read, listed, their policies changed, removed. A layer's own entry holds the next
 * number and outlives its versions; it is the condition of every publication. A version's zip is needed by the version
 * and by each function that uses it, each on its own account (`collections.ts`), so removing one leaves the others.
 */
import { lambdaCommitAttemptsMax } from "../../limits.ts";
import type { Parts } from "../../store/records.ts";
import type { Store, Write } from "../../store/store.ts";
import { StoreError } from "../../store/store.ts";
import type { Collections } from "./collections.ts";
import type { Layer, LayerId, LayerVersion, LayerVersionRef } from "./domain/layer.ts";
import { serviceFailed } from "./errors.ts";

export class Layers {
  readonly #store: Store;
  readonly #in: Collections;

  constructor(store: Store, collections: Collections) {
    this.#store = store;
    this.#in = collections;
  }

  async get(ref: LayerVersionRef): Promise<LayerVersion | undefined> {
    return (await this.#in.layerVersions.get(versionParts(ref)))?.value;
  }

  /** The next version. Its zip is stored and held (L2). */
  async publish(id: LayerId, make: (number: number) => LayerVersion): Promise<LayerVersion> {
    return this.#untilCommitted(async () => {
      const layer = await this.#in.layers.get(layerParts(id));
      const number = layer?.value.nextVersion ?? 1;
      const version = make(number);
      const { sha256 } = version.code;
      const writes = [
        this.#in.layers.put(layerParts(id), { id, nextVersion: number + 1 }, layer?.version ?? 0),
        this.#in.layerVersions.put(versionParts(version), version, 0),
        this.#in.codeUses.put(useParts(version), true),
        this.#in.codeChecks.remove([sha256]),
      ];
      return { writes, result: version };
    });
  }

  /** `change` may run more than once; what it throws goes to the caller. */
  async change(
    ref: LayerVersionRef,
    missing: () => Error,
    change: (version: LayerVersion) => LayerVersion,
  ): Promise<LayerVersion> {
    return this.#untilCommitted(async () => {
      const before = await this.#in.layerVersions.get(versionParts(ref));
      if (!before) throw missing();
      const after = change(before.value);
      return {
        writes: [this.#in.layerVersions.put(versionParts(ref), after, before.version)],
        result: after,
      };
    });
  }

  /** Answers what was removed: its zip is to be swept. */
  async remove(ref: LayerVersionRef): Promise<LayerVersion | undefined> {
    return this.#untilCommitted(async () => {
      const before = await this.#in.layerVersions.get(versionParts(ref));
      if (!before) return { writes: [], result: undefined };
      const writes = [
        this.#in.layerVersions.remove(versionParts(ref), before.version),
        this.#in.codeUses.remove(useParts(before.value)),
        this.#in.codeChecks.put([before.value.code.sha256], true),
      ];
      return { writes, result: before.value };
    });
  }

  /** Layers in the order of their names, those after `after`. */
  async *list({ account, region }: Omit<LayerId, "name">, after?: string): AsyncGenerator<Layer> {
    const from = after === undefined ? undefined : [account, region, after];
    for await (const { value } of this.#in.layers.each({ parts: [account, region], after: from }))
      yield value;
  }

  /** Versions of a layer, the newest first, those older than `before`. */
  async *versions(id: LayerId, before?: number): AsyncGenerator<LayerVersion> {
    const after = before === undefined ? undefined : versionParts({ id, number: before });
    const newestFirst = this.#in.layerVersions.each({ parts: layerParts(id), after, reverse: true });
    for await (const { value } of newestFirst) yield value;
  }

  async #untilCommitted<T>(attempt: () => Promise<{ writes: readonly Write[]; result: T }>): Promise<T> {
    for (let attempts = 0; attempts < lambdaCommitAttemptsMax; attempts += 1) {
      const { writes, result } = await attempt();
      try {
        if (writes.length > 0) await this.#store.commit(writes);
        return result;
      } catch (error) {
        if (!(error instanceof StoreError && error.code === "conflict")) throw error;
      }
    }
    throw serviceFailed("The layer is changed by too many callers at once.");
  }
}

function layerParts({ account, region, name }: LayerId): Parts {
  return [account, region, name];
}

/** Padded, so that keys are in the order of numbers. */
function versionParts({ id, number }: LayerVersionRef): Parts {
  return [...layerParts(id), String(number).padStart(10, "0")];
}

/** No function has a colon in its name. */
function useParts({ id, number, code }: LayerVersion): Parts {
  return [code.sha256, id.account, id.region, `layer:${id.name}:${number}`];
}
