/**
 * Which endpoint a request is for. A table; what is not in it gets what AWS's own emulator answers: a plain 404, and 405
 * for the wrong method.
 */
import { text } from "./answers.ts";
import type { Serve } from "./connection.ts";
import type { Endpoint } from "./endpoint.ts";
import { error } from "./error.ts";
import { exitError, initError as extensionInitError } from "./extension-error.ts";
import { eventNext } from "./event-next.ts";
import { initError, restoreError } from "./init-error.ts";
import { next } from "./next.ts";
import { register } from "./register.ts";
import { response, responseModeHeader } from "./response.ts";
import { restoreNext } from "./restore-next.ts";
import type { RuntimePort } from "./runtime-port.ts";
import { logs, telemetry } from "./telemetry.ts";

interface Route {
  readonly method: string;
  readonly endpoint: Endpoint;
}

const ping: Endpoint = ({ exchange }) => exchange.answer(text(200, "pong"));

const routes: ReadonlyMap<string, Route> = new Map([
  ["/2018-06-01/ping", { method: "GET", endpoint: ping }],
  ["/2018-06-01/runtime/invocation/next", { method: "GET", endpoint: next }],
  ["/2018-06-01/runtime/init/error", { method: "POST", endpoint: initError }],
  ["/2018-06-01/runtime/restore/next", { method: "GET", endpoint: restoreNext }],
  ["/2018-06-01/runtime/restore/error", { method: "POST", endpoint: restoreError }],
  ["/2020-01-01/extension/register", { method: "POST", endpoint: register }],
  ["/2020-01-01/extension/event/next", { method: "GET", endpoint: eventNext }],
  ["/2020-01-01/extension/init/error", { method: "POST", endpoint: extensionInitError }],
  ["/2020-01-01/extension/exit/error", { method: "POST", endpoint: exitError }],
  ["/2022-07-01/telemetry", { method: "PUT", endpoint: telemetry }],
  ["/2020-08-15/logs", { method: "PUT", endpoint: logs }],
]);

const invocationPrefix = "/2018-06-01/runtime/invocation/";
const responseRoute: Route = { method: "POST", endpoint: response };
const invocationRoutes: ReadonlyMap<string, Route> = new Map([
  ["response", responseRoute],
  ["error", { method: "POST", endpoint: error }],
]);

const notFound = text(404, "404 page not found\n");
const methodNotAllowed = text(405, "");

export function createRouter(port: RuntimePort): Serve {
  return {
    serve(request, exchange) {
      const { route, requestId } = find(request.path);
      if (!route) return exchange.answer(notFound);
      if (route.method !== request.method) return exchange.answer(methodNotAllowed);
      route.endpoint({ request, exchange, port, requestId });
    },
    isStreamed({ headers, method, path }) {
      if (headers.get(responseModeHeader) !== "streaming") return false;
      const { route, requestId } = find(path);
      return route === responseRoute && route.method === method && port.wantsStream(requestId);
    },
  };
}

function find(path: string): { route: Route | undefined; requestId: string } {
  const route = routes.get(path);
  if (route || !path.startsWith(invocationPrefix)) return { route, requestId: "" };
  const [requestId = "", name = "", ...rest] = path.slice(invocationPrefix.length).split("/");
  return { route: rest.length === 0 ? invocationRoutes.get(name) : undefined, requestId };
}
