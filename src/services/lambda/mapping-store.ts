/**
 * Event source mappings in the store, and their states' moves behind the caller's back: what is under way in a record is
 * taken up after a restart, so that every state ends.
 *
 * Pollers read `all` and hear of changes through `onChange`; they poll what is Enabled. A pair of source and function is
 * kept apart from its mapping, so that two creates of one pair cannot both win.
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import { lambdaActivationRetryMs } from "../../limits.ts";
import type { Records } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import { StoreError } from "../../store/store.ts";
import { AwsError } from "../../wire/aws-error.ts";
import type { Decision } from "./change-record.ts";
import { changeRecord } from "./change-record.ts";
import type { Mapping, MappingId } from "./domain/mapping.ts";
import { alreadyMapped, nextState } from "./domain/mapping.ts";
import { nothingRequestedExists } from "./errors.ts";

type Place = Pick<MappingId, "account" | "region">;

export interface MappingsDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: Store;
  readonly mappings: Records<Mapping>;
  /** By account, region, source ARN and function ARN: the UUID of their mapping. */
  readonly mapped: Records<string>;
}

/** `after` undefined: it is gone. */
export type MappingListener = (mapping: Mapping, after: Mapping | undefined) => void;

export class Mappings {
  readonly #deps: MappingsDeps;
  readonly #listeners: MappingListener[] = [];
  readonly #moving = new Set<Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(deps: MappingsDeps) {
    this.#deps = deps;
  }

  onChange(listener: MappingListener): void {
    this.#listeners.push(listener);
  }

  async create(mapping: Mapping): Promise<void> {
    const { store, mappings, mapped } = this.#deps;
    const pair = pairOf(mapping);
    const other = await mapped.get(pair);
    if (other) throw alreadyMapped(mapping, other.value);
    try {
      await store.commit([
        mappings.put(partsOf(mapping.id), mapping, 0),
        mapped.put(pair, mapping.id.uuid, 0),
      ]);
    } catch (error) {
      if (error instanceof StoreError && error.code === "conflict") {
        const winner = await mapped.get(pair);
        if (winner) throw alreadyMapped(mapping, winner.value);
      }
      throw error;
    }
    this.#changed(mapping, mapping);
  }

  async get(id: MappingId): Promise<Mapping | undefined> {
    return (await this.#deps.mappings.get(partsOf(id)))?.value;
  }

  /** What `change` throws goes to the caller. Another function changes the pair, which may be taken. */
  async change(id: MappingId, change: (before: Mapping) => Mapping): Promise<Mapping> {
    const { mapped } = this.#deps;
    let was: Mapping | undefined;
    const after = await this.#write(id, async (before) => {
      const next = change(before);
      was = before;
      if (next.functionArn === before.functionArn) return { after: next };
      const other = await mapped.get(pairOf(next));
      if (other) throw alreadyMapped(next, other.value);
      const also = [mapped.remove(pairOf(before)), mapped.put(pairOf(next), next.id.uuid, 0)];
      return { after: next, also };
    });
    this.#changed(was ?? after, after);
    return after;
  }

  /** In whatever state it is: tags do not touch what is polled, so nobody hears of it. */
  async tag(
    id: MappingId,
    missing: () => Error,
    change: (tags: Mapping["tags"]) => Mapping["tags"],
  ): Promise<void> {
    const { store, mappings } = this.#deps;
    await changeRecord({
      store,
      records: mappings,
      parts: partsOf(id),
      missing,
      decide: (before) => ({ after: { ...before, tags: change(before.tags) } }),
    });
  }

  /** In the order of UUIDs, those after `after`. */
  async *list({ account, region }: Place, after?: string): AsyncGenerator<Mapping> {
    const from = after === undefined ? undefined : [account, region, after];
    for await (const { value } of this.#deps.mappings.each({ parts: [account, region], after: from }))
      yield value;
  }

  /** Of every account and region. */
  async *all(): AsyncGenerator<Mapping> {
    for await (const { value } of this.#deps.mappings.each({ parts: [] })) yield value;
  }

  /** Takes up what was under way when the process ended. */
  async resume(): Promise<void> {
    for await (const mapping of this.all()) this.#move(mapping);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#moving);
  }

  #write(
    id: MappingId,
    decide: (before: Mapping) => Decision<Mapping> | Promise<Decision<Mapping>>,
  ): Promise<Mapping> {
    const { store, mappings } = this.#deps;
    return changeRecord({
      store,
      records: mappings,
      parts: partsOf(id),
      missing: nothingRequestedExists,
      decide,
    });
  }

  #changed(before: Mapping, after: Mapping | undefined): void {
    for (const listener of this.#listeners) listener(before, after);
    if (after) this.#move(after);
  }

  #move(mapping: Mapping): void {
    if (nextState(mapping) === undefined) return;
    const moving = this.#untilMoved(mapping.id).finally(() => this.#moving.delete(moving));
    this.#moving.add(moving);
  }

  async #untilMoved(id: MappingId): Promise<void> {
    const { clock, logger, mapped } = this.#deps;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        let moved: Mapping | undefined;
        const before = await this.#write(id, (current) => {
          const state = nextState(current);
          moved = state === undefined || state === "gone" ? undefined : { ...current, state };
          if (state === "gone") return { after: undefined, also: [mapped.remove(pairOf(current))] };
          return { after: moved ?? current };
        });
        for (const listener of this.#listeners) listener(before, moved);
        return;
      } catch (error) {
        if (error instanceof AwsError) return; // it is gone
        logger.warn("an event source mapping's state will be moved again", { error });
        await clock.sleep(lambdaActivationRetryMs, signal).catch(() => {});
      }
    }
  }
}

function partsOf({ account, region, uuid }: MappingId): string[] {
  return [account, region, uuid];
}

function pairOf({ id, source, functionArn }: Mapping): string[] {
  return [id.account, id.region, source.arn, functionArn];
}
