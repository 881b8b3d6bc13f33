/**
 * Operations that services run on each other when no request has caused it: a schedule's target, a log group that gets
 * events. The same checks and handlers as for a client's request; the caller is the service itself, in an account.
 */
import type { Random } from "../base/random.ts";
import { partitionOf } from "../base/arn.ts";
import type { Service, ServiceCall } from "../services/service.ts";
import { RequestContext } from "./context.ts";
import { createDispatcher, type Dispatcher } from "./dispatch.ts";

export interface ServiceCallDeps {
  /** Complete when the first call is made. */
  readonly services: () => readonly Service[];
  readonly random: Random;
  /** Where clients reach us; known when we listen. */
  readonly endpoint: () => string;
}

export function createServiceCall({ services, random, endpoint }: ServiceCallDeps): ServiceCall {
  let dispatcher: Dispatcher | undefined;
  return async ({ account, region, principal }, service, operation, input) => {
    dispatcher ??= createDispatcher(services());
    const identity = {
      account,
      accessKey: undefined,
      principalArn: `arn:${partitionOf(region)}:iam::${account}:root`,
      signed: "none" as const,
      service: principal,
    };
    const exchange = {
      headers: {},
      listener: { url: endpoint(), admin: false },
      signal: new AbortController().signal,
      path: "",
      query: "",
      remoteAddress: "",
    };
    const caller = new RequestContext(
      { identity, region, requestId: random.uuid(), exchange },
      dispatcher.call,
    );
    return dispatcher.call(caller, service, operation, input);
  };
}
