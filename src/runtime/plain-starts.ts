/**
 * Versions that were made lately, that no waiting runtime can become, and that have not been started yet: so many starts
 * may come at once, and the driver can prepare for them. A version that nobody starts is forgotten after a while.
 */
import type { Clock } from "../base/clock.ts";
import { plainStartsMax, warmIdleMs } from "../limits.ts";

export interface PlainStarts {
  /** `key`: of the version. */
  expect(key: string): void;
  started(key: string): void;
}

/** `onCount`: how many there are, whenever that has changed. */
export function createPlainStarts(clock: Clock, onCount: (count: number) => void): PlainStarts {
  const expected = new Set<string>();

  function change(happens: boolean): void {
    if (happens) onCount(expected.size);
  }

  return {
    expect(key) {
      if (expected.size >= plainStartsMax || expected.has(key)) return;
      expected.add(key);
      change(true);
      clock.after(warmIdleMs, () => change(expected.delete(key)));
    },
    started: (key) => change(expected.delete(key)),
  };
}
