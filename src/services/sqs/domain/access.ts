/** Who may do what with a queue, by the Policy among its attributes. Pure. Accounts may all with their own queues. */
import { admits } from "../../../events/admission.ts";
import { policyIn, PolicyError } from "../../../events/policy-text.ts";
import type { DeliveryContext } from "../../../events/ports.ts";
import { isAllowed, type Policy } from "../../../events/resource-policy.ts";
import { accessDenied, invalidAttribute } from "../errors.ts";
import type { Attributes } from "./attributes.ts";
import { queueArn, type QueueName } from "./queue-name.ts";

interface OwnedQueue extends QueueName {
  readonly attributes: Attributes;
}

/** Throws AccessDenied for a caller of another account whom the queue's policy does not let. `action`: "SendMessage". */
export function checkCaller(
  queue: OwnedQueue,
  caller: { readonly account: string; readonly principalArn: string },
  action: string,
): void {
  if (caller.account === queue.account) return;
  const { account, principalArn: arn } = caller;
  const policy = policyOf(queue);
  const request = {
    principal: { kind: "account", account, arn },
    action: `sqs:${action}`,
    resource: queueArn(queue),
  } as const;
  const isGrantable = !ownersOnly.has(action);
  if (policy && isGrantable && isAllowed(policy, request)) return;
  throw accessDenied(arn, action, request.resource);
}

/** Whether a service may send to the queue. */
export function admitsSender(queue: OwnedQueue, sender: DeliveryContext): boolean {
  const wanted = { action: "sqs:SendMessage", resource: queueArn(queue), owner: queue.account };
  return admits(policyOf(queue), wanted, sender);
}

/** Throws for a policy that is none, or that could not be enforced. */
export function checkPolicy(text: string): void {
  try {
    policyIn(text);
  } catch (error) {
    if (error instanceof PolicyError) throw invalidAttribute("Policy", `In the policy, ${error.message}.`);
    throw error;
  }
}

/** AWS: what cannot be granted to other accounts, whatever a policy says. */
const ownersOnly: ReadonlySet<string> = new Set([
  "AddPermission",
  "CancelMessageMoveTask",
  "DeleteQueue",
  "ListMessageMoveTasks",
  "ListQueueTags",
  "RemovePermission",
  "SetQueueAttributes",
  "StartMessageMoveTask",
  "TagQueue",
  "UntagQueue",
]);

function policyOf({ attributes }: OwnedQueue): Policy | undefined {
  const text = attributes["Policy"];
  return text === undefined ? undefined : policyIn(text);
}
