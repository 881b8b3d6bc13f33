/**
 * CloudWatch Logs's filter pattern language: text in, a test for messages out.
 *
 * The first character chooses the form: `{` compares fields of JSON messages (`filter-json.ts`), `[` compares the words of
 * a line (`filter-fields.ts`), anything else looks for terms (here). Pure. Source: map-events-observability 4.4.
 */
import { compileFields } from "./filter-fields.ts";
import { compileJson } from "./filter-json.ts";
import { FilterSyntaxError, compileRegex } from "./filter-value.ts";

export type MessageTest = (message: string) => boolean;

/** Throws `FilterSyntaxError`. */
export function compileFilterPattern(pattern: string): MessageTest {
  if (pattern.trim() === "") return () => true;
  if (pattern.startsWith("{")) return compileJson(pattern);
  if (pattern.startsWith("[")) return compileFields(pattern);
  return compileTerms(pattern);
}

interface Term {
  readonly sign: "all" | "any" | "none";
  readonly test: MessageTest;
}

const signs: Readonly<Record<string, Term["sign"]>> = { "?": "any", "-": "none" };

// An optional sign, then a quoted phrase, a regular expression between % signs, or a bare word.
const termSyntax = /\s*([?-]?)(?:"((?:[^"\\]|\\.)*)"|%([^%]*)%|([A-Za-z0-9_]+|\*))(?=\s|$)/y;

function compileTerms(pattern: string): MessageTest {
  const terms = termsOf(pattern.trim());
  const all = terms.filter(({ sign }) => sign === "all");
  const none = terms.filter(({ sign }) => sign === "none");
  // Where terms of both kinds are there, AWS ignores the optional ones.
  const any = all.length > 0 ? [] : terms.filter(({ sign }) => sign === "any");
  return (message) =>
    all.every(({ test }) => test(message)) &&
    !none.some(({ test }) => test(message)) &&
    (any.length === 0 || any.some(({ test }) => test(message)));
}

function termsOf(pattern: string): Term[] {
  const terms: Term[] = [];
  termSyntax.lastIndex = 0;
  while (termSyntax.lastIndex < pattern.length) {
    const at = termSyntax.lastIndex;
    const match = termSyntax.exec(pattern);
    if (!match) throw new FilterSyntaxError(`Invalid character(s) in term '${pattern.slice(at).trim()}'`);
    const [, sign, quoted, regex, word] = match;
    terms.push({
      sign: signs[sign ?? ""] ?? "all",
      test:
        regex === undefined
          ? contains(quoted?.replaceAll(/\\(.)/g, "$1") ?? word ?? "")
          : compileRegex(regex),
    });
  }
  return terms;
}

function contains(text: string): MessageTest {
  return (message) => message.includes(text);
}
