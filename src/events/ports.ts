/**
 * How services take part in events: a *target* can be sent to, a *source* can be read from. A service folder implements
 * them in `target.ts` and `source.ts`; whoever sends knows an ARN and nothing else (ADR 5).
 *
 * Laws of a target: `deliver` resolves when the event is as durable there as the service ever makes it, so that the
 * sender may forget it; it rejects when nothing was taken, and the sender decides whether to try again. The same event
 * may come twice: senders deliver at least once.
 */

export interface Target {
  /** `arn` is of this service. Rejects with an `AwsError` for what the service refuses: missing, too large, forbidden. */
  deliver(arn: string, event: DeliveredEvent, ctx: DeliveryContext): Promise<void>;
}

/** One event, with what the different kinds of targets need of it; each takes what it knows. */
export interface DeliveredEvent {
  /** JSON: the message, the payload, the detail, the object. */
  readonly body: Uint8Array;
  /** Message attributes, for queues and topics. */
  readonly attributes?: Readonly<Record<string, MessageAttribute>>;
  /** For queues and topics: order is kept within a group, by those that are FIFO. */
  readonly groupId?: string;
  /** For FIFO queues and topics: what is sent again under the same id is accepted and dropped. */
  readonly dedupId?: string;
  /** For topics: what mails are headed with. */
  readonly subject?: string;
  /** For event buses. */
  readonly envelope?: BusEnvelope;
  /** The name under which a bucket keeps it. */
  readonly objectKey?: string;
}

export interface MessageAttribute {
  /** `String`, `Number`, `Binary`, each perhaps with `.custom`; topics have `String.Array`, too. */
  readonly type: string;
  /** The text; base64 for `Binary`. */
  readonly value: string;
}

export interface BusEnvelope {
  /** "lambda". */
  readonly source: string;
  readonly detailType: string;
  readonly resources: readonly string[];
}

/** In whose name it is sent: for permission checks, and so that chains of events can be followed. */
export interface DeliveryContext {
  readonly account: string;
  readonly region: string;
  /** "lambda.amazonaws.com". */
  readonly principal: string;
  /** What sends: a function, a rule, a bucket. */
  readonly sourceArn: string;
  /** `X-Amzn-Trace-Id`, with its lineage (`lineage.ts`); empty: what caused it had none. */
  readonly traceHeader: string;
}

/** Finds the target by the ARN's service. Made by `deliver.ts`. */
export type Deliver = Target["deliver"];

/** Something that event source mappings poll: a queue, a stream. */
export interface Source {
  /** Up to `max` messages; waits up to `waitMs` for the first. */
  receive(arn: string, request: ReceiveRequest): Promise<readonly Received[]>;
  /** They are done with; a receipt that is no longer current is ignored. */
  ack(arn: string, receipts: readonly string[]): Promise<void>;
  /** They come again after `delayMs`. */
  retry(arn: string, receipts: readonly string[], delayMs: number): Promise<void>;
}

export interface ReceiveRequest {
  readonly max: number;
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

export interface Received {
  /** Nobody else receives it before this time, epoch ms. */
  readonly heldUntilMs: number;
  /** Proves which receive this was: a later receive of the same message makes it stale. */
  readonly receipt: string;
  /** As the function sees it among `Records`. */
  readonly record: Readonly<Record<string, unknown>>;
}
