/** One measured promise. A bench file exports `run(): Promise<Row[]>`; `bench/run.ts` prints them all as one table. */

export interface Row {
  /** "S1" to "S11", as in SPECIFICATION.md; empty for what has no number there. */
  readonly id: string;
  readonly what: string;
  /** What was measured, in `unit`. */
  readonly value: number;
  /** The same of the yardstick, measured in the same run. NaN where the promise is absolute. */
  readonly yardstick: number;
  /** What the promise is about: `value` against `yardstick`, or `value` itself. */
  readonly result: number;
  readonly unit: string;
  /** "≥ 0.25", "≤ 1.5 ms": printed beside the result. */
  readonly goal: string;
}
