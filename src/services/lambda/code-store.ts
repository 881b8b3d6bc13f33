/**
 * Deployment packages among the blobs, shared by content. With `store.ts` the only file here that touches the store.
 *
 * A zip is stored before the record that names it (L2) and removed when no function needs it any more. What may be
 * needed by nobody is marked durably before it can become so: staging marks it, the commit that takes it into use
 * unmarks it, the commit that drops it marks it again. `sweep` looks at marked content only, also after a crash.
 *
 * Content that is being taken into use is held in memory, which is enough for one process.
 */
import type { Random } from "../../base/random.ts";
import type { CodeMounts } from "../../runtime/contract.ts";
import type { BlobRef, Store, Write } from "../../store/store.ts";
import { StoreError } from "../../store/store.ts";
import type { Zip } from "./code-source.ts";
import type { Collections } from "./collections.ts";
import type { Code } from "./domain/function.ts";
import { sha256Of } from "./domain/lifecycle.ts";

export interface Staged {
  readonly code: Code;
  /** Call when the record that names it is committed, or will not be. */
  readonly release: () => void;
}

export interface CodeStoreDeps {
  readonly store: Store;
  readonly collections: Collections;
  readonly codeMounts: Pick<CodeMounts, "remove">;
  readonly random: Random;
}

const secretParts = ["url"];

export class CodeStore {
  readonly #deps: CodeStoreDeps;
  readonly #holds = new Map<string, number>();
  readonly #removals = new Map<string, Promise<void>>();
  #stagings = 0;
  #secret: Promise<Uint8Array> | undefined;

  constructor(deps: CodeStoreDeps) {
    this.#deps = deps;
  }

  /** Stores a zip, durable when it resolves; it stays at least until it is released. */
  async stage({ bytes, unzippedBytes }: Zip): Promise<Staged> {
    const { store, collections } = this.#deps;
    const sha256 = sha256Of(bytes);
    const release = await this.hold(sha256);
    try {
      await store.commit([collections.codeChecks.put([sha256], true)]);
      const { sizeBytes } = await store.blobs.put(bytes);
      return { code: { sha256, sizeBytes, unzippedBytes }, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Nobody removes this content until it is released; whether it is there at all is to be looked up afterwards. */
  async hold(sha256: string): Promise<() => void> {
    this.#stagings += 1;
    this.#holds.set(sha256, (this.#holds.get(sha256) ?? 0) + 1);
    await this.#removals.get(sha256)?.catch(() => {}); // whoever removes it sees the failure
    return () => this.#release(sha256);
  }

  stat(sha256: string): Promise<BlobRef | undefined> {
    return this.#deps.store.blobs.stat(sha256);
  }

  stream(sha256: string): AsyncIterable<Uint8Array> {
    return this.#deps.store.blobs.stream(sha256);
  }

  /** Removes what is marked and needed by nobody. No environment may still run it. */
  async sweep(contents: Iterable<string>): Promise<void> {
    for (const sha256 of contents) await this.#sweepOne(sha256);
  }

  /** Everything that is marked; after a start. */
  async sweepMarked(): Promise<void> {
    const { codeChecks } = this.#deps.collections;
    for await (const { parts } of codeChecks.each({ parts: [] })) await this.#sweepOne(parts[0] ?? "");
  }

  /** 32 bytes, made once for a data directory. */
  secret(): Promise<Uint8Array> {
    this.#secret ??= this.#loadSecret().catch((error: unknown) => {
      this.#secret = undefined;
      throw error;
    });
    return this.#secret;
  }

  async #loadSecret(): Promise<Uint8Array> {
    const { collections, random } = this.#deps;
    const stored = await collections.codeSecrets.get(secretParts);
    if (stored) return Buffer.from(stored.value, "hex");
    await this.#commit([collections.codeSecrets.put(secretParts, random.hex(32), 0)]);
    return this.#loadSecret();
  }

  #release(sha256: string): void {
    const holds = (this.#holds.get(sha256) ?? 1) - 1;
    if (holds > 0) this.#holds.set(sha256, holds);
    else this.#holds.delete(sha256);
  }

  async #sweepOne(sha256: string): Promise<void> {
    const { codeChecks, codeUses } = this.#deps.collections;
    const mark = await codeChecks.get([sha256]);
    if (!mark || this.#removals.has(sha256)) return;
    const stagings = this.#stagings;
    const uses = await codeUses.page({ parts: [sha256], limit: 1 });
    // From here to the entry in `removals` nothing waits: who stages it now waits for the removal to end. Who staged
    // it while we were looking may have taken it into use already.
    if (this.#holds.has(sha256)) return;
    if (this.#stagings !== stagings) return this.#sweepOne(sha256);
    const removal = this.#settleMark(sha256, { isNeeded: uses.items.length > 0, markVersion: mark.version });
    this.#removals.set(sha256, removal);
    await removal.finally(() => this.#removals.delete(sha256));
  }

  async #settleMark(sha256: string, found: { isNeeded: boolean; markVersion: number }): Promise<void> {
    if (!found.isNeeded) {
      await this.#deps.codeMounts.remove(sha256);
      await this.#deps.store.blobs.remove(sha256);
    }
    // A mark that was set again meanwhile stays: whoever set it will look, too.
    await this.#commit([this.#deps.collections.codeChecks.remove([sha256], found.markVersion)]);
  }

  /** Commits unless someone else was faster. */
  async #commit(batch: readonly Write[]): Promise<void> {
    try {
      await this.#deps.store.commit(batch);
    } catch (error) {
      if (!(error instanceof StoreError && error.code === "conflict")) throw error;
    }
  }
}
