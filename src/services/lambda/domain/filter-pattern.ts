/**
 * Whether a filter of an event source mapping is one: an object whose leaves are lists of values and operators. Pure;
 * matching records against it is the poller's. Source: lambda-map 7.7.
 */
import { compilePattern, PatternError } from "../../../events/pattern.ts";
import { filterPatternDepthMax } from "../../../limits.ts";
import { invalidParameter } from "../errors.ts";

export function checkFilterPattern(pattern: string): void {
  if (!isObjectPattern(parsed(pattern), 0) || !isCompilable(pattern)) {
    throw invalidParameter("Invalid filter pattern definition.");
  }
}

/** What the poller could not compile must not be accepted. */
function isCompilable(pattern: string): boolean {
  try {
    compilePattern(pattern);
    return true;
  } catch (error) {
    if (error instanceof PatternError) return false;
    throw error;
  }
}

function isObjectPattern(value: unknown, depth: number): boolean {
  if (!isRecord(value) || depth > filterPatternDepthMax) return false;
  return Object.entries(value).every(([key, below]) => {
    if (key === "$or" && Array.isArray(below)) {
      return below.length > 0 && below.every((one) => isObjectPattern(one, depth + 1));
    }
    return Array.isArray(below) ? below.length > 0 && below.every(isLeaf) : isObjectPattern(below, depth + 1);
  });
}

function isLeaf(value: unknown): boolean {
  if (value === null || ["string", "number", "boolean"].includes(typeof value)) return true;
  if (!isRecord(value)) return false;
  const [entry, ...more] = Object.entries(value);
  if (!entry || more.length > 0) return false;
  return operators[entry[0]]?.(entry[1]) ?? false;
}

const isText = (value: unknown): boolean => typeof value === "string";

const operators: Readonly<Record<string, (value: unknown) => boolean>> = {
  prefix: isText,
  suffix: isText,
  "equals-ignore-case": isText,
  exists: (value) => typeof value === "boolean",
  "anything-but": (value) =>
    isText(value) ||
    typeof value === "number" ||
    (Array.isArray(value) && value.length > 0) ||
    isRecord(value),
  numeric: isNumeric,
};

/** `["=", 5]` or `[">", 1, "<=", 9]`. */
function isNumeric(value: unknown): boolean {
  if (!Array.isArray(value) || ![2, 4].includes(value.length)) return false;
  const parts: unknown[] = value;
  return parts.every((part, index) =>
    index % 2 === 0 ? ["=", "<", "<=", ">", ">="].includes(String(part)) : typeof part === "number",
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
