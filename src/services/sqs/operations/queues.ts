/** Making, finding, listing, changing, emptying and deleting queues. */
import { listQueuesPageMax } from "../../../limits.ts";
import type { Context, OperationsOf } from "../../service.ts";
import { checkCaller } from "../domain/access.ts";
import { changedAttributes, settingsOf } from "../domain/attributes.ts";
import { queueUrl, type QueueName } from "../domain/queue-name.ts";
import { invalidParameter, invalidValue, missingParameter, queueDoesNotExist } from "../errors.ts";
import type { SqsParts } from "../parts.ts";
import { attributesToWire, type Client } from "../to-wire.ts";

type QueueOperations = Pick<
  OperationsOf<Client>,
  | "CreateQueue"
  | "DeleteQueue"
  | "GetQueueAttributes"
  | "GetQueueUrl"
  | "ListDeadLetterSourceQueues"
  | "ListQueues"
  | "PurgeQueue"
  | "SetQueueAttributes"
>;

export function queueOperations({ clock, queues, store }: SqsParts): QueueOperations {
  return {
    async CreateQueue({ QueueName: name, Attributes, tags }, ctx) {
      const queue = named(name, ctx);
      await queues.create(queue, { ...Attributes }, tags ?? {});
      return { QueueUrl: queueUrl(ctx.endpoint, queue) };
    },

    async DeleteQueue({ QueueUrl }, ctx) {
      await queues.delete(await queues.named(QueueUrl, ctx, "DeleteQueue"));
      return {};
    },

    async GetQueueUrl({ QueueName: name, QueueOwnerAWSAccountId: account }, ctx) {
      const queue = await queues.find(named(name, { region: ctx.region, account: account ?? ctx.account }));
      if (!queue) throw queueDoesNotExist();
      checkCaller(queue.record, ctx.identity, "GetQueueUrl");
      return { QueueUrl: queueUrl(ctx.endpoint, queue.record) };
    },

    async GetQueueAttributes({ QueueUrl, AttributeNames = [] }, ctx) {
      const queue = await queues.named(QueueUrl, ctx, "GetQueueAttributes");
      const shown = attributesToWire(queue.record, await queue.counts(), AttributeNames);
      return { Attributes: shown };
    },

    async SetQueueAttributes({ QueueUrl, Attributes }, ctx) {
      const queue = await queues.named(QueueUrl, ctx, "SetQueueAttributes");
      const given = { ...Attributes };
      if (Object.keys(given).length === 0) throw missingParameter("Attribute.Name");
      const wanted = settingsOf(changedAttributes(queue.record.attributes, given));
      await queues.checkRedrive(queue.record, wanted, given);
      await queue.change((before) => ({
        ...before,
        attributes: changedAttributes(before.attributes, given),
        modifiedAtMs: clock.now(),
      }));
      return {};
    },

    async PurgeQueue({ QueueUrl }, ctx) {
      await queues.purge(await queues.named(QueueUrl, ctx, "PurgeQueue"));
      return {};
    },

    async ListQueues({ QueueNamePrefix, NextToken, MaxResults }, ctx) {
      const limit = pageLimit(MaxResults);
      const after = NextToken === undefined ? undefined : nameIn(NextToken);
      const page = await store.queues(ctx, { startsWith: QueueNamePrefix ?? "", after, limit });
      const last = page.next?.at(-1);
      return {
        QueueUrls: urlsOf(
          page.items.map(({ value }) => value),
          ctx,
        ),
        ...(last !== undefined && MaxResults !== undefined && { NextToken: tokenOf(last) }),
      };
    },

    async ListDeadLetterSourceQueues({ QueueUrl, NextToken, MaxResults }, ctx) {
      const limit = pageLimit(MaxResults);
      const sources = await queues.sourcesOf(
        (await queues.named(QueueUrl, ctx, "ListDeadLetterSourceQueues")).record,
      );
      const from = NextToken === undefined ? "" : nameIn(NextToken);
      const rest = sources.filter(({ name }) => name > from);
      const page = rest.slice(0, limit);
      const last = page.at(-1)?.name;
      const hasMore = rest.length > limit && MaxResults !== undefined;
      return {
        queueUrls: page.map((queue) => queueUrl(ctx.endpoint, queue)),
        ...(hasMore && last !== undefined && { NextToken: tokenOf(last) }),
      };
    },
  };
}

function named(name: string, { account, region }: Pick<Context, "account" | "region">): QueueName {
  return { account, region, name };
}

function pageLimit(maxResults: number | undefined): number {
  if (maxResults === undefined) return listQueuesPageMax;
  if (maxResults >= 1 && maxResults <= listQueuesPageMax) return maxResults;
  // inferred: the text.
  throw invalidValue(
    "MaxResults",
    maxResults,
    `MaxResults must be an integer between 1 and ${listQueuesPageMax}.`,
  );
}

function urlsOf(found: readonly QueueName[], ctx: Context): string[] | undefined {
  return found.length === 0 ? undefined : found.map((queue) => queueUrl(ctx.endpoint, queue));
}

function tokenOf(name: string): string {
  return Buffer.from(name).toString("base64");
}

function nameIn(token: string): string {
  const name = Buffer.from(token, "base64").toString();
  if (name === "" || tokenOf(name) !== token) throw invalidParameter("Invalid or expired next token."); // inferred
  return name;
}
