/**
 * May a function use this runtime: does AWS have it, does AWS still let it be created or updated, and can this machine
 * start it. Runtimes are no model enumeration at AWS either; the texts are recorded (lambda-map 2.1, 2.3).
 */
import type { RuntimeEntry } from "../../runtime/contract.ts";
import { runtimeFacts } from "../../runtime/runtime-facts.ts";
import { invalidParameter } from "./errors.ts";
import type { LambdaParts } from "./parts.ts";

export interface RuntimeWish {
  readonly runtime: string;
  readonly doing: "create" | "update";
  readonly nowMs: number;
}

export async function requireRuntime(
  { catalog, clock }: Pick<LambdaParts, "catalog" | "clock">,
  wish: Omit<RuntimeWish, "nowMs">,
): Promise<void> {
  checkRuntime({ ...wish, nowMs: clock.now() }, await catalog.list());
}

export function checkRuntime(wish: RuntimeWish, entries: readonly RuntimeEntry[]): void {
  const { runtime } = wish;
  if (!Object.hasOwn(runtimeFacts, runtime)) {
    const usable = Object.keys(runtimeFacts).filter((id) => !isBlocked({ ...wish, runtime: id }));
    // inferred: the order of the set, which is that of a hash table at AWS.
    throw invalidParameter(
      `Value ${runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [${usable.join(", ")}] or be a valid ARN`,
    );
  }
  if (isBlocked(wish)) {
    throw invalidParameter(
      `The runtime parameter of ${runtime} is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions.`,
    );
  }
  // AWS has no such case: every runtime is on its machines.
  const entry = entries.find(({ id }) => id === runtime);
  if (entry?.status === "missing" || entry?.status === "installable") {
    throw invalidParameter(`The runtime ${runtime} is not on this machine. ${entry.hint ?? ""}`.trimEnd());
  }
}

function isBlocked({ runtime, doing, nowMs }: RuntimeWish): boolean {
  const facts = runtimeFacts[runtime];
  const day = doing === "create" ? facts?.createBlockedAt : facts?.updateBlockedAt;
  return day !== undefined && Date.parse(day) <= nowMs;
}
