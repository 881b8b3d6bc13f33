/** ReceiveMessage, DeleteMessage, ChangeMessageVisibility and their batches. */
import { batchEntriesMax, receiveWaitSecondsMax, visibilitySecondsMax } from "../../../limits.ts";
import type { OperationsOf } from "../../service.ts";
import { batchResult, checkBatch, type EntryResult } from "../batch.ts";
import { invalidValue } from "../errors.ts";
import type { SqsParts } from "../parts.ts";
import type { Refusals } from "../queue.ts";
import { type Client, messageToWire } from "../to-wire.ts";

type ReceivingOperations = Pick<
  OperationsOf<Client>,
  | "ReceiveMessage"
  | "DeleteMessage"
  | "DeleteMessageBatch"
  | "ChangeMessageVisibility"
  | "ChangeMessageVisibilityBatch"
>;

export function receivingOperations({ queues }: SqsParts): ReceivingOperations {
  return {
    async ReceiveMessage(input, ctx) {
      const queue = await queues.named(input.QueueUrl, ctx, "ReceiveMessage");
      const { MaxNumberOfMessages: max = 1, WaitTimeSeconds: wait, VisibilityTimeout: visibility } = input;
      const between = (low: number, high: number) => `Must be between ${low} and ${high}, if provided.`;
      if (max < 1 || max > batchEntriesMax) {
        throw invalidValue("MaxNumberOfMessages", max, between(1, batchEntriesMax));
      }
      if (wait !== undefined && (wait < 0 || wait > receiveWaitSecondsMax)) {
        const reason = `Must be >= 0 and <= ${receiveWaitSecondsMax}, if provided.`;
        throw invalidValue("WaitTimeSeconds", wait, reason);
      }
      if (visibility !== undefined && (visibility < 0 || visibility > visibilitySecondsMax)) {
        throw invalidValue("VisibilityTimeout", visibility, between(0, visibilitySecondsMax));
      }
      const deliveries = await queue.receive({
        max,
        waitMs: wait === undefined ? queue.settings.receiveWaitMs : wait * 1000,
        visibilityMs: visibility === undefined ? undefined : visibility * 1000,
        attemptId: input.ReceiveRequestAttemptId,
        signal: ctx.signal,
      });
      if (deliveries.length === 0) return {};
      const system = [...(input.AttributeNames ?? []), ...(input.MessageSystemAttributeNames ?? [])];
      const wanted = { system, user: input.MessageAttributeNames ?? [] };
      return { Messages: deliveries.map((delivery) => messageToWire(delivery, wanted)) };
    },

    async DeleteMessage({ QueueUrl, ReceiptHandle }, ctx) {
      const queue = await queues.named(QueueUrl, ctx, "DeleteMessage");
      requireAccepted(await queue.delete([ReceiptHandle]));
      return {};
    },

    async DeleteMessageBatch({ QueueUrl, Entries: entries }, ctx) {
      const queue = await queues.named(QueueUrl, ctx, "DeleteMessage");
      checkBatch(entries, "DeleteMessageBatchRequestEntry");
      const refusals = await queue.delete(entries.map(({ ReceiptHandle }) => ReceiptHandle ?? ""));
      return batchResult(entries, resultsOf(refusals));
    },

    async ChangeMessageVisibility({ QueueUrl, ReceiptHandle: receipt, VisibilityTimeout }, ctx) {
      const queue = await queues.named(QueueUrl, ctx, "ChangeMessageVisibility");
      const entry = { receipt, visibilitySeconds: VisibilityTimeout };
      requireAccepted(await queue.changeVisibility([entry]));
      return {};
    },

    async ChangeMessageVisibilityBatch({ QueueUrl, Entries: entries }, ctx) {
      const queue = await queues.named(QueueUrl, ctx, "ChangeMessageVisibility");
      checkBatch(entries, "ChangeMessageVisibilityBatchRequestEntry");
      const refusals = await queue.changeVisibility(
        entries.map(({ ReceiptHandle, VisibilityTimeout = 0 }) => ({
          receipt: ReceiptHandle ?? "",
          visibilitySeconds: VisibilityTimeout,
        })),
      );
      return batchResult(entries, resultsOf(refusals));
    },
  };
}

function requireAccepted([refusal]: Refusals): void {
  if (refusal) throw refusal;
}

function resultsOf(refusals: Refusals): EntryResult<object>[] {
  return refusals.map((refusal) => (refusal ? { failed: refusal } : { done: {} }));
}
