/** All queues: found by name, made, deleted, watched over. A queue that was used once stays in memory, its messages bounded. */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { Random } from "../../base/random.ts";
import { listQueuesPageMax } from "../../limits.ts";
import type { Context } from "../service.ts";
import { checkCaller } from "./domain/access.ts";
import type { Attributes } from "./domain/attributes.ts";
import { firstDifference, newAttributes, settingsOf } from "./domain/attributes.ts";
import type { QueueName } from "./domain/queue-name.ts";
import { checkNewName, queueArn, queueOfArn, queueOfUrl } from "./domain/queue-name.ts";
import { allowsSource, type RedrivePolicy } from "./domain/redrive.ts";
import { invalidValue, queueDoesNotExist, queueNameExists } from "./errors.ts";
import type { QueueDeps } from "./queue.ts";
import { createCounters, Queue } from "./queue.ts";
import type { QueueRecord, SqsStore } from "./store.ts";
import { AwsError } from "../../wire/aws-error.ts";

export interface QueuesDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly store: SqsStore;
}

type Caller = Pick<Context, "account" | "region" | "identity">;

export class Queues {
  readonly #deps: QueueDeps;
  readonly #queues = new Map<string, Queue>();
  readonly #clearing = new Set<Promise<void>>();

  constructor({ metrics, ...deps }: QueuesDeps) {
    this.#deps = {
      ...deps,
      counters: createCounters(metrics),
      deadLetterQueue: async (record) => {
        const arn = settingsOf(record.attributes).redrive?.targetArn;
        return arn === undefined ? undefined : this.findByArn(arn);
      },
    };
  }

  /** For this action of the caller's. Throws QueueDoesNotExist, AccessDenied. */
  async named(url: string, caller: Caller, action: string): Promise<Queue> {
    const queue = await this.find(queueOfUrl(url, caller));
    if (!queue) throw queueDoesNotExist();
    checkCaller(queue.record, caller.identity, action);
    return queue;
  }

  async findByArn(arn: string): Promise<Queue | undefined> {
    const name = queueOfArn(arn);
    return name && this.find(name);
  }

  async find(name: QueueName): Promise<Queue | undefined> {
    const arn = queueArn(name);
    const known = this.#queues.get(arn);
    if (known) return known;
    const stored = await this.#deps.store.queue(name);
    if (!stored) return undefined;
    // Somebody else may have asked at the same time: there is one object for each queue.
    return this.#queues.get(arn) ?? this.#keep(new Queue(this.#deps, stored.value, stored.version));
  }

  async create(name: QueueName, given: Attributes, tags: QueueRecord["tags"]): Promise<void> {
    const { clock, random, store } = this.#deps;
    const attributes = newAttributes(given);
    const { isFifo, redrive } = settingsOf(attributes);
    checkNewName(name.name, isFifo);
    const existing = await this.find(name);
    if (existing) return requireSame(existing, given);
    await this.checkRedrive(name, { isFifo, redrive }, given);
    const nowMs = clock.now();
    const record: QueueRecord = {
      ...name,
      id: random.hex(8),
      pile: random.hex(8),
      attributes,
      tags,
      createdAtMs: nowMs,
      modifiedAtMs: nowMs,
    };
    const version = await store.putQueue(record, 0);
    if (version !== undefined) {
      if (!this.#queues.has(queueArn(name))) this.#keep(new Queue(this.#deps, record, version));
      return;
    }
    const winner = await this.find(name);
    if (winner) requireSame(winner, given);
  }

  async delete(queue: Queue): Promise<void> {
    await this.#deps.store.removeQueue(queue.record);
    this.#queues.delete(queue.arn);
    queue.close();
    this.#clear(queue.record.pile);
  }

  async purge(queue: Queue): Promise<void> {
    const { pile } = queue.record;
    await queue.purge(this.#deps.random.hex(8));
    this.#clear(pile);
  }

  /** Whether a queue may have this redrive policy, if it is being given one. */
  async checkRedrive(
    source: QueueName,
    { isFifo, redrive }: { readonly isFifo: boolean; readonly redrive: RedrivePolicy | undefined },
    given: Attributes,
  ): Promise<void> {
    if (!redrive || !given["RedrivePolicy"]) return;
    const refuse = (reason: string) => invalidValue("RedrivePolicy", given["RedrivePolicy"], reason);
    const target = queueOfArn(redrive.targetArn);
    if (!target || target.account !== source.account || target.region !== source.region) {
      throw refuse("Dead letter target is not a queue of this account and region."); // inferred text
    }
    const queue = await this.find(target);
    if (!queue) {
      const { message } = refuse("Dead letter target does not exist.");
      throw new AwsError("QueueDoesNotExist", message);
    }
    if (queue.settings.isFifo !== isFifo) {
      throw refuse("Dead letter target should be of same type as the source.");
    }
    if (!allowsSource(queue.settings.redriveAllow, queueArn(source))) {
      // inferred text
      throw refuse("The dead-letter queue's redrive allow policy does not allow this source queue.");
    }
  }

  /** Queues whose dead messages go to this one, in the order of names. */
  async sourcesOf(target: QueueName): Promise<readonly QueueRecord[]> {
    const arn = queueArn(target);
    const found: QueueRecord[] = [];
    let after: string | undefined;
    do {
      const page = await this.#deps.store.queues(target, { after, limit: listQueuesPageMax });
      for (const { value } of page.items) {
        if (settingsOf(value.attributes).redrive?.targetArn === arn) found.push(value);
      }
      after = page.next?.at(-1);
    } while (after !== undefined);
    return found;
  }

  /** What a crash has left to clear. */
  async resume(): Promise<void> {
    for (const pile of await this.#deps.store.rubbish()) this.#clear(pile);
  }

  async sweep(): Promise<void> {
    for (const queue of this.#queues.values()) await queue.sweep();
  }

  endWaits(): void {
    for (const queue of this.#queues.values()) queue.endWaits();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#queues.values()].map((queue) => queue.settle()));
    for (const queue of this.#queues.values()) queue.close();
    await Promise.all(this.#clearing);
  }

  #keep(queue: Queue): Queue {
    this.#queues.set(queue.arn, queue);
    return queue;
  }

  #clear(pile: string): void {
    const { store, logger } = this.#deps;
    const clearing = store
      .clear(pile)
      .catch((error: unknown) => logger.warn("messages will be cleared after the next start", { error }))
      .finally(() => this.#clearing.delete(clearing));
    this.#clearing.add(clearing);
  }
}

/** What is given must be what the queue has; what is not given may be anything. */
function requireSame({ record }: Queue, given: Attributes): void {
  const differing = firstDifference(record.attributes, given);
  if (differing !== undefined) throw queueNameExists(differing);
}
