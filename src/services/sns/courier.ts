/**
 * One attempt to bring a message to a subscription, or to its dead-letter queue: finds the subscription as it is now, sets
 * the message as this protocol has it, and says how it went. Source: map-sqs-sns-s3 2.5, 2.7.
 */
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { newTraceHeader } from "../../base/trace.ts";
import { NoSuchTarget } from "../../events/deliver.ts";
import { ForbiddenAddress } from "../../events/outgoing.ts";
import type { Deliver, DeliveredEvent, DeliveryContext } from "../../events/ports.ts";
import type { Trail } from "../../events/trail.ts";
import { httpDeliveryTimeoutMs } from "../../limits.ts";
import { AwsError } from "../../wire/aws-error.ts";
import type { Composer, Errand } from "./composer.ts";
import type { Attempt } from "./deliveries.ts";
import { httpPolicyOf } from "./domain/delivery-policy.ts";
import { confirmationMail, envelopeText, lambdaEvent, mailOf } from "./domain/envelope.ts";
import { subscriptionArn, topicArn } from "./domain/names.ts";
import type { AttemptResult } from "./domain/next-step.ts";
import { messageFor } from "./domain/publication.ts";
import { serviceRetryPolicy } from "./domain/retry.ts";
import { deadLetterArnOf, isRaw, type Subscription } from "./domain/subscription.ts";
import type { HttpPost } from "./http-post.ts";
import type { Outbox } from "./outbox.ts";
import type { Publication, Remaining } from "./store.ts";
import type { Topic } from "./topic.ts";

export interface CourierDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly deliver: Deliver;
  readonly post: HttpPost;
  readonly trail: Pick<Trail, "delivery">;
  readonly envelope: Composer;
  readonly outbox: Outbox;
  readonly topicOf: (publication: Publication) => Promise<Topic | undefined>;
  /** Where we are reached, without a trailing slash: by everybody, by functions. */
  readonly urls: { readonly everywhere: () => string; readonly functions: () => string };
}

