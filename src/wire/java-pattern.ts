/**
 * Compiles the patterns of AWS's models, which are Java's, to ECMAScript's. A pattern is matched against the whole
 * string (recorded), whether or not it has its own anchors.
 *
 * Translates what the models use: leading flags, escapes of plain characters, classes like `[\w-_]`, `\p{Print}`. What it
 * cannot translate throws, and a test compiles every pattern there is. Known, and left alone: in ECMAScript `\s` also
 * takes Unicode's spaces.
 */

/** Java's classes that ECMAScript lacks, as the inside of a bracket. */
const posixClasses: Readonly<Record<string, string>> = { Print: String.raw`\x20-\x7E` };

/**
 * Patterns of AWS that take exponential time in a backtracking engine, and their equals that do not. Found by the test
 * that runs every pattern on hostile strings.
 */
export const linearPatterns: Readonly<Record<string, string>> = {
  [String.raw`^[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*$`]: String.raw`[a-z0-9*]+(?:[._\-/][a-z0-9*]+)*`,
  [String.raw`^[ \t]*[^\x00-\x1F:\x7F]+([ \t]+[^\x00-\x1F:\x7F]+)*[ \t]*$`]: String.raw`\t*[^\x00-\x1F:\x7F][^\x00-\x08\x0A-\x1F:\x7F]*`,
  [String.raw`^[ \t]*[\x20-\x7E]+([ \t]+[\x20-\x7E]+)*[ \t]*$`]: String.raw`\t*[\x20-\x7E][\x20-\x7E\t]*`,
  [String.raw`[ \t]*[\x20-\x7E]+([ \t]+[\x20-\x7E]+)*[ \t]*|(\$(\.[\w/_-]+(\[(\d+|\*)\])*)*)`]: String.raw`\t*[\x20-\x7E][\x20-\x7E\t]*`,
};

/** What may follow a backslash in ECMAScript's Unicode mode. */
const escapable = /[\^$\\.*+?()[\]{}|/dDsSwWbBtnrvf0-9xuc]/;

/** Throws `SyntaxError` for what has no translation. */
export function compilePattern(javaPattern: string): RegExp {
  const linear = linearPatterns[javaPattern];
  if (linear !== undefined) return new RegExp(`^(?:${linear})$`, "u");
  // Flags at the start hold for the whole pattern; elsewhere they would be a syntax error here.
  const leading = /^\(\?([is]+)\)/.exec(javaPattern);
  const body = leading === null ? javaPattern : javaPattern.slice(leading[0].length);
  return new RegExp(`^(?:${translate(body)})$`, `u${leading?.[1] ?? ""}`);
}

function translate(pattern: string): string {
  if (pattern.includes("&&")) throw new SyntaxError("intersections of classes have no translation");
  const token = /\\[pP]\{\w+\}|\\[\s\S]|\[|\]|-|[\s\S]/g;
  let result = "";
  let isInClass = false;
  let previous = "";
  for (const [piece] of pattern.matchAll(token)) {
    if (piece.startsWith("\\")) result += translateEscape(piece, isInClass);
    else if (piece === "-" && isInClass && /^\\[dDsSwWpP]/.test(previous)) result += String.raw`\-`;
    else result += piece;
    if (piece === "[") isInClass = true;
    if (piece === "]") isInClass = false;
    previous = piece;
  }
  return result;
}

function translateEscape(piece: string, isInClass: boolean): string {
  if (/^\\[pP]\{/.test(piece)) return translateProperty(piece, isInClass);
  const character = piece.charAt(1);
  if (escapable.test(character) || (character === "-" && isInClass)) return piece;
  if (/[a-zA-Z]/.test(character)) throw new SyntaxError(`${piece} has no translation`);
  return character;
}

/** General categories mean the same in both; other names (`\p{Alpha}`) may not, even where both have them. */
function translateProperty(piece: string, isInClass: boolean): string {
  const name = piece.slice(3, -1);
  const posix = piece.startsWith(String.raw`\p`) ? posixClasses[name] : undefined;
  if (posix !== undefined) return isInClass ? posix : `[${posix}]`;
  if (/^[A-Z][a-z]?$/.test(name) || name === "ASCII") return piece;
  throw new SyntaxError(`${piece} has no translation`);
}
