/** What an endpoint of the Runtime API is: a function of one request, which it answers now or later. */
import type { Exchange } from "./connection.ts";
import type { HttpRequest } from "./http1.ts";
import type { RuntimePort } from "./runtime-port.ts";

export type Endpoint = (call: EndpointCall) => void;

export interface EndpointCall {
  readonly request: HttpRequest;
  readonly exchange: Exchange;
  readonly port: RuntimePort;
  /** Out of the path; "" where it has none. */
  readonly requestId: string;
}
