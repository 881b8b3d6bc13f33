/**
 * "Cannot happen", checked in production. A failed invariant is our mistake: whoever catches it must destroy the
 * smallest thing that it may have spoiled (a sandbox, a worker, the process), never carry on.
 */

export class InvariantError extends Error {
  override name = "InvariantError";
}

/** `claim` says what always holds; start it with the invariant's number where it has one ("I1: …"). */
export function invariant(condition: unknown, claim: string): asserts condition {
  if (!condition) throw new InvariantError(`invariant broken: ${claim}`);
}
