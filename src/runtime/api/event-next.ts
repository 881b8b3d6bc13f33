/** `GET /extension/event/next`: waits for INVOKE or SHUTDOWN and hands it over. The first says that it is initialised. */
import type { ExtensionPoll } from "../extensions.ts";
import { json, refused } from "./answers.ts";
import type { Endpoint } from "./endpoint.ts";
import { identify } from "./extension-identity.ts";

export const eventNext: Endpoint = ({ request, exchange, port }) => {
  const { extensions } = port;
  const caller = identify(request.headers, extensions);
  if (caller.kind === "refused") return exchange.answer(refused(caller));
  const poll: ExtensionPoll = {
    onLost: undefined,
    deliver(eventId, event) {
      exchange.onGone = undefined;
      exchange.answer(json(200, event, `Lambda-Extension-Event-Identifier: ${eventId}\r\n`));
    },
  };
  // Before it can be answered, and gone.
  exchange.onGone = () => poll.onLost?.();
  const refusal = extensions.poll(caller.id, poll);
  if (!refusal) return;
  exchange.onGone = undefined;
  exchange.answer(refused(refusal));
};
