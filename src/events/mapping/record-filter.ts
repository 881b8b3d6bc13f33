/** Which records of a queue pass a mapping's filters. Pure. Source: lambda-map 7.7: a body that is a JSON object is one. */
import { compilePattern, parseExact } from "../pattern.ts";

export type RecordFilter = (record: Readonly<Record<string, unknown>>) => boolean;

/** `patterns`: one of them must match; none: everything passes. */
export function recordFilter(patterns: readonly string[]): RecordFilter {
  const matchers = patterns.map(compilePattern);
  if (matchers.length === 0) return () => true;
  return (record) => {
    const event = { ...record, body: bodyOf(record["body"]) };
    return matchers.some((matcher) => matcher(event));
  };
}

function bodyOf(body: unknown): unknown {
  if (typeof body !== "string" || !/^\s*[{[]/.test(body)) return body;
  try {
    return parseExact(body);
  } catch (error) {
    if (error instanceof SyntaxError) return body;
    throw error;
  }
}
