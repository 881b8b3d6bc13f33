/** What the commands print: tables, colours where a person looks, and mistakes in one clear line. */
import { stripVTControlCharacters, styleText } from "node:util";

/** A mistake of the user, or something that the user has to mend: printed as one line, exit code 1. */
export class CommandError extends Error {
  override name = "CommandError";
  /** What to do next, if we know it. */
  readonly hint: string | undefined;
  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super(message, options);
    this.hint = hint;
  }
}

export function print(line = ""): void {
  process.stdout.write(`${line}\n`);
}

/** Notes beside the result: to standard error, so that a pipe gets the result alone. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

export const bold = (text: string) => styleText("bold", text);
export const dim = (text: string) => styleText("dim", text);
export const green = (text: string) => styleText("green", text);
export const yellow = (text: string) => styleText("yellow", text);
export const red = (text: string) => styleText("red", text);

/** Columns as wide as their longest cell, two spaces apart. */
export function table(rows: readonly (readonly string[])[]): string {
  const width = (cell: string) => stripVTControlCharacters(cell).length;
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, width(cell))));
  return rows
    .map((row) =>
      row
        .map((cell, at) => cell + " ".repeat((widths[at] ?? 0) - width(cell)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** What somebody else has written: with its colours, without whatever else would make a terminal do things. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what this is about
  return text.replaceAll(/\x1b\[[\d;]*m|[^\P{Cc}\n\t]/gu, (found) => (found.endsWith("m") ? found : ""));
}

export function megabytes(bytes: number): string {
  if (bytes < 1024 * 1024) return `${Math.max(1, Math.round(bytes / 1024))} KB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
