/**
 * Notifications on their way. A letter is committed together with the change that it tells of, so no acknowledged change
 * goes untold; it is removed when its addressee has it. A crash in between delivers it again after the next start:
 * at least once, as AWS promises, and as there in no certain order.
 *
 * Delivery begins right after the commit. What fails for a while is tried again, more and more slowly; what is refused for
 * good is given up with a line in the log that says why.
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { Random } from "../../base/random.ts";
import { newTraceHeader } from "../../base/trace.ts";
import { NoSuchTarget } from "../../events/deliver.ts";
import type { Deliver } from "../../events/ports.ts";
import {
  outboxAttemptsMax,
  outboxConcurrencyMax,
  outboxRetryMsMax,
  outboxRetryMsMin,
  outboxWindowMax,
} from "../../limits.ts";
import type { Write } from "../../store/store.ts";
import { AwsError } from "../../wire/aws-error.ts";
import { hostIdOf } from "../../wire/error-body.ts";
import { bucketArn, type BucketRecord } from "./domain/bucket.ts";
import { matchingRules } from "./domain/notification.ts";
import type { ObjectEvent, Outgoing } from "./domain/notification-record.ts";
import { busEvent, notificationBody } from "./domain/notification-record.ts";
import { sequencerOf, type VersionTokens } from "./domain/version-token.ts";
import type { S3Store } from "./store.ts";

export interface OutboxDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: S3Store;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly tokens: VersionTokens;
  readonly deliver: Deliver;
}

/** A notification with its place in the store. */
export interface Letter {
  readonly id: string;
  readonly outgoing: Outgoing;
  readonly write: Write;
}

type Waiting = Pick<Letter, "id" | "outgoing"> & { readonly attempts: number };

export class Outbox {
  readonly #deps: OutboxDeps;
  readonly #queue: Waiting[] = [];
  /** All that are in memory: queued, on their way, waiting for their next attempt, or about to be forgotten. */
  readonly #known = new Set<string>();
  readonly #delivered: string[] = [];
  /** There is more on the disk than in memory. */
  #isBehind = false;
  #running = 0;
  #forgetting: Promise<void> | undefined;
  #isStopped = false;
  readonly #idle: (() => void)[] = [];
  readonly #sent;
  readonly #lost;

  constructor(deps: OutboxDeps) {
    this.#deps = deps;
    const { metrics } = deps;
    this.#sent = metrics.counter("lambdad_s3_notifications_total", "Notifications of buckets delivered.");
    this.#lost = metrics.counter("lambdad_s3_notifications_lost_total", "Notifications of buckets given up.");
    metrics.gauge(
      "lambdad_s3_notifications_waiting",
      "Notifications of buckets not delivered yet.",
      () => this.#known.size,
    );
  }

  /** Who is to be told of these events. The writes belong into the commit of what they tell of. */
  lettersFor(bucket: BucketRecord, events: readonly ObjectEvent[]): readonly Letter[] {
    const settings = bucket.settings.notification;
    if (!settings) return [];
    return events.flatMap((event) => {
      const rules = matchingRules(settings, event.name, event.key);
      const letters: Outgoing[] = rules.map(({ arn, id }) => ({ event, to: { arn, configurationId: id } }));
      if (settings.hasEventBridge && busEvent(event)) letters.push({ event, to: undefined });
      return letters.map((outgoing) => this.#letter(outgoing));
    });
  }

  /** After the commit. */
  send(letters: readonly Letter[]): void {
    if (letters.length === 0) return;
    for (const letter of letters) this.#add(letter);
    this.#work();
  }

  /** What was not delivered before the last stop or crash. */
  resume(): void {
    this.#isBehind = true;
    this.#work();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#running > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    await this.#forgetting;
  }

  #letter(outgoing: Outgoing): Letter {
    const { random, store, tokens } = this.#deps;
    const id = `${sequencerOf(tokens.next())}${random.hex(4)}`;
    return { id, outgoing, write: store.outbox.put([id], outgoing, 0) };
  }

