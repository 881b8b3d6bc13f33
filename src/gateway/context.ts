/**
 * What a handler learns about its request (`services/service.ts`, Context). The costly parts, the abort signal and the
 * endpoint, are made only when a handler asks for them: most invokes never do.
 */
import type { Context, HttpFacts } from "../services/service.ts";
import type { Identity } from "../wire/identity.ts";
import type { Exchange } from "./exchange.ts";
import { endpointOf } from "./hosts.ts";

/** Runs another operation in the name of `caller`. */
export type Call = (
  caller: RequestContext,
  service: string,
  operation: string,
  input: object,
) => Promise<Record<string, unknown>>;

export interface Caller {
  readonly identity: Identity;
  readonly region: string;
  readonly requestId: string;
  readonly exchange: Pick<Exchange, "headers" | "listener" | "signal" | keyof HttpFacts>;
}

export class RequestContext implements Context {
  readonly account: string;
  readonly region: string;
  readonly identity: Identity;
  readonly requestId: string;
  /** How many services have called each other to get here; 0 for the client's own request. */
  readonly depth: number;
  readonly #caller: Caller;
  readonly #call: Call;

  constructor(caller: Caller, call: Call, depth = 0) {
    this.account = caller.identity.account;
    this.region = caller.region;
    this.identity = caller.identity;
    this.requestId = caller.requestId;
    this.depth = depth;
    this.#caller = caller;
    this.#call = call;
  }

  get signal(): AbortSignal {
    return this.#caller.exchange.signal;
  }

  get trace(): string | undefined {
    return this.#caller.exchange.headers["x-amzn-trace-id"];
  }

  get endpoint(): string {
    const { headers, listener } = this.#caller.exchange;
    return endpointOf(headers["host"], listener.url);
  }

  get http(): HttpFacts | undefined {
    return this.depth === 0 ? this.#caller.exchange : undefined;
  }

  call(service: string, operation: string, input: object): Promise<Record<string, unknown>> {
    return this.#call(this, service, operation, input);
  }

  /** The same caller, one call further in. */
  nested(): RequestContext {
    return new RequestContext(this.#caller, this.#call, this.depth + 1);
  }
}
