/**
 * What the catalog asks of a family of runtimes, for one of its identifiers. Undefined: the family does not have it here.
 */
import type { LaunchPlan, RuntimeEntry } from "./contract.ts";

export interface RuntimeSource {
  entry(id: string): Promise<RuntimeEntry | undefined>;
  /** Throws `RuntimeUnavailable` if bringing it failed. */
  plan(id: string): Promise<LaunchPlan | undefined>;
}
