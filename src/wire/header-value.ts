/**
 * Header values of HTTP-bound members: scalars, and lists joined by commas.
 *
 * Texts with commas or quotes are quoted in lists; media-typed texts (JSON in a header) travel in base64. What is written
 * can never end a header line, whatever a service puts in.
 */
import type { Member } from "./model.ts";
import { serializationError } from "./serialization.ts";
import { plainText, textReader, textWriter, type TextReader, type TextWriter } from "./text-value.ts";
import { timestampFormatOf } from "./timestamp.ts";
import { elementOf } from "./value-reader.ts";

export function headerReader(member: Member): TextReader {
  const shape = member.shape;
  if (shape.kind === "string" && isMediaTyped(member)) {
    return (text) => Buffer.from(text, "base64").toString("utf8");
  }
  if (shape.kind !== "list") return textReader(member);
  const element = elementOf(shape);
  const read = textReader(element);
  if (element.shape.kind === "timestamp" && timestampFormatOf(element, "http-date") === "http-date") {
    return (text) => splitHttpDates(text).map(read);
  }
  return (text) => splitList(text).map(read);
}

export function headerWriter(member: Member): TextWriter {
  const shape = member.shape;
  if (shape.kind === "list") {
    const element = elementOf(shape);
    const write = textWriter(element, "http-date");
    const isText = element.shape.kind === "string";
    return (value) =>
      (value as readonly unknown[])
        .map((item) => (isText ? quoted(headerText(plainText(item))) : write(item)))
        .join(", ");
  }
  if (shape.kind !== "string") return textWriter(member, "http-date");
  if (isMediaTyped(member)) return (value) => Buffer.from(plainText(value)).toString("base64");
  return (value) => headerText(plainText(value));
}

/** No control characters; beyond Latin-1 the bytes of UTF-8, as Node writes one byte per character. */
export function headerText(text: string): string {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f || code > 0xff) return cleaned(text);
  }
  return text;
}

function cleaned(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what this is about
  return Buffer.from(text.replaceAll(/[\u0000-\u0008\u000A-\u001F\u007F]/g, " "), "utf8").toString("latin1");
}

function isMediaTyped(member: Member): boolean {
  return (member.traits.mediaType ?? member.shape.traits.mediaType) !== undefined;
}

function quoted(text: string): string {
  if (!text.includes(",") && !text.includes('"')) return text;
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** `a, "b,c", "say \"x\""`. An empty header is an empty list. */
function splitList(text: string): string[] {
  if (text === "") return [];
  if (!text.includes('"')) return text.split(",").map((item) => item.trim());
  const items: string[] = [];
  let at = 0;
  while (at <= text.length) {
    while (text.charAt(at) === " ") at++;
    if (text.charAt(at) === '"') {
      const { item, end } = quotedItem(text, at + 1);
      items.push(item);
      at = nextComma(text, end);
    } else {
      const end = nextComma(text, at);
      items.push(text.slice(at, end).trim());
      at = end;
    }
    at++;
  }
  return items;
}

function quotedItem(text: string, start: number): { item: string; end: number } {
  let item = "";
  for (let i = start; i < text.length; i++) {
    const character = text.charAt(i);
    if (character === '"') return { item, end: i + 1 };
    item += character === "\\" ? text.charAt(++i) : character;
  }
  throw serializationError("A quoted header value does not end");
}

function nextComma(text: string, from: number): number {
  const comma = text.indexOf(",", from);
  return comma < 0 ? text.length : comma;
}

/** Each date has one comma of its own. */
function splitHttpDates(text: string): string[] {
  if (text === "") return [];
  const parts = text.split(",");
  const dates: string[] = [];
  for (let i = 0; i < parts.length; i += 2) dates.push(`${parts[i]},${parts[i + 1] ?? ""}`.trim());
  return dates;
}
