/**
 * Amazon SNS: topics, subscriptions, publishing. Read `topic.ts`, then `deliveries.ts`, then `courier.ts`.
 *
 * A message is accepted with the list of those who are to get it, in one commit, and brought to each of them from there:
 * to queues and functions through `deliver`, to HTTP endpoints by POST, to people through the outbox.
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { Random } from "../../base/random.ts";
import type { Deliver, Target } from "../../events/ports.ts";
import type { Trail } from "../../events/trail.ts";
import { confirmationSweepMs } from "../../limits.ts";
import type { Store } from "../../store/store.ts";
import type { OperationsOf, Service } from "../service.ts";
import { createComposer } from "./composer.ts";
import { createCourier } from "./courier.ts";
import { Deliveries } from "./deliveries.ts";
import type { TopicName } from "./domain/names.ts";
import { deadLetterArnOf } from "./domain/subscription.ts";
import type { HttpPost } from "./http-post.ts";
import { accessOperations } from "./operations/access.ts";
import { applicationOperations } from "./operations/applications.ts";
import { phoneOperations } from "./operations/phones.ts";
import { publishingOperations } from "./operations/publishing.ts";
import { subscriptionOperations } from "./operations/subscriptions.ts";
import { topicOperations } from "./operations/topics.ts";
import { Outbox } from "./outbox.ts";
import type { Client } from "./parts.ts";
import { Signer } from "./signer.ts";
import type { Mail } from "./store.ts";
import { SnsStore } from "./store.ts";
import { createTarget } from "./target.ts";
import { Topics } from "./topics.ts";

export interface SnsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly deliver: Deliver;
  readonly post: HttpPost;
  /** Of what does not pass `deliver`. */
  readonly trail: Pick<Trail, "delivery">;
  /** Where we are reached, without a trailing slash: by everybody, by functions. Asked when a message is delivered. */
  readonly urls: { readonly everywhere: () => string; readonly functions: () => string };
}

export interface SnsService extends Service {
  readonly operations: OperationsOf<Client>;
  readonly target: Target;
  /** E-mails and texts, oldest first. */
  readonly mails: () => AsyncIterable<Mail>;
  /** Messages are brought to their subscribers from now on: all services are there, and we are reached. */
  open(): void;
}

export function createSns(deps: SnsDeps): SnsService {
  const { clock, random, logger } = deps;
  const store = new SnsStore(deps.store);
  const outbox = new Outbox({ clock, store });
  const signer = new Signer({ clock, random, store });
  const topicOf = ({ topic }: { readonly topic: TopicName }) => topics.find(topic);
  const courier = createCourier({ ...deps, envelope: createComposer(signer), outbox, topicOf });
  const deliveries = new Deliveries({
    ...deps,
    store,
    attempt: courier,
    hasDeadLetterQueue: async (publication, uuid) => {
      const subscription = await (await topicOf(publication))?.subscription(uuid);
      const isNotice = publication.kind === "Notification";
      return isNotice && subscription !== undefined && deadLetterArnOf(subscription) !== undefined;
    },
  });
  const topics = new Topics({ clock, random, logger, store, deliveries });
  const parts = { clock, random, store, topics, deliveries, outbox };

  const operations: OperationsOf<Client> = {
    ...topicOperations(parts),
    ...subscriptionOperations(parts),
    ...publishingOperations(parts),
    ...accessOperations(parts),
    ...phoneOperations(parts),
    ...applicationOperations,
  };

  /** Whoever did not confirm in time has not subscribed. */
  async function expireConfirmations(): Promise<void> {
    for (const { topic: name, subscriptionUuid } of await store.expireTokens(clock.now())) {
      const topic = await topics.find(name);
      await topic?.inTurn(async () => {
        const subscription = await topic.subscription(subscriptionUuid);
        if (subscription?.state.kind === "pending") await topic.drop(subscription);
      });
    }
  }

  return {
    name: "sns",
    operations,
    target: createTarget(topics, logger),
    web: signer.web,
    mails: () => outbox.list(),
    open: () => deliveries.open(),
    async start() {
      topics.clear();
      await deliveries.resume();
      const stopping = new AbortController();
      const sweeping = (async () => {
        while (!stopping.signal.aborted) {
          await expireConfirmations().catch((error: unknown) =>
            logger.error("old confirmations stay", { error }),
          );
          await clock.sleep(confirmationSweepMs, stopping.signal).catch(() => {});
        }
      })();
      return async () => {
        stopping.abort();
        await sweeping;
        await deliveries.stop();
        await topics.stop();
      };
    },
  };
}
