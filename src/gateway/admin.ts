/**
 * lambdad's own endpoints: health, metrics, and whatever the platform adds. Served on admin listeners only, never on
 * the address that sandboxes reach, and never to what lambdad itself sends for callers. Health says nothing that needs
 * protecting and is answered under every host name, for scripts in containers ask for it by a name of their own;
 * everything else needs a name that only this machine has, so that no page rebound to our address can read it. With
 * `secure` the pipeline lets the operator alone at what is not open.
 */
import type { Metrics } from "../base/metrics.ts";
import { isFromOutgoing } from "../events/outgoing.ts";
import type { WebRequest, WebResponse } from "../services/service.ts";
import type { Exchange } from "./exchange.ts";
import { isLocalName } from "./hosts.ts";

export interface AdminRoute {
  readonly method: string;
  /** The whole path, "/_lambdad/environments". */
  readonly path: string;
  /** Also with `secure` for whoever has not signed: what it tells and does protects nothing. */
  readonly isOpen?: true;
  answer(request: WebRequest): Promise<WebResponse>;
}

export interface AdminDeps {
  readonly version: string;
  /** What is in force: "bubblewrap", "process". */
  readonly isolation: string;
  readonly services: readonly string[];
  readonly metrics: Metrics;
  readonly routes: readonly AdminRoute[];
}

export interface Admin {
  /** Undefined: not an admin route. */
  find(exchange: Exchange): AdminRoute | undefined;
}

export function createAdmin(deps: AdminDeps): Admin {
  const own = [healthRoute("/_lambdad/health", deps), healthRoute("/_localstack/health", deps)];
  const guarded = [metricsRoute(deps.metrics), ...deps.routes];
  const open = new Map(own.map((route) => [keyOf(route), route]));
  const byKey = new Map([...own, ...guarded].map((route) => [keyOf(route), route]));

  return {
    find(exchange) {
      const key = `${exchange.method === "HEAD" ? "GET" : exchange.method} ${exchange.path}`;
      const route = byKey.get(key);
      if (!route) return undefined;
      const { listener, headers } = exchange;
      // What lambdad sends for somebody comes from this machine, too, and under a name of it.
      if (!listener.admin || isFromOutgoing(headers["via"])) return forbidden;
      return open.has(key) || isLocalName(headers["host"] ?? "") ? route : forbidden;
    },
  };
}

function keyOf({ method, path }: AdminRoute): string {
  return `${method} ${path}`;
}

const forbidden: AdminRoute = {
  method: "",
  path: "",
  isOpen: true,
  answer: () => Promise.resolve({ status: 403, headers: { ...json }, body: '{"message":"Forbidden"}' }),
};

function healthRoute(path: string, deps: AdminDeps): AdminRoute {
  const services = Object.fromEntries(deps.services.map((name) => [name, "available"]));
  // Indented, for scripts grep for `"lambda": "available"`.
  const body = JSON.stringify(
    { status: "ok", version: deps.version, isolation: deps.isolation, services },
    null,
    2,
  );
  const answer = () => Promise.resolve({ status: 200, headers: { ...json }, body });
  return { method: "GET", path, isOpen: true, answer };
}

function metricsRoute(metrics: Metrics): AdminRoute {
  return {
    method: "GET",
    path: "/_lambdad/metrics",
    isOpen: true,
    answer: () =>
      Promise.resolve({
        status: 200,
        headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
        body: metrics.render(),
      }),
  };
}

const json = { "content-type": "application/json" } as const;
