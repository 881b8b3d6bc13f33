/** Subscriptions, and the attributes that they may have. Pure. Source: map-sqs-sns-s3 2.3. */
import { jacksonComplaint } from "../../../wire/jackson.ts";
import { AwsError } from "../../../wire/aws-error.ts";
import { invalidParameter, unsupported } from "../errors.ts";
import { subscriptionPolicyText } from "./delivery-policy.ts";
import type { Protocol } from "./endpoint.ts";
import { FilterPolicyError } from "./filter-operators.ts";
import { compileFilter, type FilterScope, type Matcher } from "./filter-policy.ts";
import type { TopicName } from "./names.ts";
import { parseArn } from "../../../base/arn.ts";
import type { Attributes } from "./topic-attributes.ts";

/** Survives JSON. */
export interface Subscription {
  readonly uuid: string;
  readonly topic: TopicName;
  readonly protocol: Protocol;
  readonly endpoint: string;
  /** The account that has made it, and who there. */
  readonly owner: string;
  readonly principalArn: string;
  readonly attributes: Attributes;
  readonly state:
    | { readonly kind: "pending"; readonly token: string; readonly expiresAtMs: number }
    /** `isAuthenticated`: who confirmed it had signed, and only the owner may end it. */
    | { readonly kind: "confirmed"; readonly isAuthenticated: boolean };
}

export function isRaw({ attributes }: Subscription): boolean {
  return attributes["RawMessageDelivery"] === "true";
}

export function deadLetterArnOf({ attributes }: Subscription): string | undefined {
  const policy = attributes["RedrivePolicy"];
  if (policy === undefined) return undefined;
  return (JSON.parse(policy) as { readonly deadLetterTargetArn: string }).deadLetterTargetArn;
}

export function scopeOf(attributes: Attributes): FilterScope {
  return attributes["FilterPolicyScope"] === "MessageBody" ? "MessageBody" : "MessageAttributes";
}

/** Undefined: everything passes. */
export function matcherOf({ attributes }: Subscription): Matcher | undefined {
  return compileFilter(attributes["FilterPolicy"] ?? "", scopeOf(attributes));
}

interface Holder {
  readonly protocol: Protocol;
  readonly topic: TopicName;
}

/** Of a new subscription: everything is checked as if it was set afterwards, in words of its own. */
export function newAttributes(given: Attributes, holder: Holder): Attributes {
  try {
    // The scope first: it decides what the policy may be.
    const { FilterPolicyScope: scope, ...rest } = given;
    let after: Attributes = {};
    if (scope !== undefined)
      after = withAttribute(after, { name: "FilterPolicyScope", value: scope }, holder);
    for (const [name, value] of Object.entries(rest)) after = withAttribute(after, { name, value }, holder);
    return after;
  } catch (error) {
    if (!(error instanceof AwsError) || error.code !== "InvalidParameterException") throw error;
    throw invalidParameter(`Attributes Reason: ${error.message.replace(/^Invalid parameter: /, "")}`);
  }
}

/** Throws AWS's error for an attribute that there is none of, or that cannot be so. */
export function withAttribute(
  before: Attributes,
  { name, value }: { readonly name: string; readonly value: string },
  holder: Holder,
): Attributes {
  const { [name]: _, ...others } = before;
  const kept = normalized(name, value, holder);
  const after: Attributes = kept === undefined ? others : { ...others, [name]: kept };
  if (name === "FilterPolicy" || name === "FilterPolicyScope") checkFilter(after);
  return after;
}

/** As it is kept; undefined: it is taken away. */
function normalized(name: string, value: string, holder: Holder): string | undefined {
  switch (name) {
    case "RawMessageDelivery":
      if (!carriesRaw(holder.protocol)) {
        throw invalidParameter(
          `Delivery protocol [${holder.protocol}] does not support raw message delivery.`,
        );
      }
      if (value !== "true" && value !== "false") {
        throw invalidParameter(
          `RawMessageDelivery: Invalid value [${value.slice(0, 100)}]. Must be true or false.`,
        );
      }
      return value;
    case "FilterPolicyScope":
      if (value !== "MessageAttributes" && value !== "MessageBody") {
        throw invalidParameter(
          `FilterPolicyScope: Invalid value [${value.slice(0, 100)}]. Please use either MessageBody or MessageAttributes`,
        );
      }
      return value;
    case "FilterPolicy":
      return /^\s*(\{\s*\}\s*)?$/.test(value) ? undefined : value;
    case "RedrivePolicy":
      return value === "" ? undefined : checkedRedrive(value, holder);
    case "DeliveryPolicy":
      if (holder.protocol !== "http" && holder.protocol !== "https") {
        // inferred: it would not act.
        throw invalidParameter(
          `DeliveryPolicy: Delivery protocol [${holder.protocol}] does not support a delivery policy.`,
        );
      }
      return subscriptionPolicyText(value);
    case "ReplayPolicy":
    case "SubscriptionRoleArn":
      throw unsupported(`The subscription attribute ${name}`);
    default:
      throw invalidParameter("AttributeName");
  }
}

function carriesRaw(protocol: Protocol): boolean {
  return protocol === "sqs" || protocol === "http" || protocol === "https";
}

function checkFilter(attributes: Attributes): void {
  try {
    compileFilter(attributes["FilterPolicy"] ?? "", scopeOf(attributes));
  } catch (error) {
    if (error instanceof FilterPolicyError) throw invalidParameter(error.message);
    throw error;
  }
}

function checkedRedrive(json: string, { topic }: Holder): string {
  let policy: unknown;
  try {
    policy = JSON.parse(json);
  } catch {
    throw invalidParameter(`RedrivePolicy: failed to parse JSON. ${jacksonComplaint(Buffer.from(json))}`);
  }
  const named = (policy as { readonly deadLetterTargetArn?: unknown } | null)?.deadLetterTargetArn;
  const arn = typeof named === "string" ? parseArn(named) : undefined;
  if (typeof named !== "string" || arn?.service !== "sqs") {
    throw invalidParameter("RedrivePolicy: deadLetterTargetArn is an invalid arn");
  }
  if (arn.account !== topic.account || arn.region !== topic.region) {
    throw invalidParameter("RedrivePolicy: must use a queue of the topic's account and region as DLQ."); // inferred
  }
  if (topic.name.endsWith(".fifo") && !arn.resource.endsWith(".fifo")) {
    throw invalidParameter(
      "RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.",
    );
  }
  return JSON.stringify({ deadLetterTargetArn: named });
}
