/**
 * A message as the queue keeps it: what decides when and in which order it is received (`Message`, small, in memory) and
 * what its receiver reads (`Content`, in the store until then). Both survive JSON.
 */

export interface Message {
  /** Order of arrival in its queue; strictly rising. Also where its record lies. */
  readonly seq: number;
  /** The UUID that senders and receivers see. */
  readonly id: string;
  /** Names its content, which stays where it is when the message moves to another queue. */
  readonly contentId: string;
  /** Retention counts from here. */
  readonly sentAtMs: number;
  readonly senderId: string;
  readonly groupId?: string;
  readonly dedupId?: string;
  readonly traceHeader?: string;
  /** The queue from which SQS itself moved it here. */
  readonly deadLetterSourceArn?: string;
  /** Hidden until then, by its delay or since its last receive. */
  readonly visibleAtMs: number;
  readonly receiveCount: number;
  readonly firstReceivedAtMs?: number;
  /** From this queue. */
  readonly receivedAtMs?: number;
}

export interface Content {
  readonly body: string;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

/** A message attribute. Exactly one of the two values is there; `binary` is base64. */
export interface AttributeValue {
  /** `String`, `Number`, `Binary`, perhaps with `.custom`. */
  readonly type: string;
  readonly text?: string;
  readonly binary?: string;
}

/** 20 digits, as FIFO queues show them. */
export function sequenceNumber(seq: number): string {
  return `1${String(seq).padStart(19, "0")}`;
}
