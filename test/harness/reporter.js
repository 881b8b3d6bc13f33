/**
 * Test reporter: failures and skips in full, one line for each file that passed, and at the end the plain line
 * `N passed, N failed, N skipped`.
 */
import { relative } from "node:path";

export default async function* report(events) {
  const totals = { passed: 0, failed: 0, skipped: 0 };
  const byFile = new Map();
  const failures = [];

  for await (const { type, data } of events) {
    if (type === "test:stdout" || type === "test:stderr") {
      // What a test prints on purpose: seeds, totals, reasons.
      if (data.message.trim() !== "") yield `  ${data.message}`;
    } else if (type === "test:pass" || type === "test:fail") {
      if (data.details?.type === "suite") continue;
      const outcome = outcomeOf(type, data);
      totals[outcome] += 1;
      const file = relative(process.cwd(), data.file ?? "?");
      const counts = byFile.get(file) ?? { passed: 0, failed: 0, skipped: 0, ms: 0 };
      counts[outcome] += 1;
      counts.ms += data.details?.duration_ms ?? 0;
      byFile.set(file, counts);
      if (outcome === "skipped") yield `SKIP ${file}: ${data.name} (${reasonOf(data.skip ?? data.todo)})\n`;
      if (outcome === "failed") {
        const text = `FAIL ${file}: ${data.name}\n${indented(causeOf(data))}\n`;
        failures.push(text);
        yield text;
      }
    }
  }

  yield "\n";
  for (const [file, counts] of [...byFile].toSorted(([one], [other]) => one.localeCompare(other))) {
    const mark = counts.failed > 0 ? "FAIL" : "ok  ";
    yield `${mark} ${file}: ${counts.passed} passed${counts.failed ? `, ${counts.failed} failed` : ""}${
      counts.skipped ? `, ${counts.skipped} skipped` : ""
    } (${Math.round(counts.ms)} ms)\n`;
  }
  if (failures.length > 0) yield `\n${failures.length} failed:\n\n${failures.join("\n")}`;
  yield `\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`;
}

function outcomeOf(type, data) {
  if (type === "test:fail") return "failed";
  return data.skip !== undefined || data.todo !== undefined ? "skipped" : "passed";
}

function reasonOf(reason) {
  return typeof reason === "string" && reason !== "" ? reason : "no reason given";
}

function causeOf(data) {
  const error = data.details?.error;
  const cause = error?.cause ?? error;
  return String(cause?.stack ?? cause?.message ?? cause);
}

function indented(text) {
  return text.replaceAll(/^/gm, "    ");
}
