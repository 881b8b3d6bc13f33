/**
 * The `X-Amzn-Trace-Id` header: `Root=1-8hex-24hex;Parent=16hex;Sampled=0|1;Lineage=…`. A caller's goes on to functions
 * with what is missing in it; where there is none, or none that X-Ray's clients could read, a trace begins here. Source:
 * lambda-map 4.7.
 */
import type { Clock } from "./clock.ts";
import type { Random } from "./random.ts";

/** `isSampled`: whether those who see it are to record what they do. Left out: the first function decides. */
export function newTraceHeader(clock: Clock, random: Random, isSampled?: boolean): string {
  const seconds = Math.floor(clock.now() / 1000)
    .toString(16)
    .padStart(8, "0");
  const trace = `Root=1-${seconds}-${random.hex(12)};Parent=${random.hex(8)}`;
  return isSampled === undefined ? trace : `${trace};Sampled=${isSampled ? 1 : 0}`;
}

/**
 * The caller's header, whole: functions find root, parent and decision in it, in this order, whatever a caller leaves out.
 * `isSampled`: the decision where the caller has made none.
 */
// inferred: what becomes of a header that cannot be read. Its lineage is kept in any case: it stops endless chains.
export function wholeTraceHeader(
  given: string,
  {
    clock,
    random,
    isSampled,
  }: { readonly clock: Clock; readonly random: Random; readonly isSampled: boolean },
): string {
  if (whole.test(given)) return given;
  const fields = new Map<string, string>();
  for (const part of given.split(";")) {
    const at = part.indexOf("=");
    if (at > 0) fields.set(part.slice(0, at).trim().toLowerCase(), part.slice(at + 1).trim());
  }
  const lineage = fields.get("lineage");
  const rest = lineage === undefined ? "" : `;Lineage=${lineage}`;
  const root = fields.get("root") ?? "";
  if (!/^1-[\da-f]{8}-[\da-f]{24}$/i.test(root)) return newTraceHeader(clock, random, isSampled) + rest;
  const parent = fields.get("parent") ?? "";
  const sampled = fields.get("sampled") ?? "";
  return (
    `Root=${root};Parent=${/^[\da-f]{16}$/i.test(parent) ? parent : random.hex(8)};` +
    `Sampled=${/^[01]$/.test(sampled) ? sampled : Number(isSampled)}${rest}`
  );
}

const whole = /^Root=1-[\da-f]{8}-[\da-f]{24};Parent=[\da-f]{16};Sampled=[01](;|$)/;