export function createCourier(deps: CourierDeps): Attempt {
  const { clock } = deps;
  /** When an endpoint that takes so many a second takes the next one. */
  const nextAtMs = new Map<string, number>();

  return async ({ publication, content, to, signal }) => {
    const topic = await deps.topicOf(publication);
    const subscription = topic && (await addressee(topic, publication, to));
    if (!topic || !subscription) return { kind: "moot" };
    const errand = { publication, content, topic, subscription, signal };
    try {
      if (to.stage === "dead-letter") return await bury(errand);
      return await bring(errand);
    } catch (error) {
      return failureOf(error);
    }
  };

  async function bring(errand: Errand): Promise<AttemptResult> {
    const { publication, content, topic, subscription } = errand;
    const { protocol, endpoint } = subscription;
    switch (protocol) {
      case "sqs":
        await deps.deliver(endpoint, await queued(errand, endpoint), sender(errand));
        return delivered;
      case "lambda": {
        const envelope = await deps.envelope(errand, deps.urls.functions());
        const event = lambdaEvent(envelope, subscriptionArn(publication.topic, subscription.uuid));
        const { traceHeader } = publication;
        await deps.deliver(
          endpoint,
          { body: Buffer.from(event) },
          {
            ...sender(errand),
            traceHeader: traceHeader ?? newTraceHeader(clock, deps.random),
          },
        );
        return delivered;
      }
      case "http":
      case "https":
        return post(errand);
      case "email":
      case "email-json": {
        const envelope = await deps.envelope(errand, deps.urls.everywhere());
        const isNotice = publication.kind === "Notification";
        const mail = isNotice ? mailOf(envelope) : confirmationMail(envelope);
        const body = protocol === "email-json" && isNotice ? envelopeText(envelope) : mail.body;
        await deps.outbox.put({ ...mail, body, kind: "email", to: endpoint, from: topic.arn });
        return delivered;
      }
      case "sms":
        await deps.outbox.put({
          kind: "sms",
          to: endpoint,
          from: topic.arn,
          body: messageFor(content, protocol),
        });
        return delivered;
    }
  }

  async function bury(errand: Errand): Promise<AttemptResult> {
    const arn = deadLetterArnOf(errand.subscription);
    if (arn === undefined) return { kind: "moot" };
    await deps.deliver(arn, await queued(errand, arn), sender(errand));
    return delivered;
  }

  /** What a queue gets: the subscription's own, or the one for dead letters. */
  async function queued(errand: Errand, queueArn: string): Promise<DeliveredEvent> {
    const { content, subscription, topic, publication } = errand;
    const { groupId, dedupId, attributes } = content;
    // Standard queues have groups, too, but not those of FIFO topics (recorded).
    const hasGroup = groupId !== undefined && (queueArn.endsWith(".fifo") || !topic.settings.isFifo);
    const ids = { ...(hasGroup && { groupId }), ...(dedupId !== undefined && { dedupId }) };
    if (isRaw(subscription) && publication.kind === "Notification") {
      const body = Buffer.from(messageFor(content, subscription.protocol));
      return { body, ...(attributes && { attributes }), ...ids };
    }
    const envelope = await deps.envelope(errand, deps.urls.everywhere());
    return { body: Buffer.from(envelopeText(envelope)), ...ids };
  }

  async function post(errand: Errand): Promise<AttemptResult> {
    const { topic, subscription, publication, signal } = errand;
    const { DeliveryPolicy: own } = subscription.attributes;
    const policy = httpPolicyOf(topic.record.attributes["DeliveryPolicy"], own);
    const waitMs = untilNext(subscription.uuid, policy.receivesPerSecondMax);
    if (waitMs > 0) return { kind: "wait", delayMs: waitMs };
    const isNotice = publication.kind === "Notification";
    const isBare = isNotice && isRaw(subscription);
    const body = isBare
      ? messageFor(errand.content, subscription.protocol)
      : envelopeText(await deps.envelope(errand, deps.urls.everywhere()));
    const timeout = new AbortController();
    const timer = clock.after(httpDeliveryTimeoutMs, () =>
      timeout.abort(new Error("the endpoint is too slow")),
    );
    const way = { sourceArn: topic.arn, targetArn: placeOf(subscription.endpoint) };
    try {
      await deps.trail.delivery(way, async () => {
        const status = await deps.post({
          url: subscription.endpoint,
          body,
          signal: AbortSignal.any([signal, timeout.signal]),
          headers: {
            "x-amz-sns-message-type": publication.kind,
            "x-amz-sns-message-id": publication.messageId,
            "x-amz-sns-topic-arn": topic.arn,
            ...(publication.kind !== "SubscriptionConfirmation" && {
              "x-amz-sns-subscription-arn": subscriptionArn(publication.topic, subscription.uuid),
            }),
            ...(isBare && { "x-amz-sns-rawdelivery": "true" }),
            "content-type": isNotice ? policy.contentType : "text/plain; charset=UTF-8",
            "user-agent": "Amazon Simple Notification Service Agent",
            "accept-encoding": "gzip,deflate",
          },
        });
        if (status >= 400) throw new EndpointRefusal(status);
      });
      return delivered;
    } catch (error) {
      const isFinal =
        error instanceof ForbiddenAddress || (error instanceof EndpointRefusal && !error.mayPass);
      if (isFinal) return { kind: "refused", error };
      return { kind: "failed", error, retry: policy.retry };
    } finally {
      timer.cancel();
    }
  }

  function untilNext(uuid: string, perSecondMax: number | undefined): number {
    if (perSecondMax === undefined) return 0;
    const nowMs = clock.now();
    const waitMs = (nextAtMs.get(uuid) ?? 0) - nowMs;
    if (waitMs <= 0) nextAtMs.set(uuid, nowMs + 1000 / perSecondMax);
    return Math.ceil(waitMs);
  }
}

class EndpointRefusal extends Error {
  override name = "EndpointRefusal";
  readonly mayPass: boolean;
  constructor(status: number) {
    super(`the endpoint answered ${status}`);
    this.mayPass = status === 429 || status >= 500;
  }
}

/** Without what may be secret in it: for those who look on. */
function placeOf(endpoint: string): string {
  const { origin, pathname } = new URL(endpoint);
  return origin + pathname;
}

const delivered: AttemptResult = { kind: "delivered" };

/** Undefined: it is gone, or has been confirmed meanwhile. */
async function addressee(
  topic: Topic,
  { kind, token, addressee: gone }: Publication,
  { subscriptionUuid }: Remaining,
): Promise<Subscription | undefined> {
  const subscription = gone ?? (await topic.subscription(subscriptionUuid));
  if (kind !== "SubscriptionConfirmation" || !subscription) return subscription;
  const { state } = subscription;
  return state.kind === "pending" && state.token === token ? subscription : undefined;
}

function sender({ publication }: Errand): DeliveryContext {
  const { topic, traceHeader = "" } = publication;
  return {
    account: topic.account,
    region: topic.region,
    principal: "sns.amazonaws.com",
    sourceArn: topicArn(topic),
    traceHeader,
  };
}

/** What a service refuses, it will refuse again; when it fails or has too much to do, it may take it later. */
function failureOf(error: unknown): AttemptResult {
  const isRefusal = error instanceof AwsError && error.fault === "client" && !isOverload(error);
  if (isRefusal || error instanceof NoSuchTarget) return { kind: "refused", error };
  return { kind: "failed", error, retry: serviceRetryPolicy };
}

function isOverload({ status, code }: AwsError): boolean {
  return status === 429 || /Throttl|TooManyRequests|OverLimit/.test(code);
}
