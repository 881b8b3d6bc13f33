/**
 * Clears away what nothing names any more and is too much for one commit: the parts of deleted objects, and those of
 * uploads that were aborted or completed. What a crash interrupts goes on after the next start. Files that are an
 * object's stay.
 */
import type { Logger } from "../../base/logger.ts";
import type { ObjectFiles } from "./files.ts";
import type { Rubbish, S3Store } from "./store.ts";

/** Records that one commit takes away. */
const portion = 400;

export class RubbishClearer {
  readonly #store: S3Store;
  readonly #files: ObjectFiles;
  readonly #logger: Logger;
  #running: Promise<void> | undefined;
  #isWanted = false;
  #isStopped = false;

  constructor(deps: { readonly store: S3Store; readonly files: ObjectFiles; readonly logger: Logger }) {
    this.#store = deps.store;
    this.#files = deps.files;
    this.#logger = deps.logger;
  }

  /** There is something to clear. */
  wake(): void {
    this.#isWanted = true;
    if (this.#isStopped) return;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      while (this.#isWanted && !this.#isStopped) {
        this.#isWanted = false;
        for await (const { parts, value } of this.#store.rubbish.each({ parts: [] })) {
          await this.#clear(value);
          await this.#store.commit([this.#store.rubbish.remove(parts)]);
          if (this.#isStopped) return;
        }
      }
    } catch (error) {
      this.#logger.warn("parts of deleted objects will be cleared after the next start", { error });
    }
  }

  async #clear(rubbish: Rubbish): Promise<void> {
    const { layouts, parts } = this.#store;
    const layout = rubbish.layout === undefined ? undefined : (await layouts.get([rubbish.layout]))?.value;
    const laid = (layout?.parts ?? []).flatMap(({ file }) => (file === undefined ? [] : [file]));
    if (rubbish.kind === "layout") {
      await this.#removeFiles(laid);
      await this.#store.commit([layouts.remove([rubbish.layout])]);
      return;
    }
    const kept = new Set(laid);
    const found = await this.#store.partsOf(rubbish.uploadId);
    await this.#removeFiles(
      found.flatMap(({ value: { file } }) => (file === undefined || kept.has(file) ? [] : [file])),
    );
    for (let at = 0; at < found.length; at += portion) {
      await this.#store.commit(found.slice(at, at + portion).map((part) => parts.remove(part.parts)));
    }
  }

  async #removeFiles(files: readonly string[]): Promise<void> {
    for (let at = 0; at < files.length; at += portion) {
      const some = files.slice(at, at + portion);
      await this.#store.commit(some.map((file) => this.#store.files.remove([file])));
      await this.#files.remove(some);
    }
  }
}
