/** Event buses as the store keeps them, and who may put events to them. Pure. Source: map-events-observability 1.1, 1.10. */
import { isAllowed, type Policy } from "../../../events/resource-policy.ts";
import { busArn, type BusName } from "./names.ts";

export interface BusRecord extends BusName {
  readonly description?: string;
  readonly policy?: Policy;
  readonly deadLetterArn?: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly createdAtMs: number;
  readonly modifiedAtMs: number;
}

/** Those of the bus's own account need no permission. */
export function maySend(bus: BusRecord, account: string): boolean {
  if (bus.account === account) return true;
  if (!bus.policy) return false;
  const principal = { kind: "account", account } as const;
  return isAllowed(bus.policy, { principal, action: "events:PutEvents", resource: busArn(bus) });
}
