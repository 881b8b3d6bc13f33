/**
 * XML text to a tree of elements, and back to escaped text: the part of XML that AWS's protocols use.
 *
 * One pass with an index, no regular expressions over the input. Document types are refused, so there is no entity to
 * expand but the five predefined ones and character references; depth and number of elements are bounded. Throws nothing
 * but "SerializationException". Namespaces are not resolved: `localName` cuts the prefix, as AWS's readers do.
 */
import { documentDepthMax, documentNodesMax } from "../limits.ts";
import { serializationError } from "./serialization.ts";
import { tooDeep } from "./value-reader.ts";

export interface XmlElement {
  /** As written, with prefix. */
  readonly name: string;
  readonly localName: string;
  /** By their names as written: "xsi:type". */
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** Character content of this element alone, decoded, in order. */
  readonly text: string;
}

/** The root element. */
export function parseXml(source: string): XmlElement {
  return new Parser(source).document();
}

export function escapeText(text: string): string {
  return escape(text, false);
}

export function escapeAttribute(text: string): string {
  return escape(text, true);
}

/** After the prefix: "xsi:type" gives "type". */
export function localNameOf(name: string): string {
  const colon = name.indexOf(":");
  return colon < 0 ? name : name.slice(colon + 1);
}

interface OpenElement extends XmlElement {
  readonly attributes: Map<string, string>;
  readonly children: XmlElement[];
  text: string;
}

class Parser {
  readonly #source: string;
  #at = 0;
  #nodes = 0;

  constructor(source: string) {
    this.#source = source;
  }

