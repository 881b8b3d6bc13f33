/**
 * The space-delimited form of filter patterns: `[ip, user, ..., status = 4*, bytes > 1000]`. A line is split at blanks, with
 * `"…"` and `[…]` as one field each; the number of fields must fit, `...` standing for any number of them.
 */
import type { Comparison, Scalar } from "./filter-value.ts";
import { FilterSyntaxError, compileComparison, numberOf, operandOf } from "./filter-value.ts";

type FieldTest = (value: Scalar) => boolean;

export function compileFields(pattern: string): (message: string) => boolean {
  if (!pattern.trimEnd().endsWith("]")) throw new FilterSyntaxError("Invalid filter pattern: ] is missing");
  const parts = splitOutsideQuotes(pattern.trim().slice(1, -1), ",").map((part) => part.trim());
  const gap = parts.indexOf("...");
  if (gap !== parts.lastIndexOf("..."))
    throw new FilterSyntaxError("Invalid filter pattern: more than one ...");
  const before = (gap < 0 ? parts : parts.slice(0, gap)).map(fieldTest);
  const after = gap < 0 ? [] : parts.slice(gap + 1).map(fieldTest);
  return (message) => {
    const fields = fieldsOf(message);
    const count = before.length + after.length;
    if (gap < 0 ? fields.length !== count : fields.length < count) return false;
    return (
      before.every((test, at) => passes(test, fields[at])) &&
      after.every((test, at) => passes(test, fields[fields.length - after.length + at]))
    );
  };
}

function passes(test: FieldTest, field: string | undefined): boolean {
  return field !== undefined && test({ text: field, number: numberOf(field) });
}

function fieldsOf(message: string): string[] {
  return [...message.matchAll(/"([^"]*)"|\[([^\]]*)\]|(\S+)/g)].map(
    ([, quoted, bracketed, bare]) => quoted ?? bracketed ?? bare ?? "",
  );
}

/** `name`, `name = value`, or several conditions on the one name with && and ||. */
function fieldTest(part: string): FieldTest {
  const alternatives = splitOutsideQuotes(part, "||").map((alternative) =>
    splitOutsideQuotes(alternative, "&&").map((condition) => conditionTest(condition.trim())),
  );
  return (value) => alternatives.some((tests) => tests.every((test) => test(value)));
}

function conditionTest(condition: string): FieldTest {
  if (/^[\w$-]*$/.test(condition)) return () => true;
  const match = /^[\w$-]*\s*(!=|<=|>=|=|<|>)\s*("(?:[^"\\]|\\.)*"|%[^%]*%|[^\s"]+)$/.exec(condition);
  if (!match?.[2]) throw new FilterSyntaxError(`Invalid filter pattern: '${condition}'`);
  return compileComparison(match[1] as Comparison, operandOf(match[2]));
}

function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let quote = "";
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (quote !== "") {
      if (character === quote && text.charAt(at - 1) !== "\\") quote = "";
    } else if (character === '"' || character === "%") {
      quote = character;
    } else if (text.startsWith(separator, at)) {
      parts.push(text.slice(start, at));
      start = at + separator.length;
      at = start - 1;
    }
  }
  return [...parts, text.slice(start)];
}
