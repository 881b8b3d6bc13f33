/**
 * Timestamps in their three wire formats, to and from `Date`.
 *
 * Readers accept any of the formats wherever text is given, as AWS does, and answer undefined for anything else. They
 * never fall back on `Date.parse`, which accepts far more than AWS.
 */
import type { Member, TimestampFormat } from "./model.ts";

/** The member's format, else its shape's, else the place's. */
export function timestampFormatOf(member: Member, fallback: TimestampFormat): TimestampFormat {
  return member.traits.timestampFormat ?? member.shape.traits.timestampFormat ?? fallback;
}

export function parseTimestamp(text: string): Date | undefined {
  const dateTime = dateTimePattern.exec(text);
  if (dateTime) return fromDateTime(dateTime);
  if (epochPattern.test(text)) return dateOf(Number(text) * 1000);
  const httpDate = httpDatePattern.exec(text);
  return httpDate ? fromHttpDate(httpDate) : undefined;
}

/** A valid `Date` with whole milliseconds, or undefined where it is outside the calendar. */
export function dateOf(epochMs: number): Date | undefined {
  const date = new Date(Math.round(epochMs));
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** `hasMilliseconds`: of a date-time also where they are zero. */
export function formatTimestamp(date: Date, format: TimestampFormat, hasMilliseconds = false): string {
  switch (format) {
    case "epoch-seconds":
      return String(date.getTime() / 1000);
    case "http-date":
      return date.toUTCString();
    case "date-time": {
      const text = date.toISOString();
      return text.endsWith(".000Z") && !hasMilliseconds ? `${text.slice(0, -5)}Z` : text;
    }
  }
}

const dateTimePattern =
  /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):?(\d\d))$/i;
const epochPattern = /^-?\d{1,16}(?:\.\d{1,9})?(?:E[+-]?\d{1,2})?$/i;
const httpDatePattern =
  /^[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))? GMT$/;
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function fromDateTime(match: RegExpExecArray): Date | undefined {
  const [, year, month, day, hour, minute, second, fraction, sign, offsetHours, offsetMinutes] = match;
  const date = fromParts([year, Number(month) - 1, day, hour, minute, second], fraction);
  if (!date || !sign) return date;
  const offsetMs = (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60_000;
  return dateOf(date.getTime() - (sign === "-" ? -offsetMs : offsetMs));
}

function fromHttpDate(match: RegExpExecArray): Date | undefined {
  const [, day, month = "", year, hour, minute, second, fraction] = match;
  return fromParts([year, months.indexOf(month), day, hour, minute, second], fraction);
}

type Part = string | number | undefined;

/** Refuses parts that overflow (31 February, 25 o'clock): they would silently become another time. */
function fromParts(parts: readonly Part[], fraction: string | undefined): Date | undefined {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.map(Number);
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const midnight = new Date(0);
  midnight.setUTCFullYear(year, month, day);
  if (midnight.getUTCMonth() !== month || midnight.getUTCDate() !== day) return undefined;
  const fractionMs = fraction ? Number(`0.${fraction}`) * 1000 : 0;
  return dateOf(midnight.getTime() + ((hour * 60 + minute) * 60 + second) * 1000 + fractionMs);
}