  document(): XmlElement {
    if (this.#source.charCodeAt(0) === 0xfeff) this.#at = 1;
    this.#aroundRoot();
    if (this.#source.charAt(this.#at) !== "<") throw malformed("no root element");
    const root = this.#tree();
    this.#aroundRoot();
    if (this.#at !== this.#source.length) throw malformed("content after the root element");
    return root;
  }

  /** Iterative: the caller's nesting never reaches our stack. */
  #tree(): XmlElement {
    const open: OpenElement[] = [];
    for (;;) {
      const parent = open.at(-1);
      if (parent) this.#content(parent);
      if (this.#source.startsWith("</", this.#at)) {
        const closed = open.pop();
        if (!closed) throw malformed("an end tag without its start");
        this.#endTag(closed.name);
        const outer = open.at(-1);
        if (!outer) return closed;
        continue;
      }
      const { element, isEmpty } = this.#startTag();
      parent?.children.push(element);
      if (!isEmpty) {
        open.push(element);
        if (open.length > documentDepthMax) throw tooDeep();
      } else if (!parent) return element;
    }
  }

  /** Text, comments, CDATA and processing instructions up to the next tag. */
  #content(element: OpenElement): void {
    for (;;) {
      const tag = this.#find("<", "an element that does not end");
      if (tag > this.#at) element.text += decodeText(this.#source.slice(this.#at, tag));
      this.#at = tag;
      if (this.#source.startsWith("<![CDATA[", tag)) {
        const end = this.#find("]]>", "a CDATA section that does not end");
        element.text += this.#source.slice(tag + 9, end);
        this.#at = end + 3;
      } else if (!this.#skipComment()) return;
    }
  }

  /** White space, comments and processing instructions around the root. */
  #aroundRoot(): void {
    do this.#space();
    while (this.#skipComment());
  }

  #skipComment(): boolean {
    if (this.#source.startsWith("<!--", this.#at)) {
      this.#at += 4;
      this.#at = this.#find("-->", "a comment that does not end") + 3;
      return true;
    }
    if (this.#source.startsWith("<?", this.#at)) {
      this.#at = this.#find("?>", "a processing instruction that does not end") + 2;
      return true;
    }
    if (this.#source.startsWith("<!", this.#at) && !this.#source.startsWith("<![CDATA[", this.#at)) {
      throw malformed("document types are not allowed");
    }
    return false;
  }

  #startTag(): { element: OpenElement; isEmpty: boolean } {
    if (++this.#nodes > documentNodesMax) throw malformed("too many elements");
    this.#expect("<");
    const name = this.#name();
    const element: OpenElement = {
      name,
      localName: localNameOf(name),
      attributes: new Map(),
      children: [],
      text: "",
    };
    for (;;) {
      const hasSpace = this.#space();
      if (this.#skip("/>")) return { element, isEmpty: true };
      if (this.#skip(">")) return { element, isEmpty: false };
      if (!hasSpace) throw malformed("a bad start tag");
      this.#attribute(element.attributes);
    }
  }

  #attribute(attributes: Map<string, string>): void {
    if (++this.#nodes > documentNodesMax) throw malformed("too many attributes");
    const name = this.#name();
    this.#space();
    this.#expect("=");
    this.#space();
    const quote = this.#source.charAt(this.#at);
    if (quote !== '"' && quote !== "'") throw malformed("an attribute without quotes");
    this.#at++;
    const end = this.#find(quote, "an attribute that does not end");
    const raw = this.#source.slice(this.#at, end);
    if (raw.includes("<") || attributes.has(name)) throw malformed("a bad attribute");
    attributes.set(name, decodeText(raw));
    this.#at = end + 1;
  }

  #endTag(name: string): void {
    this.#expect("</");
    if (this.#name() !== name) throw malformed("an end tag that does not match its start");
    this.#space();
    this.#expect(">");
  }

  #name(): string {
    const start = this.#at;
    while (isNameCode(this.#source.charCodeAt(this.#at))) this.#at++;
    if (this.#at === start) throw malformed("a bad name");
    return this.#source.slice(start, this.#at);
  }

  #space(): boolean {
    const start = this.#at;
    while (isSpaceCode(this.#source.charCodeAt(this.#at))) this.#at++;
    return this.#at > start;
  }

  #skip(token: string): boolean {
    if (!this.#source.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #expect(token: string): void {
    if (!this.#skip(token)) throw malformed(`"${token}" is missing`);
  }

  #find(token: string, otherwise: string): number {
    const found = this.#source.indexOf(token, this.#at);
    if (found < 0) throw malformed(otherwise);
    return found;
  }
}

function malformed(why: string): Error {
  return serializationError(`The XML body is malformed: ${why}`); // inferred: AWS's words differ by service
}

function isSpaceCode(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** Letters, digits, "-", ".", ":", "_" and everything beyond ASCII. */
function isNameCode(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x2d && code <= 0x3a && code !== 0x2f) ||
    code === 0x5f ||
    code >= 0x80
  );
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function decodeText(raw: string): string {
  let ampersand = raw.indexOf("&");
  const text = raw.includes("\r") ? raw.replaceAll("\r\n", "\n").replaceAll("\r", "\n") : raw;
  if (ampersand < 0) return text;
  ampersand = text.indexOf("&");
  let decoded = "";
  let at = 0;
  while (ampersand >= 0) {
    const end = text.indexOf(";", ampersand);
    if (end < 0) throw malformed("a bare &");
    decoded += text.slice(at, ampersand) + entityText(text.slice(ampersand + 1, end));
    at = end + 1;
    ampersand = text.indexOf("&", at);
  }
  return decoded + text.slice(at);
}

function entityText(entity: string): string {
  const predefined = Object.hasOwn(entities, entity) ? entities[entity] : undefined;
  if (predefined !== undefined) return predefined;
  const digits = entity.startsWith("#x") ? `0x${entity.slice(2)}` : entity.slice(1);
  const code = entity.startsWith("#") && entity.length <= 9 && digits !== "" ? Number(digits) : Number.NaN;
  const isCharacter =
    Number.isInteger(code) && code > 0 && code <= 0x10_ffff && (code < 0xd800 || code > 0xdfff);
  if (!isCharacter) throw malformed("an unknown entity");
  return String.fromCodePoint(code);
}

/** Characters that XML 1.0 cannot hold become U+FFFD; carriage returns survive as references. */
function escape(text: string, isAttribute: boolean): string {
  let escaped = "";
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const replacement = code <= 0x3e || code >= 0xfffe ? replacementOf(code, isAttribute) : undefined;
    if (replacement === undefined) continue;
    escaped += text.slice(from, i) + replacement;
    from = i + 1;
  }
  return from === 0 ? text : escaped + text.slice(from);
}

function replacementOf(code: number, isAttribute: boolean): string | undefined {
  switch (code) {
    case 0x26:
      return "&amp;";
    case 0x3c:
      return "&lt;";
    case 0x3e:
      return "&gt;";
    case 0x22:
      return "&quot;";
    case 0x0d:
      return "&#xD;";
    case 0x09:
      return isAttribute ? "&#x9;" : undefined;
    case 0x0a:
      return isAttribute ? "&#xA;" : undefined;
    default:
      return code < 0x20 || code >= 0xfffe ? "\uFFFD" : undefined;
  }
}
