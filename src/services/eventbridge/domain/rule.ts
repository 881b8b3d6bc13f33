/** Rules and their targets, as the store keeps them. */
import type { RetryPolicy } from "../../../events/delivery-verdict.ts";
import type { RuleName } from "./names.ts";
import type { Shape } from "./shape.ts";

export type RuleState = "ENABLED" | "DISABLED" | "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS";

export interface RuleRecord extends RuleName {
  readonly state: RuleState;
  readonly pattern?: string;
  readonly schedule?: RuleSchedule;
  readonly description?: string;
  readonly roleArn?: string;
  /** A service that made it: only with Force others change it. */
  readonly managedBy?: string;
  /** It fills this archive, whatever its targets say. */
  readonly archive?: string;
  readonly tags: Readonly<Record<string, string>>;
  /** In the order of their ids. */
  readonly targets: readonly TargetRecord[];
}

export interface RuleSchedule {
  readonly expression: string;
  /** Rates count from here. */
  readonly fromMs: number;
  /** Hex; another one each time that the rule is put or enabled: what was planned for an earlier one is not run. */
  readonly id: string;
}

export interface TargetRecord {
  readonly id: string;
  readonly arn: string;
  readonly roleArn?: string;
  readonly shape: Shape;
  /** Of queues: MessageGroupId. */
  readonly groupId?: string;
  readonly http?: HttpParameters;
  readonly deadLetterArn?: string;
  /** As given; defaults count where they are absent. */
  readonly retry?: RetryPolicy;
}

/** Values may be JSON paths into the event. */
export interface HttpParameters {
  readonly path: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
}

export function isEnabled({ state }: RuleRecord): boolean {
  return state !== "DISABLED";
}
