/**
 * Whether an addressee takes an event from a service of AWS: its resource policy must name that service, unless the service
 * acts by a role: one of the addressee's account needs no policy, one of another account is that account. Pure.
 */
import type { DeliveryContext } from "./ports.ts";
import { type AnyPolicy, isAllowed } from "./resource-policy.ts";

/** Destinations and dead letters of Lambda, schedules, pipes and state machines send by an execution role. */
const byRole: ReadonlySet<string> = new Set([
  "lambda.amazonaws.com",
  "scheduler.amazonaws.com",
  "pipes.amazonaws.com",
  "states.amazonaws.com",
]);

/** `action`: "sqs:SendMessage"; `owner`: the addressee's account. `policy` undefined: there is none. */
export function admits(
  policy: AnyPolicy | undefined,
  { owner, ...wanted }: { readonly action: string; readonly resource: string; readonly owner: string },
  { principal, sourceArn, account }: DeliveryContext,
): boolean {
  const isByRole = byRole.has(principal);
  if (isByRole && account === owner) return true;
  if (!policy) return false;
  // The role is the sender's: elsewhere it may what the sender's account may.
  if (isByRole) return isAllowed(policy, { principal: { kind: "account", account }, ...wanted });
  const service = { kind: "service", service: principal } as const;
  return isAllowed(policy, { principal: service, ...wanted, sourceArn, sourceAccount: account });
}
