/**
 * D3 at length: `node src/isolation/leak.stress.ts --rounds 1000` creates and destroys that many sandboxes, prints what
 * was counted before and after with the times it took, and fails if anything is left.
 */
import { parseArgs } from "node:util";
import { measureLeaks } from "./bubblewrap/leak-rounds.ts";
import { sandboxesUntestable } from "./suite-tools.ts";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "1000" } } });
const why = sandboxesUntestable();
if (why !== undefined) throw new Error(`cannot run here: ${why}`);

const report = await measureLeaks(Number(values.rounds));
console.table({
  "before the driver": report.before,
  "settled (slots wait)": report.settled,
  "after all rounds": report.later,
  "after close": report.after,
});
console.log(`create:  ${quantiles(report.createMs)}`);
console.log(`destroy: ${quantiles(report.destroyMs)}`);
const isClean =
  JSON.stringify(report.before) === JSON.stringify(report.after) &&
  JSON.stringify(report.settled) === JSON.stringify(report.later);
console.log(isClean ? "nothing is left" : "SOMETHING IS LEFT");
process.exitCode = isClean ? 0 : 1;

function quantiles(timesMs: readonly number[]): string {
  const sorted = timesMs.toSorted((a, b) => a - b);
  const at = (part: number) => (sorted[Math.floor((sorted.length - 1) * part)] ?? 0).toFixed(1);
  return `p50 ${at(0.5)} ms, p90 ${at(0.9)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms`;
}
