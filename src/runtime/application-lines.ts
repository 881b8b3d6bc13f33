/**
 * What becomes of a line that a function itself has logged: nothing in text, and in JSON logs AWS's level filter, which
 * looks into lines that are JSON objects and into no others.
 *
 * Pure. Source: lambda-map 4.5.
 */
import type { LineFormat } from "./platform-lines.ts";

export interface ApplicationLine {
  readonly text: string;
  /** The line as an object, where it is one in a JSON log. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/**
 * Undefined: below the function's application log level. `level`: as the runtime gave it, 0 for TRACE to 5 for FATAL; such
 * an event is the runtime's own and stays as it is.
 */
export function applicationLine(
  text: string,
  format: LineFormat,
  atMs: number,
  level?: number,
): ApplicationLine | undefined {
  if (format.logFormat === "Text") return { text };
  const given = objectIn(text);
  const least = levels[format.logLevels?.application ?? "INFO"];
  if (level !== undefined) return level < least ? undefined : { text, ...(given && { fields: given }) };
  if (!given) return { text };
  const rank = rankOf(given["level"]);
  if ((rank ?? levels.INFO) < least) return undefined;
  if (rank !== undefined && isTimestamp(given["timestamp"])) return { text, fields: given };
  const { timestamp, level: named, ...rest } = given;
  const fields = {
    timestamp: isTimestamp(timestamp) ? timestamp : new Date(atMs).toISOString(),
    level: rank === undefined ? "INFO" : named,
    ...rest,
  };
  return { text: `${JSON.stringify(fields)}\n`, fields };
}

const levels = { TRACE: 0, DEBUG: 1, INFO: 2, WARN: 3, ERROR: 4, FATAL: 5 } as const;
/** Python's names too: its runtime writes them. */
const ranks: ReadonlyMap<string, number> = new Map([
  ...Object.entries(levels),
  ["WARNING", levels.WARN],
  ["CRITICAL", levels.FATAL],
]);

function rankOf(level: unknown): number | undefined {
  return typeof level === "string" ? ranks.get(level.toUpperCase()) : undefined;
}

/** RFC 3339, section 5.6. */
const dateTime = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;

function isTimestamp(value: unknown): boolean {
  return typeof value === "string" && dateTime.test(value) && !Number.isNaN(Date.parse(value));
}

function objectIn(text: string): Readonly<Record<string, unknown>> | undefined {
  // Most lines that are no object are known by their first character.
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
