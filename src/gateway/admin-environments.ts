/**
 * Acting on environments: what `lambdad invoke --cold` and `--inspect` speak to.
 *
 *     POST /_lambdad/environments/recycle  {"function":NAME}                          {"count":N}
 *     POST /_lambdad/environments/inspect  {"function":NAME,"port":N,"wait":false}    {"port":N}
 *     POST /_lambdad/environments/inspect  {"function":NAME,"close":true}             {}
 *
 * NAME is a name, in whatever region, or an ARN. The body is JSON, which no page of another origin can send.
 */
import type { Invoker } from "../invoke/contract.ts";
import type { Inspections } from "../runtime/inspection.ts";
import type { WebRequest, WebResponse } from "../services/service.ts";
import type { AdminRoute } from "./admin.ts";

export interface EnvironmentRoutesDeps {
  readonly invoker: Pick<Invoker, "recycle">;
  /** Undefined: nobody may look into functions. */
  readonly inspections: Pick<Inspections, "open" | "close"> | undefined;
}

export function environmentRoutes({ invoker, inspections }: EnvironmentRoutesDeps): AdminRoute[] {
  const recycle = (name: string) =>
    invoker.recycle((functionArn) => functionArn === name || functionArn.split(":")[6] === name);

  return [
    acting("/_lambdad/environments/recycle", async ({ name }) => ({ count: recycle(name) })),
    acting("/_lambdad/environments/inspect", async ({ name, port, waits, isClosed }) => {
      if (!inspections) return undefined;
      if (isClosed) await inspections.close(name);
      const opened = isClosed ? {} : { port: await inspections.open({ functionName: name, port, waits }) };
      // Those that run know nothing of a debugger, or have one that is no longer wanted.
      recycle(name);
      return opened;
    }),
  ];
}

interface Order {
  readonly name: string;
  readonly port: number;
  readonly waits: boolean;
  readonly isClosed: boolean;
}

function acting(path: string, act: (order: Order) => Promise<object | undefined>): AdminRoute {
  return {
    method: "POST",
    path,
    async answer(request) {
      const order = orderIn(request);
      if (!order) return json(400, { message: 'a JSON body like {"function":"NAME"} is wanted' });
      try {
        const done = await act(order);
        return done ? json(200, done) : json(403, { message: "with --secure no debugger is let in" });
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        if (code !== "EADDRINUSE" && code !== "EACCES") throw error;
        return json(409, { message: `port ${order.port} cannot be had: ${message}` });
      }
    },
  };
}

function orderIn({ headers, body }: WebRequest): Order | undefined {
  if (!headers["content-type"]?.startsWith("application/json")) return undefined;
  try {
    const given = JSON.parse(Buffer.from(body).toString()) as Readonly<Record<string, unknown>> | null;
    const { function: name, port = 0, wait = false, close = false } = given ?? {};
    const isPort = Number.isInteger(port) && Number(port) >= 0 && Number(port) < 65_536;
    if (typeof name !== "string" || name === "" || !isPort) return undefined;
    return { name, port: Number(port), waits: wait === true, isClosed: close === true };
  } catch {
    return undefined;
  }
}

function json(status: number, body: object): WebResponse {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}
