/**
 * Events as patterns see them: JSON taken apart into fields, each a path and a scalar value. Pure. Source:
 * map-events-observability 1.5.
 *
 * Numbers are equal by value as long as a double holds them exactly (300 is 3.0e2), else by their text. A field inside
 * an array knows which element of which array it was found in: what is matched together must come from the same elements.
 */
import { eventDepthMax } from "../limits.ts";

export type Scalar = string | number | boolean | null | ExactNumber;

/** A number that no double holds exactly, with the text that it had. */
export class ExactNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  /** As it was written. */
  toJSON(): unknown {
    return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(this.text);
  }
}

export function numberFrom(text: string): number | ExactNumber {
  const value = Number(text);
  return decimalOf(text) === decimalOf(String(value)) ? value : new ExactNumber(text);
}

/** JSON with those numbers as `ExactNumber`s that a double does not hold. Throws a SyntaxError. */
export function parseExact(json: string): unknown {
  // A text without long numbers is the rule, and is read several times as fast.
  if (!/[\d.]{16}|[eE][+-]?\d{3}/.test(json)) return JSON.parse(json) as unknown;
  return JSON.parse(json, (_key, value: unknown, context?: { readonly source?: string }) =>
    typeof value === "number" ? numberFrom(context?.source ?? String(value)) : value,
  );
}

/** The same for equal values, and for no others. */
export function valueKey(value: Scalar): string {
  if (typeof value === "string") return `"${value}`;
  if (typeof value === "number") return `#${value === 0 ? 0 : value}`;
  return value instanceof ExactNumber ? `#${value.text}` : String(value);
}

export interface Field {
  readonly value: Scalar;
  /** Innermost array first; undefined: in none. */
  readonly within: Within | undefined;
}

export interface Within {
  /** Of the array, in this event. */
  readonly array: number;
  readonly index: number;
  readonly outer: Within | undefined;
}

/** By path: `detail.state`. */
export type Fields = ReadonlyMap<string, readonly Field[]>;

/** `wants`: whether anybody looks at a path; what is deeper than `eventDepthMax` is seen by nobody. */
export function fieldsOf(event: unknown, wants: (path: string) => boolean = () => true): Fields {
  const fields = new Map<string, Field[]>();
  let arrays = 0;

  function add(path: string, value: unknown, within: Within | undefined, depth: number): void {
    if (depth > eventDepthMax) return;
    if (Array.isArray(value)) {
      const array = arrays++;
      value.forEach((element, index) => add(path, element, { array, index, outer: within }, depth + 1));
      return;
    }
    if (typeof value === "object" && value !== null && !(value instanceof ExactNumber)) {
      for (const key of Object.keys(value)) {
        const below = path === "" ? key : `${path}.${key}`;
        add(below, (value as Record<string, unknown>)[key], within, depth + 1);
      }
      return;
    }
    if (path === "" || !wants(path)) return;
    const field = { value: value as Scalar, within };
    const known = fields.get(path);
    if (known) known.push(field);
    else fields.set(path, [field]);
  }

  if (typeof event === "object" && event !== null && !Array.isArray(event)) add("", event, undefined, 0);
  return fields;
}

/** Sign, digits and exponent without what says nothing: "3.00e2" and "300" are `3e2`. */
function decimalOf(text: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (!match) return text;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  const scale = Number(exponent) - fraction.length + (digits.length - significant.length);
  return `${sign}${significant}e${scale}`;
}
