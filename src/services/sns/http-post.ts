/**
 * One POST to a subscriber's endpoint. Redirections are answers like others: a message goes where its subscriber said.
 * Credentials in the address are sent as basic authorisation.
 */
import type { Outgoing } from "../../events/outgoing.ts";

export interface PostOrder {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}

/** Answers the status. Rejects when there is none: no connection, no answer, aborted, an address that is forbidden. */
export type HttpPost = (order: PostOrder) => Promise<number>;

export function createHttpPost(outgoing: Outgoing): HttpPost {
  return async ({ url, ...order }) => {
    // What it says beside its status is of no use to us.
    const answer = await outgoing({ ...order, method: "POST", url: new URL(url), answerBytesMax: 0 });
    return answer.status;
  };
}
