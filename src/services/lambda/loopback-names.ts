/**
 * Whether programs on this machine find names below `localhost`. Browsers and curl do everywhere; others ask the system's
 * resolver, which knows them with systemd and on macOS, and in a plain container does not. Asked once: it may take long.
 */
import type { Clock } from "../../base/clock.ts";
import { nameLookupMs } from "../../limits.ts";

export interface LoopbackNamesDeps {
  readonly clock: Pick<Clock, "after">;
  /** Rejects for a name that is not found. Undefined: names are found. */
  readonly lookUp: ((name: string) => Promise<unknown>) | undefined;
}

export function createLoopbackNames({ clock, lookUp }: LoopbackNamesDeps): () => Promise<boolean> {
  if (lookUp === undefined) return async () => true;
  const found = lookUp("probe.lambda-url.localhost").then(
    () => true,
    () => false,
  );
  const late = new Promise<boolean>((resolve) => clock.after(nameLookupMs, () => resolve(false)));
  const inTime = Promise.race([found, late]);
  return () => inTime;
}
