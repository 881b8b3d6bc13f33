/**
 * Looking at the queue of asynchronous events, and acting on it: what `lambdad async` speaks to.
 *
 *     GET  /_lambdad/async?function=NAME       {"events":[…],"failed":[…]}, the first thousand of each
 *     POST /_lambdad/async/redrive  {"function":NAME}                  {"count":N}
 *     POST /_lambdad/async/purge    {"function":NAME,"failed":true}    {"count":N}
 *
 * NAME is a name, in whatever region, or an ARN. Acting wants a JSON body, which no page of another origin can send.
 */
import type { AsyncEvent, LaneName } from "../events/async/event.ts";
import { unqualifiedArn } from "../events/async/event.ts";
import type { AsyncQueue } from "../events/async/queue.ts";
import { asyncListedEventsMax } from "../limits.ts";
import type { WebRequest, WebResponse } from "../services/service.ts";
import type { AdminRoute } from "./admin.ts";

/** As it goes over the wire. */
export interface ListedEvent {
  readonly functionArn: string;
  readonly qualifier: string | undefined;
  readonly requestId: string;
  readonly state: "waiting" | "running" | "failed";
  /** "invoke", or the ARN of the destination that is to be told. */
  readonly step: string;
  readonly acceptedAtMs: number;
  readonly dueAtMs: number;
  readonly invocations: number;
  readonly payloadBytes: number;
  readonly reason?: string;
}

type Queue = Pick<AsyncQueue, "list" | "failed" | "redrive" | "purge">;

export function asyncRoutes(queue: Queue): AdminRoute[] {
  return [
    {
      method: "GET",
      path: "/_lambdad/async",
      async answer({ query }) {
        const isWanted = matcher(new URLSearchParams(query).get("function") ?? undefined);
        return json(200, { events: await listed(queue, isWanted), failed: await failed(queue, isWanted) });
      },
    },
    acting("/_lambdad/async/redrive", ({ isWanted }) => queue.redrive(isWanted)),
    acting("/_lambdad/async/purge", (order) => queue.purge(order.isWanted, order.failed)),
  ];
}

interface Order {
  readonly isWanted: (name: LaneName) => boolean;
  readonly failed: boolean;
}

function acting(path: string, act: (order: Order) => Promise<number>): AdminRoute {
  return {
    method: "POST",
    path,
    async answer(request) {
      const order = orderIn(request);
      if (!order) return json(400, { message: 'a JSON body like {"function":"NAME"} is wanted' });
      return json(200, { count: await act(order) });
    },
  };
}

function orderIn({ headers, body }: WebRequest): Order | undefined {
  if (!headers["content-type"]?.startsWith("application/json")) return undefined;
  try {
    const order = JSON.parse(Buffer.from(body).toString()) as { function?: unknown; failed?: unknown };
    if (typeof order.function !== "string") return undefined;
    return { isWanted: matcher(order.function), failed: order.failed === true };
  } catch {
    return undefined;
  }
}

async function listed(queue: Queue, isWanted: (name: LaneName) => boolean): Promise<ListedEvent[]> {
  const found: ListedEvent[] = [];
  let after: AsyncEvent | undefined;
  for (let isLast = false; !isLast && found.length < asyncListedEventsMax;) {
    const page = await queue.list(asyncListedEventsMax, after);
    for (const { event, isRunning } of page.items) {
      if (isWanted(event)) found.push(shown(event, isRunning ? "running" : "waiting"));
    }
    after = page.items.at(-1)?.event;
    isLast = page.isLast;
  }
  return found.slice(0, asyncListedEventsMax);
}

async function failed(queue: Queue, isWanted: (name: LaneName) => boolean): Promise<ListedEvent[]> {
  const found: ListedEvent[] = [];
  for (let page = await queue.failed(asyncListedEventsMax); page.length > 0;) {
    for (const { event, reason } of page) {
      if (isWanted(event)) found.push({ ...shown(event, "failed"), reason });
    }
    if (found.length >= asyncListedEventsMax) break;
    page = await queue.failed(asyncListedEventsMax, page.at(-1));
  }
  return found.slice(0, asyncListedEventsMax);
}

function matcher(wanted: string | undefined): (name: LaneName) => boolean {
  return (name) => wanted === undefined || name.functionName === wanted || unqualifiedArn(name) === wanted;
}

function shown(event: AsyncEvent, state: ListedEvent["state"]): ListedEvent {
  const { qualifier, requestId, acceptedAtMs, dueAtMs, invocations, payloadBytes, stage } = event;
  const step = stage.kind === "invoke" ? "invoke" : (stage.to[0]?.arn ?? "told");
  const facts = { requestId, acceptedAtMs, dueAtMs, invocations, payloadBytes };
  return { functionArn: unqualifiedArn(event), qualifier, state, step, ...facts };
}

function json(status: number, body: object): WebResponse {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}
