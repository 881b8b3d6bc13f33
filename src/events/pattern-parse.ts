/**
 * From the text of an event pattern to its meaning: *clauses* of which one has to hold, each a list of tests for each of
 * its fields. `$or` multiplies clauses; of equal fields the last one counts. Pure; throws a `PatternError` with AWS's
 * reason. Source: map-events-observability 1.5.
 */
import { BlockList, isIP } from "node:net";
import { filterPatternDepthMax, patternClausesMax } from "../limits.ts";
import { ExactNumber, numberFrom, type Scalar, valueKey } from "./event-value.ts";
import { PatternError, type Token, Tokens } from "./pattern-tokens.ts";
import { checkComplexity, parseWildcard, type Wildcard, wildcardTest } from "./pattern-wildcard.ts";

export type Test =
  /** `valueKey` of the one value that passes. */
  | { readonly kind: "value"; readonly key: string }
  | { readonly kind: "absent" }
  | { readonly kind: "present" }
  | {
      readonly kind: "passes";
      readonly passes: (value: Scalar) => boolean;
      /** What passes is a text that begins so. */
      readonly prefix?: string;
      readonly wildcard?: Wildcard;
    };

/** By path (`detail.state`): one of its tests has to pass. */
export type Clause = ReadonlyMap<string, readonly Test[]>;

export function parsePattern(text: string): readonly Clause[] {
  try {
    return new Parser(text, true).parse();
  } catch (error) {
    if (!(error instanceof NoAlternatives)) throw error;
    // What is no proper $or is a field of that name; so AWS reads it, and so are its errors worded.
    return new Parser(text, false).parse();
  }
}

/** `$or` without at least two objects, or with an operator's name as a field. */
class NoAlternatives extends Error {
  override name = "NoAlternatives";
}

class Parser {
  readonly #tokens: Tokens;
  readonly #hasOr: boolean;

  constructor(text: string, hasOr: boolean) {
    this.#tokens = new Tokens(text);
    this.#hasOr = hasOr;
  }

  parse(): readonly Clause[] {
    if (this.#tokens.next().kind !== "{") throw this.#tokens.error("Filter is not an object");
    const clauses = this.#object([new Map()], "", 0, false);
    for (const clause of clauses) {
      for (const tests of clause.values()) {
        checkComplexity(tests.flatMap((test) => (test.kind === "passes" && test.wildcard) || []));
      }
    }
    return clauses;
  }

  /** Each clause so far, and what this object adds. */
  #object(before: readonly Clause[], path: string, depth: number, isInOr: boolean): readonly Clause[] {
    if (depth > filterPatternDepthMax) throw this.#tokens.error("Event pattern is nested too deep"); // inferred
    let clauses = before;
    let isEmpty = true;
    for (let token = this.#tokens.next(); token.kind === "name"; token = this.#tokens.next()) {
      isEmpty = false;
      const { text: key } = token;
      if (isInOr && reserved.has(key)) throw new NoAlternatives();
      const value = this.#tokens.next();
      if (key === "$or" && this.#hasOr) {
        if (value.kind !== "[") throw new NoAlternatives();
        clauses = this.#alternatives(clauses, path, depth);
        continue;
      }
      const here = path === "" ? key : `${path}.${key}`;
      if (value.kind === "{") {
        clauses = this.#object(clauses, here, depth + 1, isInOr);
      } else if (value.kind === "[") {
        const tests = this.#list();
        clauses = clauses.map((clause) => new Map(clause).set(here, tests));
      } else {
        throw this.#tokens.error(`"${key}" must be an object or an array`);
      }
    }
    if (isEmpty) throw this.#tokens.error("Empty objects are not allowed");
    return clauses;
  }

  #alternatives(before: readonly Clause[], path: string, depth: number): readonly Clause[] {
    const clauses: Clause[] = [];
    let count = 0;
    for (let token = this.#tokens.next(); token.kind !== "]"; token = this.#tokens.next()) {
      if (token.kind !== "{") throw new NoAlternatives();
      clauses.push(...this.#object(before, path, depth + 1, true));
      count += 1;
      // inferred: the text; the number is documented
      if (clauses.length > patternClausesMax) throw this.#tokens.error("Too many combinations of $or");
    }
    if (count < 2) throw new NoAlternatives();
    return clauses;
  }

