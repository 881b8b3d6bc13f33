/**
 * What flows between sources and targets: what `lambdad events` speaks to.
 *
 *     GET /_lambdad/events?latest=N          {"flows":[…],"next":NUMBER,"missed":N}, the newest N
 *     GET /_lambdad/events?after=NUMBER      those after it; waits for the first for some seconds
 */
import type { Trail } from "../events/trail.ts";
import { flowsKeptMax, flowsWaitMsMax } from "../limits.ts";
import type { AdminRoute } from "./admin.ts";

export function eventRoutes(trail: Pick<Trail, "latest" | "after">): AdminRoute[] {
  return [
    {
      method: "GET",
      path: "/_lambdad/events",
      async answer({ query }) {
        const asked = new URLSearchParams(query);
        const after = wholeNumber(asked.get("after"));
        const page =
          after === undefined
            ? trail.latest(wholeNumber(asked.get("latest")) ?? flowsKeptMax)
            : await trail.after(after, flowsWaitMsMax);
        return {
          status: 200,
          headers: { "content-type": "application/json" },
          body: JSON.stringify(page),
        };
      },
    },
  ];
}

function wholeNumber(text: string | null): number | undefined {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
