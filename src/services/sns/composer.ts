/** Sets a message as its subscribers get it: around it what it is, where from, and a signature. Source: map-sqs-sns-s3 2.5. */
import { type Envelope, shownAttributes } from "./domain/envelope.ts";
import { subscriptionArn } from "./domain/names.ts";
import { type Content, messageFor } from "./domain/publication.ts";
import { sequenceNumber } from "./domain/sequence-number.ts";
import { canonicalText } from "./domain/signature.ts";
import type { Subscription } from "./domain/subscription.ts";
import type { Signer } from "./signer.ts";
import type { Publication } from "./store.ts";
import type { Topic } from "./topic.ts";

/** All that an attempt at a delivery is about. */
export interface Errand {
  readonly publication: Publication;
  readonly content: Content;
  readonly topic: Topic;
  readonly subscription: Subscription;
  readonly signal: AbortSignal;
}

/** `url`: of links to us. */
export type Composer = (errand: Errand, url: string) => Promise<Envelope>;

export function createComposer(signer: Signer): Composer {
  /** Messages of FIFO topics are not signed. */
  async function signatureFor(
    envelope: Envelope,
    { topic }: Errand,
    url: string,
  ): Promise<Partial<Envelope>> {
    const { isFifo, signatureVersion } = topic.settings;
    if (isFifo) return {};
    return {
      SignatureVersion: signatureVersion,
      Signature: await signer.sign(canonicalText(envelope), signatureVersion),
      SigningCertURL: `${url}${await signer.certificatePath()}`,
    };
  }

  return async (errand, url) => {
    if (errand.publication.kind !== "Notification") {
      const confirmation = confirmationOf(errand, url);
      return { ...confirmation, ...(await signatureFor(confirmation, errand, url)) };
    }
    const { publication, content, subscription } = errand;
    const notification = notificationOf(errand);
    const SubscriptionArn = subscriptionArn(publication.topic, subscription.uuid);
    return {
      ...notification,
      ...(await signatureFor(notification, errand, url)),
      UnsubscribeURL: linkTo(url, { Action: "Unsubscribe", SubscriptionArn }),
      ...(content.attributes && { MessageAttributes: shownAttributes(content.attributes) }),
    };
  };
}

function notificationOf({ publication, content, topic, subscription }: Errand): Envelope {
  return {
    Type: "Notification",
    MessageId: publication.messageId,
    ...(topic.settings.isFifo && { SequenceNumber: sequenceNumber(publication.seq) }),
    TopicArn: topic.arn,
    ...(content.subject !== undefined && { Subject: content.subject }),
    Message: messageFor(content, subscription.protocol),
    Timestamp: new Date(publication.atMs).toISOString(),
  };
}

function confirmationOf({ publication, content, topic }: Errand, url: string): Envelope {
  const { kind, messageId, token = "", atMs } = publication;
  return {
    Type: kind,
    MessageId: messageId,
    Token: token,
    TopicArn: topic.arn,
    Message: content.message,
    SubscribeURL: linkTo(url, { Action: "ConfirmSubscription", TopicArn: topic.arn, Token: token }),
    Timestamp: new Date(atMs).toISOString(),
  };
}

/** AWS's links have no version; here it says whose action it is. */
function linkTo(url: string, parameters: Readonly<Record<string, string>>): string {
  const query = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
  return `${url}/?${query.join("&")}&Version=2010-03-31`;
}
