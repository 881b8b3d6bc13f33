/**
 * Receipt handles: which message of which queue, and which of its receives. Opaque to clients, and proof of nothing but
 * that they have received it. Pure.
 */
import { receiptHandleLengthMax } from "../../../limits.ts";
import { receiptInvalid, receiptOfAnotherQueue } from "../errors.ts";
import type { Message } from "./message.ts";

export interface Receipt {
  readonly seq: number;
  /** The message's receive count when it was handed out. */
  readonly receiveCount: number;
}

/** `queueId`: of the queue, which one made anew under the same name does not have. */
export function receiptHandle(queueId: string, { seq, receiveCount }: Message): string {
  return Buffer.from(`lambdad ${queueId} ${seq} ${receiveCount}`).toString("base64");
}

/** Throws AWS's errors for what is none, and for another queue's. */
export function readReceipt(queueId: string, handle: string): Receipt {
  const text = handle.length > receiptHandleLengthMax ? "" : Buffer.from(handle, "base64").toString("latin1");
  const [, id, seq, count] = /^lambdad ([0-9a-f]+) (\d{1,16}) (\d{1,9})$/.exec(text) ?? [];
  if (id === undefined) throw receiptInvalid(handle);
  if (id !== queueId) throw receiptOfAnotherQueue(handle);
  return { seq: Number(seq), receiveCount: Number(count) };
}
