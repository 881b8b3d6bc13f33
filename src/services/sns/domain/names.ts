/** Names and ARNs of topics and subscriptions, with AWS's refusals. Pure. Source: map-sqs-sns-s3 2.1, 2.2. */
import { formatArn, parseArn } from "../../../base/arn.ts";
import { topicNameLengthMax } from "../../../limits.ts";
import { invalidParameter, topicNotFound } from "../errors.ts";

export interface TopicName {
  readonly account: string;
  readonly region: string;
  readonly name: string;
}

export function topicArn({ account, region, name }: TopicName): string {
  return formatArn({ service: "sns", region, account, resource: name });
}

export function subscriptionArn(topic: TopicName, uuid: string): string {
  return `${topicArn(topic)}:${uuid}`;
}

/** Undefined for what is no topic's ARN. */
export function topicOfArn(arn: string): TopicName | undefined {
  const { service, region = "", account = "", resource = "" } = parseArn(arn) ?? {};
  return service === "sns" && isTopicName(resource) ? { account, region, name: resource } : undefined;
}

/** Throws AWS's errors for what is no topic's ARN, or another region's. `parameter`: "TopicArn". */
export function namedTopic(parameter: string, arn: string | undefined, region: string): TopicName {
  const given = givenArn(parameter, arn);
  const topic = topicOfArn(given);
  if (!topic) {
    if (parseArn(given)?.service === "sns") throw topicNotFound();
    throw invalidParameter(parameter);
  }
  if (topic.region !== region) throw invalidParameter(parameter);
  return topic;
}

/** Likewise. */
export function namedSubscription(
  arn: string | undefined,
  region: string,
): { readonly topic: TopicName; readonly uuid: string } {
  const given = givenArn("SubscriptionArn", arn);
  const at = given.lastIndexOf(":");
  const topic = topicOfArn(given.slice(0, at));
  const uuid = given.slice(at + 1);
  if (!topic || !/^[0-9a-f-]{36}$/.test(uuid)) throw invalidParameter("SubscriptionId");
  if (topic.region !== region) throw invalidParameter("SubscriptionArn");
  return { topic, uuid };
}

/** Throws AWS's errors for a name that no topic of this kind may have. */
export function checkNewTopicName(name: string, isFifo: boolean): void {
  if (!isTopicName(name) || name.endsWith(".fifo") !== isFifo) throw invalidParameter("Topic Name");
}

function givenArn(parameter: string, arn: string | undefined): string {
  if (!arn) throw invalidParameter(`${parameter} Reason: no value for required parameter`);
  const parts = arn.split(":").length;
  if (parts >= 6) return arn;
  throw invalidParameter(`${parameter} Reason: An ARN must have at least 6 elements, not ${parts}`);
}

function isTopicName(text: string): boolean {
  return text.length <= topicNameLengthMax && /^[A-Za-z0-9_-]+(\.fifo)?$/.test(text);
}
