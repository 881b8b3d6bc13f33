/**
 * JSON as a stream of tokens, with the words that AWS's reader (Jackson) has for what is no JSON. Event patterns are read
 * with it and not with `JSON.parse`, because errors about a pattern say where it stops being one, and because the last of
 * two equal keys wins by its place. Pure; for texts of some KB.
 */
export type Token =
  | { readonly kind: "{" | "}" | "[" | "]" | "end" }
  /** A field's name. */
  | { readonly kind: "name"; readonly text: string }
  | { readonly kind: "string"; readonly text: string }
  | { readonly kind: "number"; readonly text: string }
  | { readonly kind: "true" | "false" | "null" };

/** `reason` as AWS gives it, with or without its place. */
export class PatternError extends Error {
  override name = "PatternError";
}

interface Open {
  readonly isObject: boolean;
  readonly at: string;
  count: number;
}

const anyValue = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

export class Tokens {
  readonly #text: string;
  #at = 0;
  readonly #open: Open[] = [];
  /** A name was read: its colon and value come. */
  #isValueNext = true;

  constructor(text: string) {
    this.#text = text;
  }

  /** `reason`, and where the reader is. */
  error(reason: string): PatternError {
    return new PatternError(`${reason}\n at ${this.#place()}`);
  }

  next(): Token {
    this.#skipSpace();
    const open = this.#open.at(-1);
    if (!this.#peek()) return this.#ended(open);
    if (!open) return this.#value();
    if (this.#isValueNext) {
      this.#isValueNext = false;
      return this.#value();
    }
    const close = open.isObject ? "}" : "]";
    if (this.#peek() === close) {
      this.#at += 1;
      this.#open.pop();
      return { kind: close };
    }
    if (open.count > 0) this.#take(",", `comma to separate ${open.isObject ? "Object" : "Array"} entries`);
    this.#skipSpace();
    if (!this.#peek()) return this.#ended(open);
    open.count += 1;
    return open.isObject ? this.#name() : this.#value();
  }

  #name(): Token {
    if (this.#peek() !== '"') throw this.#unexpected("was expecting double-quote to start field name");
    const text = this.#string();
    this.#skipSpace();
    this.#take(":", "colon to separate field name and value");
    this.#isValueNext = true;
    return { kind: "name", text };
  }

  #value(): Token {
    const char = this.#peek();
    switch (char) {
      case "{":
      case "[":
        this.#open.push({ isObject: char === "{", at: this.#place(), count: 0 });
        this.#isValueNext = false;
        this.#at += 1;
        return { kind: char };
      case '"':
        return { kind: "string", text: this.#string() };
      default:
        return this.#word();
    }
  }

  #word(): Token {
    const rest = this.#text.slice(this.#at);
    const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])/.exec(rest)?.[0];
    if (number !== undefined) {
      this.#at += number.length;
      return { kind: "number", text: number };
    }
    const word = /^[\w$]+/.exec(rest)?.[0];
    if (word === undefined) throw this.#unexpected(`expected a valid value ${anyValue}`);
    this.#at += word.length;
    if (word === "true" || word === "false" || word === "null") return { kind: word };
    throw this.error(`Unrecognized token '${word}': was expecting ${anyValue}`);
  }

  #string(): string {
    const source = /^"(?:[^"\\\n]|\\.)*"/.exec(this.#text.slice(this.#at))?.[0];
    if (source === undefined) {
      this.#at = this.#text.length;
      throw this.error("Unexpected end-of-input: was expecting closing quote for a string value");
    }
    this.#at += source.length;
    try {
      return JSON.parse(source) as string;
    } catch (cause) {
      // inferred: Jackson has several texts for wrong escapes and control characters
      throw this.error(`Illegal character in string: ${(cause as Error).name}`);
    }
  }

  #take(char: string, name: string): void {
    if (this.#peek() !== char) throw this.#unexpected(`was expecting a ${name}`.replace("a comma", "comma"));
    this.#at += 1;
  }

  #ended(open: Open | undefined): Token {
    if (!open) return { kind: "end" };
    const name = open.isObject ? "Object" : "Array";
    throw this.error(
      `Unexpected end-of-input: expected close marker for ${name} (start marker at ${open.at})`,
    );
  }

  #unexpected(expected: string): PatternError {
    const char = this.#peek();
    if (!char) return this.error(`Unexpected end-of-input: ${expected}`);
    this.#at += 1;
    return this.error(`Unexpected character ('${char}' (code ${char.codePointAt(0)})): ${expected}`);
  }

  #peek(): string {
    return this.#text.charAt(this.#at);
  }

  #skipSpace(): void {
    while (" \t\r\n".includes(this.#peek()) && this.#at < this.#text.length) this.#at += 1;
  }

  #place(): string {
    const before = this.#text.slice(0, this.#at).split("\n");
    const column = (before.at(-1)?.length ?? 0) + 1;
    return `[Source: (String)"${this.#text}"; line: ${before.length}, column: ${column}]`;
  }
}
