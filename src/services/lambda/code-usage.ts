/**
 * How much of its code storage an account uses in a region: the zips of every version of its functions and of every layer
 * version, each counted for itself, also where two are the same (inferred). Counted once from the store, then kept
 * current by what is changed here; what is uploaded at the same moment may go beyond the limit by as much.
 */
import type { Collections } from "./collections.ts";
import type { FunctionRecord } from "./domain/function.ts";
import type { FunctionId } from "./domain/function-ref.ts";
import { codeStorageExceeded } from "./errors.ts";
import type { Functions } from "./store.ts";

export interface Usage {
  codeBytes: number;
  functionCount: number;
}

type Account = Pick<FunctionId, "account" | "region">;

export interface CodeUsageDeps {
  readonly functions: Functions;
  readonly collections: Collections;
  readonly codeStorageBytesMax: number;
}

export class CodeUsage {
  readonly #deps: CodeUsageDeps;
  readonly #known = new Map<string, Usage>();
  /** Grows with each change: what was counted while one happened is not kept. */
  #changes = 0;

  constructor(deps: CodeUsageDeps) {
    this.#deps = deps;
    deps.functions.onChange((before, after) => {
      const { id } = after ?? before ?? {};
      if (!id) return;
      this.#add(id, {
        codeBytes: bytesOf(after) - bytesOf(before),
        functionCount: (after ? 1 : 0) - (before ? 1 : 0),
      });
    });
  }

  async of(account: Account): Promise<Readonly<Usage>> {
    const known = this.#known.get(keyOf(account));
    if (known) return known;
    const changes = this.#changes;
    const counted = await this.#count(account);
    if (this.#changes === changes) this.#known.set(keyOf(account), counted);
    return counted;
  }

  /** Throws unless so many bytes more are within the limit. */
  async requireRoom(account: Account, bytes: number): Promise<void> {
    const { codeBytes } = await this.of(account);
    if (bytes > 0 && codeBytes + bytes > this.#deps.codeStorageBytesMax) throw codeStorageExceeded();
  }

  /** A layer version has come (`bytes` above 0) or gone. */
  layerChanged(account: Account, bytes: number): void {
    this.#add(account, { codeBytes: bytes, functionCount: 0 });
  }

  #add(account: Account, { codeBytes, functionCount }: Usage): void {
    this.#changes += 1;
    const known = this.#known.get(keyOf(account));
    if (!known) return;
    known.codeBytes += codeBytes;
    known.functionCount += functionCount;
  }

  async #count(account: Account): Promise<Usage> {
    const { functions, collections } = this.#deps;
    const usage = { codeBytes: 0, functionCount: 0 };
    for await (const { latest } of functions.heads(account)) {
      usage.functionCount += 1;
      usage.codeBytes += latest.configuration.code.sizeBytes;
    }
    for await (const { configuration } of functions.versions(account)) {
      usage.codeBytes += configuration.code.sizeBytes;
    }
    const layers = collections.layerVersions.each({ parts: [account.account, account.region] });
    for await (const { value } of layers) usage.codeBytes += value.code.sizeBytes;
    return usage;
  }
}

function bytesOf(fn: FunctionRecord | undefined): number {
  if (!fn) return 0;
  return [fn.latest, ...fn.versions].reduce((sum, each) => sum + each.configuration.code.sizeBytes, 0);
}

function keyOf({ account, region }: Account): string {
  return `${account}/${region}`;
}
