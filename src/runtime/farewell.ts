/**
 * SHUTDOWN: how an incarnation ends. Without extensions the runtime gets no time: SIGKILL. With them it gets SIGTERM and
 * a moment, then the external ones are told, and what is left when their time is over is killed.
 *
 * Source: lambda-map 4.1; AWS gives 500 ms with internal extensions, 2 s with external ones, 300 ms of those to the
 * runtime. The same after a timeout or a crash, where `reason` tells the extensions.
 */
import type { Clock } from "../base/clock.ts";
import { settledWithin } from "../isolation/exit.ts";
import { shutdownInternalMs, shutdownRuntimeMs } from "../limits.ts";
import type { Extensions, ShutdownReason } from "./extensions.ts";
import type { Incarnation } from "./incarnation.ts";
import type { Telemetry } from "./telemetry.ts";

export interface Leaving {
  readonly clock: Clock;
  readonly incarnation: Incarnation;
  readonly extensions: Extensions;
  readonly telemetry: Telemetry | undefined;
  /** What is to be said of the last invocation is in the log: extensions are told afterwards. */
  readonly reported: Promise<void>;
}

export interface Farewell {
  /** The runtime has ended, and all that it printed is in the log. */
  readonly quiet: Promise<void>;
  /** Nothing is left of the sandbox. */
  readonly gone: Promise<void>;
}

/** Neither promise rejects. */
export function farewell(leaving: Leaving, reason: ShutdownReason): Farewell {
  const { clock, incarnation, extensions, telemetry } = leaving;
  const { shutdownMs } = extensions;
  if (shutdownMs === 0) {
    telemetry?.close();
    const gone = incarnation.kill();
    return { quiet: gone, gone };
  }
  const deadlineMs = clock.now() + shutdownMs;
  const quiet = endRuntime(leaving);
  return { quiet, gone: quiet.then(() => endExtensions(leaving, reason, deadlineMs)) };
}

async function endRuntime({ clock, incarnation, extensions }: Leaving): Promise<void> {
  incarnation.terminate();
  const graceMs = extensions.hasExternal ? shutdownRuntimeMs : shutdownInternalMs;
  if (await settledWithin(incarnation.ended, clock, graceMs)) return;
  if (!extensions.hasExternal) return incarnation.kill();
  incarnation.terminate();
  // What does not even die of SIGKILL goes with its sandbox.
  await settledWithin(incarnation.ended, clock, shutdownRuntimeMs);
}

async function endExtensions(
  { clock, incarnation, extensions, telemetry, reported }: Leaving,
  reason: ShutdownReason,
  deadlineMs: number,
): Promise<void> {
  await settledWithin(reported, clock, Math.max(0, deadlineMs - clock.now()));
  extensions.shutDown(reason, deadlineMs);
  telemetry?.hurry();
  if (extensions.awaitShutdown) {
    await settledWithin(extensions.gone, clock, Math.max(0, deadlineMs - clock.now()));
  }
  telemetry?.close();
  await incarnation.kill();
}
