/**
 * What the store's crash test knows and demands. The load writes numbered batches of several keys each; the history is
 * what it was told about them before it was killed; `violationsOf` compares that with what is found after a restart.
 * Pure, so that its own test can show that it notices each kind of loss.
 */

/** One line of the load's output. */
export type Told =
  | {
      readonly kind: "committed";
      readonly batch: number;
      readonly writer: number;
      readonly versions: readonly number[];
    }
  | { readonly kind: "conflict"; readonly batch: number };

/** The value of each key `batch/<number>/<index>`. */
export interface Member {
  readonly batch: number;
  readonly index: number;
  /** Members in this batch. */
  readonly count: number;
  /** A blob that was stored before the batch was committed. */
  readonly blob?: string;
}

export interface Found {
  readonly members: readonly Member[];
  /** Batches of which another batch removed all members: keys `removed/<number>`, in the same commit. */
  readonly removed: ReadonlySet<number>;
  /** Keys `last/<writer>`: each batch writes its own number there. */
  readonly lastByWriter: ReadonlyMap<number, number>;
  readonly versions: readonly number[];
}

/** One sentence for each broken promise. */
export function violationsOf(history: readonly Told[], found: Found): readonly string[] {
  const violations: string[] = [];
  const whole = new Set<number>();
  for (const [batch, members] of Map.groupBy(found.members, (member) => member.batch)) {
    whole.add(batch);
    const indexes = new Set(members.map((member) => member.index));
    if (indexes.size !== members[0]?.count) violations.push(`K1: batch ${batch} is there in part`);
    if (found.removed.has(batch)) violations.push(`K1: batch ${batch} was removed in part`);
  }
  const latest = new Map<number, number>();
  for (const told of history) {
    const isThere = whole.has(told.batch) || found.removed.has(told.batch);
    if (told.kind === "conflict") {
      if (isThere) violations.push(`K2: batch ${told.batch} was refused and is there`);
      continue;
    }
    if (!isThere) violations.push(`K1: batch ${told.batch} was acknowledged and is lost`);
    latest.set(told.writer, told.batch);
  }
  for (const [writer, batch] of latest) {
    const last = found.lastByWriter.get(writer) ?? 0;
    if (last < batch) violations.push(`K3: writer ${writer} is back at batch ${last}, was told ${batch}`);
  }
  return violations;
}

/** K5 over restarts: no version that was told or found before is told again. */
export function reusedVersions(history: readonly Told[], used: ReadonlySet<number>): readonly number[] {
  return history.flatMap((told) =>
    told.kind === "committed" ? told.versions.filter((version) => used.has(version)) : [],
  );
}
