/**
 * Long simulations: `node test/sim/run.ts --hours 1000 [--seed 7] [--variant no-lease-check]`. Runs of ten simulated hours
 * each, with seeds that follow each other; prints what went wrong with the line that replays it, and ends with 1 then.
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import type { Variant } from "./life.ts";
import { simulate } from "./simulation.ts";

const { values } = parseArgs({
  options: {
    hours: { type: "string", default: "100" },
    seed: { type: "string" },
    variant: { type: "string" },
  },
});
const hoursPerRun = Math.min(10, Number(values.hours));
const variant = values.variant as Variant | undefined;
let seed = Number(values.seed ?? randomInt(2 ** 31));
let accepted = 0;
let steps = 0;
let lives = 0;
const first = seed;
for (let hours = 0; hours < Number(values.hours); hours += hoursPerRun) {
  const result = await simulate({ seed, hours: hoursPerRun, ...(variant && { variant }) });
  accepted += result.accepted;
  steps += result.steps;
  lives += result.lives;
  if (result.violations.length > 0) {
    for (const violation of result.violations) console.log(violation);
    const again = variant ? ` --variant ${variant}` : "";
    console.log(`replay: node test/sim/run.ts --hours ${hoursPerRun} --seed ${seed}${again}`);
    process.exit(1);
  }
  seed += 1;
}
console.log(
  `${values.hours} simulated hours, seeds ${first} to ${seed - 1}: ${accepted} events accepted, ${steps} steps, ${lives} lives, no violation`,
);
