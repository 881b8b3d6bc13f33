/**
 * The priority of lambdad's own thread. It wakes the functions that it hands work to, and all of them wait for it: behind
 * two busy programs it does half as much again with the raised one, and a twentieth more with nothing else running
 * (docs/internals/hot-path.md). A process inherits it from the thread that starts it, so that everything that is
 * started is started through `atUsualPriority`.
 */
import { getPriority, setPriority } from "node:os";

/** In steps of nice(2), each of which is worth a fourth. */
const raisedBy = 5;

/** What the operator has given us, once it has been raised. */
let usual: number | undefined;

/** For this thread only. Where that is not permitted it stays as it is. */
export function raisePriority(): void {
  if (usual !== undefined) return;
  const given = getPriority();
  try {
    setPriority(given - raisedBy);
    usual = given;
  } catch {
    // Without CAP_SYS_NICE: lambdad is as good as any other process of its user.
  }
}

/** Runs `start`, which starts a process before it returns. */
export function atUsualPriority<T>(start: () => T): T {
  if (usual === undefined) return start();
  setPriority(usual);
  try {
    return start();
  } finally {
    setPriority(usual - raisedBy);
  }
}
