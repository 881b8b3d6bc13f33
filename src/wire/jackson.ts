/**
 * Why bytes are not JSON, in the words of AWS's parser (Jackson), with the place. Pure; read byte by byte, used only on
 * what the engine's own parser has refused. Sources: two texts are recorded (lambda-map 2.3, map-sqs-sns-s3 2.3), the others
 * are Jackson's own.
 */

/** What Jackson says about bytes that are not JSON, with the place. */
export function jacksonComplaint(bytes: Uint8Array): string {
  const reader = new Reader(bytes);
  try {
    reader.document();
  } catch (error) {
    if (error instanceof Complaint) return `${error.message}\n at ${placeText(bytes, error.offset)}`;
    throw error;
  }
  // Ours accepts all that Jackson does: what is left is bytes that are no UTF-8, inside a string.
  return `Invalid UTF-8\n at ${placeText(bytes, bytes.length)}`;
}

class Complaint extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

const validValues = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

function placeText(bytes: Uint8Array, offset: number): string {
  const before = Buffer.from(bytes.subarray(0, offset)).toString("latin1");
  const lines = before.split("\n");
  const column = (lines.at(-1)?.length ?? 0) + 1;
  return `[Source: REDACTED (\`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION\` disabled); line: ${lines.length}, column: ${column}]`;
}