  #list(): readonly Test[] {
    const tests: Test[] = [];
    for (let token = this.#tokens.next(); token.kind !== "]"; token = this.#tokens.next()) {
      tests.push(...this.#test(token));
    }
    if (tests.length === 0) throw this.#tokens.error("Empty arrays are not allowed");
    return tests;
  }

  #test(token: Token): readonly Test[] {
    if (token.kind === "{") {
      const name = this.#tokens.next();
      if (name.kind !== "name") throw this.#tokens.error("Match expression name not found");
      const tests = this.#operator(name.text);
      if (this.#tokens.next().kind !== "}") {
        throw this.#tokens.error("Only one key allowed in match expression");
      }
      return tests;
    }
    const value = scalarOf(token);
    if (value === undefined) {
      throw this.#tokens.error("Match value must be String, number, true, false, or null");
    }
    return [{ kind: "value", key: valueKey(value) }];
  }

  #operator(name: string): readonly Test[] {
    const token = this.#tokens.next();
    switch (name) {
      case "exactly":
        return [{ kind: "value", key: valueKey(this.#text(token, "exact")) }];
      case "prefix":
      case "suffix":
        return [{ ...passes(this.#end(name, token)), ...prefixOf(name, token) }];
      case "equals-ignore-case":
        return [passes(textTest(ignoringCase(this.#text(token, name), "all")))];
      case "wildcard": {
        const wildcard = this.#wildcard(this.#text(token, name));
        return [{ ...passes(textTest(wildcardTest(wildcard))), wildcard }];
      }
      case "exists":
        if (token.kind !== "true" && token.kind !== "false") {
          throw this.#tokens.error("exists match pattern must be either true or false.");
        }
        return [{ kind: token.kind === "true" ? "present" : "absent" }];
      case "anything-but":
        return [this.#anythingBut(token)];
      case "numeric":
        return [passes(this.#numeric(token))];
      case "cidr":
        return [passes(cidrTest(this.#text(token, "prefix")))];
      default:
        throw this.#tokens.error(`Unrecognized match type ${name}`);
    }
  }

  #text(token: Token, operator: string): string {
    if (token.kind === "string") return token.text;
    throw this.#tokens.error(`${operator} match pattern must be a string`);
  }

  #wildcard(text: string): Wildcard {
    try {
      return parseWildcard(text);
    } catch (error) {
      throw error instanceof PatternError ? this.#tokens.error(error.message) : error;
    }
  }

  /** `"x"` or `{"equals-ignore-case": "x"}`. */
  #end(operator: "prefix" | "suffix", token: Token): (value: Scalar) => boolean {
    if (token.kind !== "{") return textTest(endTest(operator, this.#text(token, operator)));
    const name = this.#tokens.next();
    if (name.kind !== "name" || name.text !== "equals-ignore-case") {
      const shown = name.kind === "name" ? name.text : "";
      throw this.#tokens.error(`Unsupported ${operator} pattern: ${shown}`);
    }
    const test = ignoringCase(this.#text(this.#tokens.next(), "equals-ignore-case"), operator);
    if (this.#tokens.next().kind !== "}") {
      throw this.#tokens.error("Only one key allowed in match expression");
    }
    return textTest(test);
  }

  #anythingBut(token: Token): Test {
    if (token.kind === "{") return this.#nothingLike();
    if (token.kind === "[") {
      const keys = new Set<string>();
      const kinds = new Set<string>();
      for (let each = this.#tokens.next(); each.kind !== "]"; each = this.#tokens.next()) {
        const value = scalarOf(each);
        if (value === undefined || (each.kind !== "string" && each.kind !== "number")) {
          throw this.#tokens.error("Inside anything but list, start|null|boolean is not supported.");
        }
        kinds.add(each.kind);
        if (kinds.size > 1) {
          throw this.#tokens.error(
            "Inside anything but list, either all values are number or string, mixed type is not supported",
          );
        }
        keys.add(valueKey(value));
      }
      if (keys.size === 0) throw this.#tokens.error("Empty arrays are not allowed");
      return passes((value) => !keys.has(valueKey(value)));
    }
    const value = scalarOf(token);
    if (value === undefined || (token.kind !== "string" && token.kind !== "number")) {
      throw this.#tokens.error("Value of anything-but must be an array or single string/number value.");
    }
    const excluded = valueKey(value);
    return passes((other) => valueKey(other) !== excluded);
  }

  /** `{"prefix": "x"}`, `{"wildcard": ["x", "y"]}`, …: what passes none of them. */
  #nothingLike(): Test {
    const name = this.#tokens.next();
    if (name.kind !== "name") throw this.#tokens.error("Anything-But expression name not found");
    const operator = name.text;
    const texts = this.#exclusions(operator);
    const tests = texts.map((text): ((value: string) => boolean) => {
      if (operator === "equals-ignore-case") return ignoringCase(text, "all");
      if (operator === "wildcard") return wildcardTest(this.#wildcard(text));
      if (text === "") throw this.#tokens.error("Null prefix/suffix not allowed");
      return endTest(operator === "prefix" ? "prefix" : "suffix", text);
    });
    if (this.#tokens.next().kind !== "}") {
      throw this.#tokens.error("Only one key allowed in match expression");
    }
    return passes((value) => typeof value !== "string" || !tests.some((test) => test(value)));
  }

  #exclusions(operator: string): readonly string[] {
    const token = this.#tokens.next();
    const isEnd = operator === "prefix" || operator === "suffix";
    if (!isEnd && operator !== "equals-ignore-case" && operator !== "wildcard") {
      throw this.#tokens.error(`Unsupported anything-but pattern: ${operator}`);
    }
    if (token.kind === "string") return [token.text];
    if (token.kind === "{") {
      throw this.#tokens.error("Value of anything-but must be an array or single string/number value.");
    }
    const reason = isEnd
      ? "prefix/suffix match pattern must be a string"
      : `Inside anything-but/${operator} list, number|start|null|boolean is not supported.`;
    if (token.kind !== "[") throw this.#tokens.error(reason);
    const texts: string[] = [];
    for (let each = this.#tokens.next(); each.kind !== "]"; each = this.#tokens.next()) {
      if (each.kind !== "string") throw this.#tokens.error(reason);
      texts.push(each.text);
    }
    if (texts.length === 0) throw this.#tokens.error("Empty arrays are not allowed");
    return texts;
  }

  /** `["=", 5]`, `[">", 1]` or `[">", 1, "<=", 9]`. */
  #numeric(token: Token): (value: Scalar) => boolean {
    if (token.kind !== "[") throw this.#tokens.error("Value of numeric must be an array.");
    const first = this.#comparison(
      "Invalid member in numeric match: ",
      "Unrecognized numeric range operator: ",
    );
    const after = this.#tokens.next();
    if (after.kind === "]") return (value) => typeof value === "number" && first.compare(value, first.bound);
    if (first.operator === "=" || first.operator.startsWith("<")) {
      throw this.#tokens.error("Too many elements in numeric expression");
    }
    const second = this.#comparison("Bad value in numeric range: ", "Bad numeric range operator: ", after);
    if (!second.operator.startsWith("<")) {
      throw this.#tokens.error(`Bad numeric range operator: ${second.operator}`);
    }
    if (this.#tokens.next().kind !== "]") {
      throw this.#tokens.error("Too many terms in numeric range expression");
    }
    if (first.bound >= second.bound) throw this.#tokens.error("Bottom must be less than top");
    return (value) =>
      typeof value === "number" && first.compare(value, first.bound) && second.compare(value, second.bound);
  }

  #comparison(badMember: string, badOperator: string, token = this.#tokens.next()) {
    if (token.kind !== "string") throw this.#tokens.error(`${badMember}${shown(token)}`);
    const operator = token.text;
    const compare = comparisons.get(operator);
    if (!compare) throw this.#tokens.error(`${badOperator}${operator}`);
    const number = this.#tokens.next();
    const value = scalarOf(number);
    if (number.kind !== "number" || value === undefined) {
      throw this.#tokens.error(`Value of ${operator === "=" ? "equals" : operator} must be numeric`);
    }
    if (value instanceof ExactNumber) throw this.#tokens.error(`Cannot compare number : ${value.text}`);
    return { operator, compare, bound: Number(value) };
  }
}

const reserved: ReadonlySet<string> = new Set([
  ..."exactly equals-ignore-case prefix suffix anything-but exists wildcard numeric cidr".split(" "),
  ..."= < <= > >= regex not-wildcard not-equals-ignore-case date-after date-on-or-after".split(" "),
  ..."date-before date-on-or-before in-date-range ip-address-in-range".split(" "),
  "ip-address-not-in-range",
]);

const comparisons: ReadonlyMap<string, (value: number, bound: number) => boolean> = new Map([
  ["=", (value: number, bound: number) => value === bound],
  ["<", (value: number, bound: number) => value < bound],
  ["<=", (value: number, bound: number) => value <= bound],
  [">", (value: number, bound: number) => value > bound],
  [">=", (value: number, bound: number) => value >= bound],
]);

function passes(test: (value: Scalar) => boolean) {
  return { kind: "passes", passes: test } as const;
}

function textTest(test: (value: string) => boolean): (value: Scalar) => boolean {
  return (value) => typeof value === "string" && test(value);
}

function prefixOf(operator: string, token: Token): { readonly prefix?: string } {
  return operator === "prefix" && token.kind === "string" ? { prefix: token.text } : {};
}

function endTest(operator: "prefix" | "suffix", end: string): (value: string) => boolean {
  return operator === "prefix" ? (value) => value.startsWith(end) : (value) => value.endsWith(end);
}

/** Each character of the pattern matches its upper and its lower form, which may be longer: ß matches SS, not the reverse. */
function ignoringCase(text: string, where: "all" | "prefix" | "suffix"): (value: string) => boolean {
  const characters = Array.from(text, (character) => {
    const forms = new Set([character, character.toLowerCase(), character.toUpperCase()]);
    return `(?:${[...forms].map((form) => form.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("|")})`;
  }).join("");
  const expression = new RegExp(
    `${where === "suffix" ? "" : "^"}${characters}${where === "prefix" ? "" : "$"}`,
  );
  return (value) => expression.test(value);
}

function cidrTest(range: string): (value: Scalar) => boolean {
  const [address = "", mask = "", ...more] = range.split("/");
  if (!range.includes("/") || more.length > 0) throw new PatternError("Malformed CIDR, one '/' required");
  if (!/^-?\d{1,9}$/.test(mask)) throw new PatternError("Malformed CIDR, mask bits must be an integer");
  const bits = Number(mask);
  if (bits < 0) throw new PatternError("Malformed CIDR, mask bits must not be negative");
  const version = isIP(address);
  if (version === 0) throw new PatternError(`Nonstandard IP address: ${address}`);
  const bitsMax = version === 4 ? 32 : 128;
  if (bits >= bitsMax) throw new PatternError(`IPv${version} mask bits must be < ${bitsMax}`);
  const family = version === 4 ? "ipv4" : "ipv6";
  const block = new BlockList();
  block.addSubnet(address, bits, family);
  return (value) => typeof value === "string" && isIP(value) === version && block.check(value, family);
}

function scalarOf(token: Token): Scalar | undefined {
  switch (token.kind) {
    case "string":
      return token.text;
    case "number":
      return numberFrom(token.text);
    case "true":
    case "false":
      return token.kind === "true";
    case "null":
      return null;
    default:
      return undefined;
  }
}

function shown(token: Token): string {
  return "text" in token ? token.text : token.kind;
}
