/**
 * Looking at e-mails and texts that would have gone to people: what `lambdad outbox` and tests read.
 *
 *     GET /_lambdad/outbox     {"mails":[…]}, oldest first
 */
import type { AdminRoute } from "./admin.ts";

/** As it goes over the wire. */
export interface OutboxMail {
  readonly seq: number;
  readonly atMs: number;
  readonly kind: "email" | "sms";
  readonly to: string;
  /** ARN of the topic; undefined: it was sent to this address alone. */
  readonly from?: string;
  readonly subject?: string;
  readonly body: string;
}

export function outboxRoutes(mails: () => AsyncIterable<OutboxMail>): AdminRoute[] {
  return [
    {
      method: "GET",
      path: "/_lambdad/outbox",
      async answer() {
        const all: OutboxMail[] = [];
        for await (const mail of mails()) all.push(mail);
        const headers = { "content-type": "application/json" };
        return { status: 200, headers, body: JSON.stringify({ mails: all }) };
      },
    },
  ];
}
