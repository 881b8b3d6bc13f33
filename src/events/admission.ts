/**
 * Whether an addressee takes an event from a service of AWS: its resource policy must name that service, unless the service
 * acts by a role of its owner's, which no policy has to name. Pure.
 */
import type { DeliveryContext } from "./ports.ts";
import { isAllowed, type Policy } from "./resource-policy.ts";

/** Destinations and dead letters of Lambda, schedules, pipes and state machines send by an execution role. */
const byRole: ReadonlySet<string> = new Set([
  "lambda.amazonaws.com",
  "scheduler.amazonaws.com",
  "pipes.amazonaws.com",
  "states.amazonaws.com",
]);

/** `action`: "sqs:SendMessage". `policy` undefined: there is none, and who needs one is not let in. */
export function admits(
  policy: Policy | undefined,
  wanted: { readonly action: string; readonly resource: string },
  { principal, sourceArn, account }: DeliveryContext,
): boolean {
  if (byRole.has(principal)) return true;
  if (!policy) return false;
  const service = { kind: "service", service: principal } as const;
  return isAllowed(policy, { principal: service, ...wanted, sourceArn, sourceAccount: account });
}
