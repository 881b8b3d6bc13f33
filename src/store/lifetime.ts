/** Law K7: lets calls in while open, refuses them once closing, and closes when the last of those let in is done. */
import { closed } from "./errors.ts";

export class Lifetime {
  readonly #running = new Set<Promise<unknown>>();
  #ended: Promise<void> | undefined;

  /** Throws `StoreError` "closed" once `end` was called. */
  check(): void {
    if (this.#ended) throw closed();
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    this.check();
    const running = task();
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /** Waits for what runs, then calls `release`, once. */
  end(release: () => Promise<void>): Promise<void> {
    this.#ended ??= Promise.allSettled(this.#running).then(release);
    return this.#ended;
  }
}
