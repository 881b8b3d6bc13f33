/**
 * Time as an argument. Everything that waits or stamps takes a `Clock`; only this folder may ask the machine what time
 * it is. `clock-sim.ts` is the twin that tests and the simulation drive by hand.
 */

export interface Timer {
  /** Idempotent; harmless after the timer has fired. */
  cancel(): void;
}

export interface Clock {
  /** Epoch milliseconds, whole. May jump when the machine's clock is set. */
  now(): number;
  /** Milliseconds from an arbitrary start, fractional, never going back. For durations. */
  monotonic(): number;
  /** Calls `task` once after `delayMs`. Does not keep the process alive. A throwing task crashes the process. */
  after(delayMs: number, task: () => void): Timer;
  /** Resolves after `delayMs`; rejects with `signal.reason` as soon as `signal` aborts. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

// The longest delay that the timer wheel takes, ms; beyond it Node fires at once.
const timerDelayMsMax = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, Math.min(delayMs, timerDelayMsMax));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
  sleep(delayMs, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const timer = setTimeout(finish, Math.min(delayMs, timerDelayMsMax));
      function finish() {
        signal?.removeEventListener("abort", abort);
        resolve();
      }
      function abort() {
        clearTimeout(timer);
        reject(signal?.reason);
      }
      signal?.addEventListener("abort", abort, { once: true });
    });
  },
};