/** A recursive-descent reader would overflow on deep nesting: open containers are kept in a list. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;
  readonly #open: { readonly kind: "Object" | "Array"; readonly offset: number }[] = [];

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  document(): void {
    this.#space();
    if (this.#at >= this.#bytes.length)
      throw new Complaint("No content to map due to end-of-input", this.#at);
    do this.#valueAndClosers();
    while (this.#open.length > 0);
    this.#space();
    // inferred: that anything after the value is refused.
    if (this.#at < this.#bytes.length) this.#unexpected(`expected a valid value ${validValues}`);
  }

  /** One scalar or the opening of a container, then everything up to the next value. */
  #valueAndClosers(): void {
    const isOpening = this.#value();
    if (isOpening && !this.#closes()) return this.#beforeValue();
    while (this.#open.length > 0) {
      const { kind } = this.#innermost();
      this.#space();
      if (this.#closes()) continue;
      if (this.#char() === undefined) this.#endOfInput();
      if (this.#char() !== ",") this.#unexpected(`was expecting comma to separate ${kind} entries`);
      this.#at += 1;
      this.#space();
      if (this.#char() === undefined) {
        throw new Complaint(`Unexpected end-of-input within/between ${kind} entries`, this.#at);
      }
      return this.#beforeValue();
    }
  }

  /** In an object: the field's name and colon. */
  #beforeValue(): void {
    if (this.#innermost().kind === "Array") return;
    this.#space();
    if (this.#char() === undefined) this.#endOfInput();
    if (this.#char() !== '"') this.#unexpected("was expecting double-quote to start field name");
    this.#string("name");
    this.#space();
    const isEnd = this.#char() === undefined;
    if (!isEnd && this.#char() !== ":")
      this.#unexpected("was expecting a colon to separate field name and value");
    this.#at += 1;
    this.#space();
    if (isEnd || this.#char() === undefined) {
      throw new Complaint("Unexpected end-of-input within/between Object entries", this.#bytes.length);
    }
  }

  /** True when a container has been opened. */
  #value(): boolean {
    this.#space();
    const char = this.#char();
    if (char === undefined) return this.#endOfInput();
    if (char === "{" || char === "[") {
      this.#open.push({ kind: char === "{" ? "Object" : "Array", offset: this.#at });
      this.#at += 1;
      return true;
    }
    if (char === '"') this.#string("string value");
    else if (char === "-" || isDigit(char)) this.#number();
    else if (/[A-Za-z_$\u00c0-\u00ff]/.test(char)) this.#word();
    else
      this.#unexpected("]},".includes(char) ? "expected a value" : `expected a valid value ${validValues}`);
    return false;
  }

  #closes(): boolean {
    this.#space();
    const closer = this.#innermost().kind === "Object" ? "}" : "]";
    if (this.#char() !== closer) return false;
    this.#at += 1;
    this.#open.pop();
    return true;
  }

  #word(): void {
    const start = this.#at;
    while (/[A-Za-z0-9_$\u00c0-\u00ff]/.test(this.#char() ?? "")) this.#at += 1;
    const word = Buffer.from(this.#bytes.subarray(start, this.#at)).toString();
    if (word === "true" || word === "false" || word === "null") return;
    throw new Complaint(`Unrecognized token '${shortened(word)}': was expecting ${validValues}`, this.#at);
  }

  #string(what: "string value" | "name"): void {
    this.#at += 1;
    for (let char = this.#char(); char !== '"'; char = this.#char()) {
      if (char === undefined) {
        const closing = what === "name" ? "closing '\"' for name" : "closing quote for a string value";
        throw new Complaint(`Unexpected end-of-input: was expecting ${closing}`, this.#at);
      }
      if (char < " ") {
        const named = `Illegal unquoted character (${describe(char)})`;
        throw new Complaint(
          `${named}: has to be escaped using backslash to be included in ${what}`,
          this.#at + 1,
        );
      }
      this.#at += 1;
      if (char === "\\") this.#escape();
    }
    this.#at += 1;
  }

  #escape(): void {
    const char = this.#char() ?? "";
    this.#at += 1;
    if (char === "u") {
      for (let digit = 0; digit < 4; digit += 1) {
        if (!/[0-9a-fA-F]/.test(this.#char() ?? "")) {
          this.#unexpected("expected a hex-digit for character escape sequence");
        }
        this.#at += 1;
      }
    } else if (char !== "" && !'"\\/bfnrt'.includes(char)) {
      throw new Complaint(`Unrecognized character escape ${describe(char)}`, this.#at);
    }
  }

  #number(): void {
    if (this.#char() === "-") {
      this.#at += 1;
      this.#requireDigit("expected digit (0-9) to follow minus sign, for valid numeric value");
    }
    if (this.#char() === "0" && isDigit(this.#charAt(this.#at + 1))) {
      throw new Complaint("Invalid numeric value: Leading zeroes not allowed", this.#at + 1);
    }
    this.#digits();
    if (this.#char() === ".") {
      this.#at += 1;
      this.#requireDigit("Decimal point not followed by a digit");
      this.#digits();
    }
    if (this.#char() === "e" || this.#char() === "E") {
      this.#at += 1;
      if (this.#char() === "+" || this.#char() === "-") this.#at += 1;
      this.#requireDigit("Exponent indicator not followed by a digit");
      this.#digits();
    }
  }

  #digits(): void {
    while (isDigit(this.#char())) this.#at += 1;
  }

  #requireDigit(comment: string): void {
    const char = this.#char();
    if (isDigit(char)) return;
    if (char === undefined) throw new Complaint("Unexpected end-of-input within numeric value", this.#at);
    throw new Complaint(`Unexpected character (${describe(char)}) in numeric value: ${comment}`, this.#at);
  }

  #unexpected(comment: string): never {
    const char = this.#char();
    if (char === undefined) return this.#endOfInput();
    throw new Complaint(`Unexpected character (${describe(char)}): ${comment}`, this.#at);
  }

  #endOfInput(): never {
    const { kind, offset } = this.#innermost();
    const start = placeText(this.#bytes, offset);
    throw new Complaint(
      `Unexpected end-of-input: expected close marker for ${kind} (start marker at ${start})`,
      this.#at,
    );
  }

  #innermost(): { readonly kind: "Object" | "Array" | "Root"; readonly offset: number } {
    return this.#open.at(-1) ?? { kind: "Root", offset: 0 };
  }

  #space(): void {
    while (" \t\r\n".includes(this.#char() ?? "x")) this.#at += 1;
  }

  /** Bytes as Latin-1, as Jackson names them. */
  #char(): string | undefined {
    return this.#charAt(this.#at);
  }

  #charAt(offset: number): string | undefined {
    const byte = this.#bytes[offset];
    return byte === undefined ? undefined : String.fromCharCode(byte);
  }
}

function isDigit(char: string | undefined): boolean {
  return char !== undefined && char >= "0" && char <= "9";
}

/** `'}' (code 125)`, `(CTRL-CHAR, code 10)`. */
function describe(char: string): string {
  const code = char.charCodeAt(0);
  const isControl = code < 32 || (code >= 127 && code < 160);
  return isControl ? `(CTRL-CHAR, code ${code})` : `'${char}' (code ${code})`;
}

function shortened(word: string): string {
  return word.length > 256 ? `${word.slice(0, 256)}...` : word;
}
