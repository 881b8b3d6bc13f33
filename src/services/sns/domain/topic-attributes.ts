/**
 * A topic's attributes: which there are, what they may be. Kept as AWS shows them, strings by name, only those that were
 * set; `settingsOf` reads them. Pure. Source: map-sqs-sns-s3 2.2.
 */
import type { DedupScope } from "../../../events/deduplication.ts";
import { policyIn, PolicyError } from "../../../events/policy-text.ts";
import {
  displayNameLengthMax,
  publishedBytesDefault,
  publishedBytesMax,
  publishedBytesMin,
  topicPolicyBytesMax,
} from "../../../limits.ts";
import { invalidParameter, unsupported } from "../errors.ts";
import { topicPolicyText } from "./delivery-policy.ts";
import type { SignatureVersion } from "./signature.ts";

export type Attributes = Readonly<Record<string, string>>;

/** What attributes say, read once. */
export interface TopicSettings {
  readonly isFifo: boolean;
  readonly isContentBased: boolean;
  readonly dedupScope: DedupScope;
  readonly messageBytesMax: number;
  readonly signatureVersion: SignatureVersion;
}

export function settingsOf(attributes: Attributes): TopicSettings {
  const { FifoTopic, ContentBasedDeduplication, FifoThroughputScope, MaximumMessageSize, SignatureVersion } =
    attributes;
  return {
    isFifo: FifoTopic === "true",
    isContentBased: ContentBasedDeduplication === "true",
    dedupScope: FifoThroughputScope === "MessageGroup" ? "messageGroup" : "queue",
    messageBytesMax: MaximumMessageSize === undefined ? publishedBytesDefault : Number(MaximumMessageSize),
    signatureVersion: SignatureVersion === "2" ? "2" : "1",
  };
}

/** Of a new topic. */
export function newAttributes(given: Attributes): Attributes {
  const { FifoTopic: fifo, ...rest } = given;
  if (fifo !== undefined && fifo !== "true" && fifo !== "false") throw invalidParameter("FifoTopic");
  const before: Attributes = fifo === "true" ? { FifoTopic: "true", ContentBasedDeduplication: "false" } : {};
  let after = before;
  for (const [name, value] of Object.entries(rest)) after = withAttribute(after, name, value);
  return after;
}

/** Throws AWS's error for an attribute that there is none of, or that cannot be so. */
export function withAttribute(before: Attributes, name: string, value: string): Attributes {
  const { [name]: _, ...others } = before;
  const kept = normalized(name, value, before["FifoTopic"] === "true");
  return kept === undefined ? others : { ...others, [name]: kept };
}

/** As it is kept; undefined: it is taken away. inferred: a bad value is refused with the name alone. */
function normalized(name: string, value: string, isFifo: boolean): string | undefined {
  switch (name) {
    case "DisplayName":
      // inferred: AWS's bound of 100 characters; mails are headed with it.
      if (value.length > displayNameLengthMax || /[\r\n]/.test(value)) throw invalidParameter(name);
      return value === "" ? undefined : value;
    case "Policy":
      return checkedPolicy(value);
    case "DeliveryPolicy":
      return topicPolicyText(value);
    case "SignatureVersion":
      if (value !== "1" && value !== "2") throw invalidParameter(name);
      return value;
    case "TracingConfig":
      if (value === "PassThrough") return value;
      if (value === "Active") throw unsupported("TracingConfig Active");
      throw invalidParameter(name);
    case "MaximumMessageSize": {
      const bytes = /^\d{1,9}$/.test(value) ? Number(value) : 0;
      if (bytes < publishedBytesMin || bytes > publishedBytesMax) throw invalidParameter(name);
      return String(bytes);
    }
    case "ContentBasedDeduplication":
      if (!isFifo) break;
      if (value !== "true" && value !== "false") throw invalidParameter(name);
      return value;
    case "FifoThroughputScope":
      if (!isFifo) break;
      if (value !== "Topic" && value !== "MessageGroup") throw invalidParameter(name);
      return value;
    case "KmsMasterKeyId":
    case "ArchivePolicy":
      if (value === "") return undefined;
      throw unsupported(`The topic attribute ${name}`);
    default:
      if (/^(HTTP|Firehose|Lambda|Application|SQS)(Success|Failure)FeedbackRoleArn$/.test(name)) {
        if (value === "") return undefined;
        throw unsupported(`The topic attribute ${name}`);
      }
      // Without a role, which is refused, nothing is logged at any rate, as on AWS. Terraform sets 0 on every topic.
      if (/^(HTTP|Firehose|Lambda|Application|SQS)SuccessFeedbackSampleRate$/.test(name)) {
        if (!/^(\d{1,2}|100)$/.test(value)) throw invalidParameter(name);
        return value;
      }
  }
  throw invalidParameter("AttributeName");
}

/** Removing it brings the default back. */
function checkedPolicy(json: string): string | undefined {
  if (json === "") return undefined;
  if (Buffer.byteLength(json) > topicPolicyBytesMax)
    throw invalidParameter("Policy Error: policy is too large"); // inferred
  try {
    policyIn(json);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    throw invalidParameter(`Policy Error: ${error.message}`); // inferred text
  }
  return json;
}
