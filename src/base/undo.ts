/**
 * What has to be undone, last first: whoever builds something adds how it is taken down. One failure does not keep the
 * rest from being undone; it is told at the end. Runs once, however often it is asked to.
 */
export class Undo {
  readonly #steps: (() => unknown)[] = [];
  #running: Promise<void> | undefined;

  add(step: () => unknown): void {
    this.#steps.push(step);
  }

  all(): Promise<void> {
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<void> {
    const failures: unknown[] = [];
    for (const step of this.#steps.toReversed()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, "lambdad did not stop cleanly");
  }
}
