/** Log streams: make, list, delete. */
import type { OperationsOf } from "../../service.ts";
import type { Client, LogsDeps } from "../context.ts";
import { groupIdentified, groupNamed } from "../context.ts";
import { invalidParameter, invalidToken, streamExists, streamNotFound } from "../errors.ts";
import type { StreamRecord } from "../store.ts";
import { streamToWire } from "../to-wire.ts";

type Operations = Pick<OperationsOf<Client>, "CreateLogStream" | "DeleteLogStream" | "DescribeLogStreams">;

const listPageMax = 50;

export function streamOperations(deps: LogsDeps): Operations {
  const { store } = deps;
  return {
    async CreateLogStream({ logGroupName, logStreamName }, ctx) {
      // inferred: half a character has no UTF-8.
      if (!logStreamName.isWellFormed()) throw invalidParameter("The log stream name is no valid text.");
      const group = await groupNamed(deps, logGroupName, ctx);
      if (!(await store.createStream(group, logStreamName))) throw streamExists();
      return {};
    },

    async DeleteLogStream({ logGroupName, logStreamName }, ctx) {
      const group = await groupNamed(deps, logGroupName, ctx);
      if (!(await store.stream(group, logStreamName))) throw streamNotFound();
      await store.deleteStream(group, logStreamName);
      return {};
    },

    async DescribeLogStreams(input, ctx) {
      const byTime = input.orderBy === "LastEventTime";
      if (byTime && input.logStreamNamePrefix !== undefined) {
        throw invalidParameter("Cannot order by LastEventTime with a logStreamNamePrefix.");
      }
      const group = await groupIdentified(deps, input, ctx);
      const streams: StreamRecord[] = [];
      for await (const stream of store.streams(group, input.logStreamNamePrefix)) streams.push(stream);
      // The store lists them by name. A stream without events sorts as the oldest.
      if (byTime) streams.sort((one, other) => (one.lastEventMs ?? 0) - (other.lastEventMs ?? 0));
      if (input.descending) streams.reverse();

      const from = input.nextToken === undefined ? 0 : after(streams, input.nextToken);
      const page = streams.slice(from, from + (input.limit ?? listPageMax));
      const last = page.at(-1);
      const hasMore = from + page.length < streams.length;
      return {
        logStreams: page.map((stream) => streamToWire(group, stream)),
        nextToken: hasMore && last ? Buffer.from(last.id).toString("base64url") : undefined,
      };
    },
  };
}

function after(streams: readonly StreamRecord[], token: string): number {
  const id = Buffer.from(token, "base64url").toString();
  const at = streams.findIndex((stream) => stream.id === id);
  if (at < 0) throw invalidToken();
  return at + 1;
}
