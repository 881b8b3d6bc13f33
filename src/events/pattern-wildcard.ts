/**
 * The `wildcard` operator: its texts, its matching in one pass, and its *complexity*, by which AWS refuses patterns that
 * would be slow. Pure. Source: map-events-observability 1.5.
 */
import { wildcardComplexityMax } from "../limits.ts";
import { PatternError } from "./pattern-tokens.ts";

/** Literal texts between the `*`: one more than there are `*`. */
export interface Wildcard {
  readonly parts: readonly string[];
}

export function parseWildcard(pattern: string): Wildcard {
  const parts: string[] = [""];
  for (let at = 0; at < pattern.length; at += 1) {
    const char = pattern.charAt(at);
    if (char === "*") {
      if (pattern.charAt(at + 1) === "*") {
        throw new PatternError(`Consecutive wildcard characters at pos ${at + 2}`);
      }
      parts.push("");
      continue;
    }
    if (char === "\\") {
      at += 1;
      const escaped = pattern.charAt(at);
      if (escaped !== "*" && escaped !== "\\") {
        throw new PatternError(`Invalid escape character at pos ${at}`);
      }
    }
    parts.push(`${parts.pop() ?? ""}${pattern.charAt(at)}`);
  }
  return { parts };
}

export function wildcardTest({ parts }: Wildcard): (value: string) => boolean {
  const [first = "", ...rest] = parts;
  const last = rest.pop();
  return (value) => {
    if (last === undefined) return value === first;
    if (value.length < first.length + last.length) return false;
    if (!value.startsWith(first) || !value.endsWith(last)) return false;
    const end = value.length - last.length;
    let at = first.length;
    for (const part of rest) {
      const found = value.indexOf(part, at);
      if (found < 0 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  };
}

/**
 * Throws for wildcards of one field that are too complex together: the complexity is how many of their beginnings that
 * hold a `*` one value can satisfy at once. A value can pass all `*`, and of the literal texts behind them all beginnings
 * that are ends of the longest one.
 */
export function checkComplexity(wildcards: readonly Wildcard[]): void {
  for (const { parts } of wildcards) {
    const prefix = parts[0] ?? "";
    // Only what can begin alike can be satisfied at once.
    const together = wildcards.filter(({ parts: others }) => {
      const other = others[0] ?? "";
      return other.startsWith(prefix) || prefix.startsWith(other);
    });
    const stars = together.reduce((sum, one) => sum + one.parts.length - 1, 0);
    const literals = together.flatMap((one) => one.parts.slice(1));
    for (const text of parts.slice(1)) {
      for (let length = 1; length <= text.length; length += 1) {
        let score = stars;
        const end = text.slice(0, length);
        for (const literal of literals) {
          for (let at = 1; at <= Math.min(literal.length, length); at += 1) {
            const mayEnd = literal.charCodeAt(at - 1) === text.charCodeAt(length - 1);
            if (mayEnd && end.endsWith(literal.slice(0, at))) score += 1;
            if (score > wildcardComplexityMax) throw tooComplex();
          }
        }
      }
    }
    if (stars > wildcardComplexityMax) throw tooComplex();
  }
}

function tooComplex(): PatternError {
  return new PatternError(
    "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard character",
  );
}
