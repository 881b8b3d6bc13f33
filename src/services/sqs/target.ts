/** Events of other services become messages. Sizes and forms are checked as for anybody's. */
import type { Target } from "../../events/ports.ts";
import { draftOf } from "./domain/draft.ts";
import { queueDoesNotExist } from "./errors.ts";
import type { Queues } from "./queues.ts";

export function createTarget(queues: Queues): Target {
  return {
    async deliver(arn, { body, attributes }, { account, traceHeader }) {
      const queue = await queues.findByArn(arn);
      if (!queue) throw queueDoesNotExist();
      const entries = Object.entries(attributes ?? {});
      const given = {
        MessageBody: Buffer.from(body).toString(),
        MessageAttributes: Object.fromEntries(
          entries.map(([name, { type, value }]) => [name, { DataType: type, StringValue: value }]),
        ),
      };
      await queue.send([draftOf(given, queue.settings, false)], { senderId: account, traceHeader });
    },
  };
}
