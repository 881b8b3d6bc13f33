/**
 * A clock and a store that end with their life: afterwards no timer fires and no call returns. The store fails as a disk
 * does, and may take the whole life with it, before or after a batch has become durable.
 */
import type { Clock } from "../../src/base/clock.ts";
import type { Random } from "../../src/base/random.ts";
import type { Committed, Store, Write } from "../../src/store/store.ts";
import { StoreError } from "../../src/store/store.ts";

export interface Mortal {
  readonly isAlive: () => boolean;
}

/** Never resolves. One for each who waits: what waits for a promise that all share would never be collected. */
export const forever = (): Promise<never> => new Promise<never>(() => undefined);

export function mortalClock(clock: Clock, { isAlive }: Mortal): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (delayMs, task) => clock.after(delayMs, () => void (isAlive() && task())),
    async sleep(delayMs, signal) {
      await clock.sleep(delayMs, signal);
      return isAlive() ? undefined : forever();
    },
  };
}

export interface Faults {
  /** 0: everything works. */
  rate: number;
  readonly random: Random;
  /** Ends the life. */
  readonly crash: (why: string) => void;
}

export function faultyStore(store: Store, clock: Clock, mortal: Mortal, faults: Faults): Store {
  const alive = async <T>(result: Promise<T>): Promise<T> => {
    const value = await result.catch((error: unknown) =>
      mortal.isAlive() ? Promise.reject(error) : forever(),
    );
    return mortal.isAlive() ? value : forever();
  };
  // K3: commits take their time, but stay in order.
  let line: Promise<unknown> = Promise.resolve();
  const strikes = (share: number) => faults.rate > 0 && faults.random.float() < faults.rate * share;
  return {
    blobs: store.blobs,
    watch: (prefix, wake) => store.watch(prefix, () => void (mortal.isAlive() && wake())),
    get: (key) => alive(store.get(key)),
    scan: (range) => alive(store.scan(range)),
    commit(batch) {
      // A copy, for what the caller does with its bytes meanwhile must not matter.
      const taken = batch.map((write) =>
        "value" in write ? { ...write, value: new Uint8Array(write.value) } : write,
      );
      const committed = line.then(() => commitNow(taken));
      line = committed.catch(() => undefined);
      return committed;
    },
    close: async () => undefined,
  };

  async function commitNow(batch: readonly Write[]): Promise<Committed> {
    await clock.sleep(1 + Math.floor(faults.random.float() * 4));
    if (!mortal.isAlive()) return forever();
    if (strikes(0.5)) throw new StoreError("full", "the disk is full");
    if (strikes(0.2)) throw new StoreError("busy", "too many commits wait");
    if (strikes(0.2)) {
      faults.crash("before a commit");
      return forever();
    }
    const committed = await alive(store.commit(batch));
    if (strikes(0.2)) {
      faults.crash("after a commit");
      return forever();
    }
    return committed;
  }
}
