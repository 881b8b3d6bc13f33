/** Event buses: found, made, changed. The default one is always there, whether it was ever written or not. */
import type { Clock } from "../../base/clock.ts";
import type { BusRecord } from "./domain/bus.ts";
import { busOf, defaultBus, type BusName, type Place } from "./domain/names.ts";
import { busNotFound, foreignBus, invalidParameter } from "./errors.ts";
import type { EventBridgeStore } from "./store.ts";

export class Buses {
  readonly #store: EventBridgeStore;
  readonly #clock: Clock;

  constructor(store: EventBridgeStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  async find(bus: BusName): Promise<BusRecord | undefined> {
    const stored = await this.#store.buses.get(bus, bus.name);
    return stored?.value ?? (bus.name === defaultBus ? this.#untouched(bus) : undefined);
  }

  /** Throws when there is none, or it is another account's. `nameOrArn` left out: the default one. */
  async named(nameOrArn: string | undefined, place: Place): Promise<BusRecord> {
    const bus = busOf(nameOrArn, place);
    if (!bus) throw invalidParameter("EventBusName", "Provided Arn is not in correct format.");
    if (bus.account !== place.account) throw foreignBus(bus, place.account);
    const found = await this.find(bus);
    if (!found) throw busNotFound(bus.name);
    return found;
  }

  /** `decide` may run again, when somebody else was faster. Throws when there is no such bus. */
  async change(bus: BusName, decide: (before: BusRecord) => BusRecord): Promise<BusRecord> {
    for (;;) {
      const stored = await this.#store.buses.get(bus, bus.name);
      const before = stored?.value ?? (await this.find(bus));
      if (!before) throw busNotFound(bus.name);
      const after = { ...decide(before), modifiedAtMs: this.#clock.now() };
      if (await this.#store.tryCommit([this.#store.buses.put(after, stored?.version ?? 0)])) return after;
    }
  }

  #untouched({ account, region, name }: BusName): BusRecord {
    return { account, region, name, tags: {}, createdAtMs: 0, modifiedAtMs: 0 };
  }
}
