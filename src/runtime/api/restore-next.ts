/** `GET /runtime/restore/next`: a runtime of SnapStart waits, once it is initialised, until its snapshot is restored. */
import type { Endpoint } from "./endpoint.ts";
import { json, refused } from "./answers.ts";
import type { RestorePoll } from "./runtime-port.ts";

const restored = json(200, "");

export const restoreNext: Endpoint = ({ port, exchange }) => {
  const poll: RestorePoll = {
    onLost: undefined,
    restore() {
      exchange.onGone = undefined;
      exchange.answer(restored);
    },
  };
  // Before it can be answered, and gone.
  exchange.onGone = () => poll.onLost?.();
  const refusal = port.pollRestore(poll);
  if (!refusal) return;
  exchange.onGone = undefined;
  exchange.answer(refused(refusal));
};