  #add({ id, outgoing }: Pick<Letter, "id" | "outgoing">): void {
    if (this.#known.size >= outboxWindowMax) {
      this.#isBehind = true;
      return;
    }
    this.#known.add(id);
    this.#queue.push({ id, outgoing, attempts: 0 });
  }

  #work(): void {
    while (!this.#isStopped && this.#running < outboxConcurrencyMax) {
      const waiting = this.#queue.shift();
      if (!waiting) break;
      this.#running += 1;
      void this.#attempt(waiting).finally(() => {
        this.#running -= 1;
        if (this.#running === 0) for (const wake of this.#idle.splice(0)) wake();
        this.#work();
      });
    }
    if (this.#isBehind && this.#queue.length === 0 && !this.#isStopped) void this.#catchUp();
  }

  async #attempt(waiting: Waiting): Promise<void> {
    const { clock, logger } = this.#deps;
    const { id, outgoing, attempts } = waiting;
    try {
      await this.#deliver(outgoing);
      this.#sent.add();
      this.#forget(id);
    } catch (error) {
      if (isForGood(error) || attempts + 1 >= outboxAttemptsMax) {
        this.#lost.add();
        logger.warn(`a notification of bucket ${outgoing.event.bucket.name} was not delivered`, {
          to: outgoing.to?.arn ?? "the default event bus",
          event: outgoing.event.name,
          key: outgoing.event.key,
          why: error instanceof Error ? error.message : error,
        });
        this.#forget(id);
        return;
      }
      const delayMs = Math.min(outboxRetryMsMax, outboxRetryMsMin * 2 ** attempts);
      clock.after(delayMs, () => {
        this.#queue.push({ id, outgoing, attempts: attempts + 1 });
        this.#work();
      });
    }
  }

  async #deliver({ event, to }: Outgoing): Promise<void> {
    const { clock, random, deliver } = this.#deps;
    const { account, region } = event.bucket;
    const sourceArn = bucketArn(event.bucket);
    const ctx = {
      account,
      region,
      principal: "s3.amazonaws.com",
      sourceArn,
      traceHeader: event.by.trace ?? newTraceHeader(clock, random),
    };
    if (to) {
      const body = notificationBody(event, to.configurationId, hostIdOf(event.by.requestId));
      await deliver(to.arn, { body: Buffer.from(body), subject: "Amazon S3 Notification" }, ctx);
      return;
    }
    const told = busEvent(event);
    if (!told) return;
    const arn = sourceArn.replace(/:s3:::.*$/, `:events:${region}:${account}:event-bus/default`);
    const envelope = { source: "aws.s3", detailType: told.detailType, resources: [sourceArn] };
    await deliver(arn, { body: Buffer.from(told.detail), envelope }, ctx);
  }

  /** Removals are gathered while one commit of them is under way. */
  #forget(id: string): void {
    this.#delivered.push(id);
    this.#forgetting ??= this.#removeDelivered().finally(() => {
      this.#forgetting = undefined;
    });
  }

  async #removeDelivered(): Promise<void> {
    const { logger, store } = this.#deps;
    while (this.#delivered.length > 0) {
      const ids = this.#delivered.splice(0, outboxWindowMax);
      try {
        await store.commit(ids.map((id) => store.outbox.remove([id])));
      } catch (error) {
        logger.warn("notifications that were delivered may be delivered again after the next start", {
          error,
        });
      }
      for (const id of ids) this.#known.delete(id);
    }
  }

  async #catchUp(): Promise<void> {
    this.#isBehind = false;
    const { logger, store } = this.#deps;
    try {
      const limit = outboxWindowMax * 2;
      const { items, next } = await store.outbox.page({ parts: [], limit });
      for (const { parts, value } of items) {
        const [id = ""] = parts;
        if (!this.#known.has(id)) this.#add({ id, outgoing: value });
      }
      this.#isBehind ||= next !== undefined;
      if (this.#queue.length > 0) this.#work();
    } catch (error) {
      logger.warn("notifications wait until the next start", { error });
    }
  }
}

/** Refused, and trying again would not help; or there is nobody. */
function isForGood(error: unknown): boolean {
  if (error instanceof NoSuchTarget) return true;
  if (!(error instanceof AwsError)) return false;
  return error.fault === "client" && error.status !== 429 && !/TooManyRequests|Throttl/i.test(error.code);
}
