/**
 * The thread that writes. It takes every batch that has arrived while the disk was busy as one group, applies it, then
 * answers for the whole group at once: the more wait, the more share one sync. Batches are applied and answered in the
 * order in which they were sent (K3).
 */
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { invariant } from "../../base/invariant.ts";
import type { StoreErrorCode, Write } from "../store.ts";
import { openForWriting } from "./database.ts";
import { faultOf } from "./fault.ts";
import { Writer } from "./writer.ts";
import type { BatchResult } from "./writer.ts";

export type Request =
  | { readonly kind: "commit"; readonly batch: readonly Write[] }
  /** The last one. */
  | { readonly kind: "close" };

/** Where no result is sent for a batch, its group failed: `failed` says how, and how many batches it held. */
export type Reply =
  | { readonly kind: "open"; readonly wasUnclean: boolean }
  | { readonly kind: "refused"; readonly fault: Fault }
  | { readonly kind: "results"; readonly results: readonly BatchResult[] }
  | { readonly kind: "failed"; readonly fault: Fault; readonly batches: number }
  | { readonly kind: "closed" };

/** A `StoreError` as it crosses threads. */
export interface Fault {
  readonly code: StoreErrorCode;
  readonly message: string;
  readonly cause: unknown;
}

if (parentPort) run(parentPort, String(workerData));

function run(port: NonNullable<typeof parentPort>, path: string): void {
  const reply = (message: Reply) => port.postMessage(message);
  try {
    const { database, wasUnclean } = openForWriting(path);
    const writer = new Writer(database);
    port.on("message", (first: Request) => {
      const requests = [first, ...arrived(port)];
      const batches = requests.flatMap((request) => (request.kind === "commit" ? [request.batch] : []));
      if (batches.length > 0) reply(resultsOf(writer, batches));
      if (requests.at(-1)?.kind !== "close") return;
      database.close();
      reply({ kind: "closed" });
      port.close();
    });
    reply({ kind: "open", wasUnclean });
  } catch (error) {
    reply({ kind: "refused", fault: faultFrom(error) });
  }
}

function* arrived(port: NonNullable<typeof parentPort>): Iterable<Request> {
  for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) {
    yield next.message as Request;
  }
}

function resultsOf(writer: Writer, batches: readonly (readonly Write[])[]): Reply {
  try {
    const results = writer.apply(batches);
    invariant(results.length === batches.length, "K1: each batch has its result");
    return { kind: "results", results };
  } catch (error) {
    return { kind: "failed", fault: faultFrom(error), batches: batches.length };
  }
}

function faultFrom(error: unknown): Fault {
  const { code, message, cause } = faultOf(error);
  return { code, message, cause };
}
