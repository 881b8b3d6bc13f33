/**
 * Says in the log that requests are refused and why: each reason at once, then how often in each further second that it
 * lasts. A machine with too much to do is not to be kept busy with saying so.
 */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Overloaded } from "./admission.ts";

const everyMs = 1000;

export function createComplaints({ clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
  const sinceByReason = new Map<string, number>();

  function say(reason: string, requests: number): void {
    logger.warn("requests are throttled (429)", { reason, requests });
    clock.after(everyMs, () => {
      const more = sinceByReason.get(reason) ?? 0;
      sinceByReason.delete(reason);
      if (more > 0) note(reason, more);
    });
  }

  function note(reason: string, requests: number): void {
    const since = sinceByReason.get(reason);
    sinceByReason.set(reason, since === undefined ? 0 : since + requests);
    if (since === undefined) say(reason, requests);
  }

  return ({ message }: Overloaded): void => note(message, 1);
}
