/**
 * How a message looks to its subscribers: the JSON around it, Lambda's event, mails. Pure. Source: map-sqs-sns-s3 2.5,
 * lambda-map 18. Members stand in AWS's order, and the JSON is set as AWS sets it.
 */
import { isBinary, type AttributeMap } from "./message-attributes.ts";

export interface Envelope {
  readonly Type: "Notification" | "SubscriptionConfirmation" | "UnsubscribeConfirmation";
  readonly MessageId: string;
  readonly Token?: string;
  /** Of FIFO topics. */
  readonly SequenceNumber?: string;
  readonly TopicArn: string;
  readonly Subject?: string;
  readonly Message: string;
  readonly SubscribeURL?: string;
  readonly Timestamp: string;
  readonly SignatureVersion?: string;
  readonly Signature?: string;
  readonly SigningCertURL?: string;
  readonly UnsubscribeURL?: string;
  readonly MessageAttributes?: Readonly<Record<string, ShownAttribute>>;
}

interface ShownAttribute {
  readonly Type: string;
  readonly Value: string;
}

export function shownAttributes(attributes: AttributeMap): Readonly<Record<string, ShownAttribute>> {
  const entries = Object.entries(attributes);
  return Object.fromEntries(
    entries.map(([name, { type, value }]) => [
      name,
      { Type: isBinary(type) ? "Binary" : type, Value: value },
    ]),
  );
}

/** AWS's setting: two spaces, a space before the colon, each attribute on a line. */
export function envelopeText(envelope: Envelope): string {
  const lines = Object.entries(envelope).map(([name, value]) => {
    if (name !== "MessageAttributes") return `  ${JSON.stringify(name)} : ${JSON.stringify(value)}`;
    const attributes = Object.entries(value as object).map(
      ([key, attribute]) => `    ${JSON.stringify(key)} : ${JSON.stringify(attribute)}`,
    );
    return `  "MessageAttributes" : {\n${attributes.join(",\n")}\n  }`;
  });
  return `{\n${lines.join(",\n")}\n}`;
}

/** Always one record; URLs are spelt otherwise, and the version is 1 whatever the topic's is (recorded). */
export function lambdaEvent(envelope: Envelope, subscriptionArn: string): string {
  const { Type, MessageId, TopicArn, Subject = null, Message, Timestamp, Signature } = envelope;
  const { SigningCertURL, UnsubscribeURL, MessageAttributes = {} } = envelope;
  const Sns = {
    Type,
    MessageId,
    TopicArn,
    Subject,
    Message,
    Timestamp,
    SignatureVersion: "1",
    Signature,
    SigningCertUrl: SigningCertURL,
    UnsubscribeUrl: UnsubscribeURL,
    MessageAttributes,
  };
  const record = {
    EventSource: "aws:sns",
    EventVersion: "1.0",
    EventSubscriptionArn: subscriptionArn,
    Sns,
  };
  return JSON.stringify({ Records: [record] });
}

export interface Mail {
  readonly subject: string;
  readonly body: string;
}

export function mailOf({
  Subject,
  Message,
  UnsubscribeURL = "",
}: Pick<Envelope, "Subject" | "Message" | "UnsubscribeURL">): Mail {
  const footer =
    "If you wish to stop receiving notifications from this topic, please click or visit the link below to unsubscribe:";
  return {
    subject: Subject ?? "AWS Notification Message",
    body: `${Message}\n\n--\n${footer}\n${UnsubscribeURL}\n`,
  };
}

export function confirmationMail({ TopicArn, SubscribeURL = "" }: Envelope): Mail {
  return {
    subject: "AWS Notification - Subscription Confirmation",
    body: `You have chosen to subscribe to the topic:\n${TopicArn}\n\nTo confirm this subscription, click or visit the link below (If this was in error no action is necessary):\n${SubscribeURL}\n`,
  };
}

export function confirmationMessage(
  kind: "SubscriptionConfirmation" | "UnsubscribeConfirmation",
  { topicArn, subscriptionArn }: { readonly topicArn: string; readonly subscriptionArn: string },
): string {
  return kind === "SubscriptionConfirmation"
    ? `You have chosen to subscribe to the topic ${topicArn}.\nTo confirm the subscription, visit the SubscribeURL included in this message.`
    : `You have chosen to deactivate subscription ${subscriptionArn}.\nTo cancel this operation and restore the subscription, visit the SubscribeURL included in this message.`;
}
