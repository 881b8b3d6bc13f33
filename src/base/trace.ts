/**
 * The `X-Amzn-Trace-Id` header: `Root=1-8hex-24hex;Parent=16hex;Sampled=0|1;Lineage=…`. Passed through to functions;
 * made here when a request has none. Source: lambda-map 4.7.
 */
import type { Clock } from "./clock.ts";
import type { Random } from "./random.ts";

/** `isSampled`: whether those who see it are to record what they do. */
export function newTraceHeader(clock: Clock, random: Random, isSampled = false): string {
  const seconds = Math.floor(clock.now() / 1000)
    .toString(16)
    .padStart(8, "0");
  return `Root=1-${seconds}-${random.hex(12)};Parent=${random.hex(8)};Sampled=${isSampled ? 1 : 0}`;
}
