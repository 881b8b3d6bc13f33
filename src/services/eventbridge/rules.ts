/**
 * The rules of each bus, in memory from its first use on, with an index of their patterns. All changes go through
 * `change`, which decides on what a rule is now and commits on that condition; memory follows the store.
 */
import { PatternIndex } from "../../events/pattern-index.ts";
import type { Write } from "../../store/store.ts";
import { busOfRule, type BusName, type RuleName } from "./domain/names.ts";
import { isEnabled, type RuleRecord } from "./domain/rule.ts";
import type { EventBridgeStore } from "./store.ts";

/** What is to become of a rule. */
export interface Change {
  /** Undefined: it is removed, or still not there. */
  readonly after: RuleRecord | undefined;
  /** In the same commit. */
  readonly writes?: readonly Write[];
  /** After the commit. */
  readonly committed?: () => void;
}

interface Held {
  readonly record: RuleRecord;
  readonly version: number;
}

interface LoadedBus {
  /** In the order of names. */
  readonly rules: Map<string, Held>;
  readonly index: PatternIndex<Held>;
}

export class Rules {
  readonly #store: EventBridgeStore;
  readonly #buses = new Map<string, Promise<LoadedBus>>();

  constructor(store: EventBridgeStore) {
    this.#store = store;
  }

  async find(rule: RuleName): Promise<RuleRecord | undefined> {
    const { rules } = await this.#loaded(busOfRule(rule));
    return rules.get(rule.name)?.record;
  }

  /** In the order of names. */
  async all(bus: BusName): Promise<readonly RuleRecord[]> {
    const { rules } = await this.#loaded(bus);
    const found = [...rules.values()].map(({ record }) => record);
    return found.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  async count(bus: BusName): Promise<number> {
    return (await this.#loaded(bus)).rules.size;
  }

  /** Enabled rules whose pattern matches. `event`: from `parseExact`. */
  async matching(bus: BusName, event: unknown): Promise<readonly RuleRecord[]> {
    const { index } = await this.#loaded(bus);
    return index.matching(event).map(({ record }) => record);
  }

  /** `decide` may run again, when somebody else was faster. Answers what the rule is now. */
  async change(
    rule: RuleName,
    decide: (before: RuleRecord | undefined) => Change | Promise<Change>,
  ): Promise<RuleRecord | undefined> {
    const loaded = await this.#loaded(busOfRule(rule));
    for (;;) {
      const held = loaded.rules.get(rule.name);
      const { after, writes = [], committed } = await decide(held?.record);
      if (!held && !after) return undefined;
      if (loaded.rules.get(rule.name) !== held) continue;
      const write = this.#writeOf(rule, after, held?.version ?? 0);
      const versions = await this.#store.tryCommit([write, ...writes]);
      if (!versions) continue;
      if (held) loaded.index.remove(held);
      if (after) keep(loaded, { record: after, version: versions[0] ?? 0 });
      else loaded.rules.delete(rule.name);
      committed?.();
      return after;
    }
  }

  #writeOf(rule: RuleName, after: RuleRecord | undefined, version: number): Write {
    return after ? this.#store.putRule(after, version) : this.#store.removeRule(rule, version);
  }

  #loaded(bus: BusName): Promise<LoadedBus> {
    const key = `${bus.account}/${bus.region}/${bus.name}`;
    const known = this.#buses.get(key);
    if (known) return known;
    const loading = this.#load(bus);
    this.#buses.set(key, loading);
    loading.catch(() => this.#buses.delete(key));
    return loading;
  }

  async #load(bus: BusName): Promise<LoadedBus> {
    const loaded: LoadedBus = { rules: new Map(), index: new PatternIndex() };
    for await (const { value, version } of this.#store.rules(bus)) keep(loaded, { record: value, version });
    return loaded;
  }
}

function keep({ rules, index }: LoadedBus, held: Held): void {
  const { record } = held;
  rules.set(record.name, held);
  if (record.pattern !== undefined && isEnabled(record)) index.add(held, record.pattern);
}
