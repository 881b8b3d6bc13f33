/**
 * A queue's attributes: which there are, what they may be, what they are if nobody says. Kept as AWS shows them, strings
 * by name, with defaults filled in; `settingsOf` reads them. Pure. Source: map-sqs-sns-s3 1.3.
 */
import { own } from "../../../base/own.ts";
import { queuePolicyBytesMax, messageBytesMax } from "../../../limits.ts";
import { fifoOnlyAttribute, invalidAttribute, unknownAttribute } from "../errors.ts";
import { checkPolicy } from "./access.ts";
import type { DedupScope } from "../../../events/deduplication.ts";
import {
  formatRedrivePolicy,
  parseRedriveAllowPolicy,
  parseRedrivePolicy,
  type RedriveAllowPolicy,
  type RedrivePolicy,
} from "./redrive.ts";

export type Attributes = Readonly<Record<string, string>>;

/** What attributes say, read once. */
export interface QueueSettings {
  readonly isFifo: boolean;
  readonly delayMs: number;
  readonly messageBytesMax: number;
  readonly retentionMs: number;
  readonly receiveWaitMs: number;
  readonly visibilityMs: number;
  readonly isContentBased: boolean;
  readonly dedupScope: DedupScope;
  readonly redrive: RedrivePolicy | undefined;
  readonly redriveAllow: RedriveAllowPolicy | undefined;
}

export function settingsOf(attributes: Attributes): QueueSettings {
  const ms = (name: string) => Number(attributes[name]) * 1000;
  const { RedrivePolicy: redrive, RedriveAllowPolicy: redriveAllow } = attributes;
  return {
    isFifo: attributes["FifoQueue"] === "true",
    delayMs: ms("DelaySeconds"),
    messageBytesMax: Number(attributes["MaximumMessageSize"]),
    retentionMs: ms("MessageRetentionPeriod"),
    receiveWaitMs: ms("ReceiveMessageWaitTimeSeconds"),
    visibilityMs: ms("VisibilityTimeout"),
    isContentBased: attributes["ContentBasedDeduplication"] === "true",
    dedupScope: attributes["DeduplicationScope"] === "messageGroup" ? "messageGroup" : "queue",
    redrive: redrive === undefined ? undefined : parseRedrivePolicy(redrive),
    redriveAllow: redriveAllow === undefined ? undefined : parseRedriveAllowPolicy(redriveAllow),
  };
}

/** All attributes of a new queue. */
export function newAttributes(given: Attributes): Attributes {
  const isFifo = given["FifoQueue"] !== undefined && given["FifoQueue"].toLowerCase() === "true";
  const defaults = isFifo ? { ...standardDefaults, ...fifoDefaults } : standardDefaults;
  return changedAttributes(defaults, given);
}

/** Attributes that were not given stay as they are. */
export function changedAttributes(before: Attributes, given: Attributes): Attributes {
  const after: Record<string, string> = { ...before };
  for (const [name, value] of Object.entries(given)) {
    const normal = normalized(name, value, before);
    if (normal === undefined) delete after[name];
    else after[name] = normal;
  }
  checkTogether(after);
  return after;
}

/** The first given attribute that is not what the queue has. */
export function firstDifference(attributes: Attributes, given: Attributes): string | undefined {
  const wanted = changedAttributes(attributes, given);
  return Object.keys(given).find((name) => wanted[name] !== attributes[name]);
}

const standardDefaults: Attributes = {
  DelaySeconds: "0",
  MaximumMessageSize: String(messageBytesMax),
  MessageRetentionPeriod: "345600",
  ReceiveMessageWaitTimeSeconds: "0",
  SqsManagedSseEnabled: "true",
  VisibilityTimeout: "30",
};

const fifoDefaults: Attributes = {
  ContentBasedDeduplication: "false",
  DeduplicationScope: "queue",
  FifoQueue: "true",
  FifoThroughputLimit: "perQueue",
};

const ranges: Readonly<Record<string, readonly [min: number, max: number]>> = {
  DelaySeconds: [0, 900],
  MaximumMessageSize: [1024, messageBytesMax],
  MessageRetentionPeriod: [60, 1_209_600],
  ReceiveMessageWaitTimeSeconds: [0, 20],
  VisibilityTimeout: [0, 43_200],
  KmsDataKeyReusePeriodSeconds: [60, 86_400],
};

const choices: Readonly<Record<string, readonly string[]>> = {
  DeduplicationScope: ["messageGroup", "queue"],
  FifoThroughputLimit: ["perQueue", "perMessageGroupId"],
};

/** As it is kept; undefined: it is taken away. */
function normalized(name: string, value: string, before: Attributes): string | undefined {
  const isFifo = before["FifoQueue"] === "true";
  const range = own(ranges, name);
  if (range) {
    const number = inRange(name, value, range);
    // Shown only together with a key, which no queue here has.
    return name === "KmsDataKeyReusePeriodSeconds" ? undefined : number;
  }
  const choice = own(choices, name);
  if (choice) {
    if (!isFifo) throw fifoOnlyAttribute(name);
    if (!choice.includes(value)) throw invalidAttribute(name);
    return value;
  }
  switch (name) {
    case "FifoQueue":
    case "ContentBasedDeduplication":
      if (!isFifo) throw unknownAttribute(name);
      if (name === "FifoQueue" && boolean(name, value) === "false") {
        throw invalidAttribute(name, "Modifying queue type is not supported.");
      }
      return boolean(name, value);
    case "SqsManagedSseEnabled":
      return boolean(name, value);
    case "KmsMasterKeyId":
      if (value === "") return undefined;
      throw invalidAttribute(name, "Encryption with keys of KMS is not supported by lambdad yet.");
    case "Policy":
      if (value === "") return undefined;
      if (Buffer.byteLength(value) > queuePolicyBytesMax) throw invalidAttribute(name);
      checkPolicy(value);
      return value;
    case "RedrivePolicy":
      return value === "" ? undefined : formatRedrivePolicy(parseRedrivePolicy(value));
    case "RedriveAllowPolicy":
      if (value === "") return undefined;
      parseRedriveAllowPolicy(value);
      return value;
    default:
      throw unknownAttribute(name);
  }
}

function inRange(name: string, value: string, [min, max]: readonly [number, number]): string {
  const number = /^\d{1,10}$/.test(value) ? Number(value) : -1;
  if (number < min || number > max) throw invalidAttribute(name);
  return String(number);
}

/** "True" works, too. */
function boolean(name: string, value: string): string {
  const lower = value.toLowerCase();
  if (lower !== "true" && lower !== "false") throw invalidAttribute(name);
  return lower;
}

function checkTogether({ FifoThroughputLimit: limit, DeduplicationScope: scope }: Attributes): void {
  if (limit !== "perMessageGroupId" || scope === "messageGroup") return;
  // inferred: the text.
  throw invalidAttribute(
    "FifoThroughputLimit",
    "The value perMessageGroupId is allowed only when the value for DeduplicationScope is messageGroup.",
  );
}
