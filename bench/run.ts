/**
 * `npm run bench [-- NAME…]`: runs the benches one after the other and prints one table, or JSON lines with `--json`.
 * Quiet machine, please: two cores, nothing else running. Each bench starts its own yardstick.
 */
import { readdirSync } from "node:fs";
import type { Row } from "./row.ts";

const names = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const asJson = process.argv.includes("--json");
const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith(".bench.ts"));
const chosen = files.filter((file) => names.length === 0 || names.some((name) => file.startsWith(name)));
if (chosen.length === 0) throw new Error(`no bench is called that; there are: ${files.join(", ")}`);

if (!asJson) console.log("| # | what | measured | yardstick | result | goal |\n|---|---|---|---|---|---|");
for (const file of chosen) {
  console.error(`running ${file} …`);
  const { run } = (await import(`./${file}`)) as { run: () => Promise<Row[]> };
  for (const row of await run()) console.log(asJson ? JSON.stringify(row) : rendered(row));
}

function rendered(row: Row): string {
  const figure = (number: number) => (Number.isNaN(number) ? "–" : `${number.toPrecision(4)} ${row.unit}`);
  return `| ${[row.id, row.what, figure(row.value), figure(row.yardstick), row.result.toPrecision(3), row.goal].join(" | ")} |`;
}
