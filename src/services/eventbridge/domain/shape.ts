/**
 * What a target is sent of an event: all of it, a constant, a part, or a template with parts filled in. Pure. Source:
 * map-events-observability 1.6, recorded but where said.
 */
import { DeliveryFailure } from "../../../events/delivery-verdict.ts";
import { parseExact } from "../../../events/event-value.ts";
import { targetInputBytesMax } from "../../../limits.ts";
import { parsePath, valueAt } from "./json-path.ts";

export type Shape =
  | { readonly kind: "event" }
  | { readonly kind: "constant"; readonly text: string }
  | { readonly kind: "path"; readonly path: string }
  | {
      readonly kind: "template";
      readonly template: string;
      /** By variable. */
      readonly paths: Readonly<Record<string, string>>;
    };

export interface Occasion {
  /** As it is stored. */
  readonly event: string;
  readonly ingestedAtMs: number;
  readonly ruleArn: string;
  readonly ruleName: string;
}

/** The template gives no JSON with this event: nothing can be delivered. */
export class ShapeError extends DeliveryFailure {
  override name = "ShapeError";
  constructor(message: string, options?: ErrorOptions) {
    super({ code: "INVALID_JSON", message, isRetriable: false }, options);
  }
}

export function shaped(shape: Shape, occasion: Occasion): string {
  switch (shape.kind) {
    case "event":
      return occasion.event;
    case "constant":
      return shape.text;
    case "path":
      if (shape.path === "$") return occasion.event;
      // inferred: null for what is not there
      return JSON.stringify(valueAt(parseExact(occasion.event), parsePath(shape.path) ?? []) ?? null);
    case "template":
      return filled(shape.template, valuesFor(shape.paths, occasion));
  }
}

/** Variables of a template, the reserved ones left out. */
export function placeholders(template: string): readonly string[] {
  const names = [...template.matchAll(placeholder)].map(([, name = ""]) => name);
  return names.filter((name) => !name.startsWith("aws."));
}

const placeholder = /<([A-Za-z0-9_.-]+)>/g;

/** Undefined: it is not in the event. `raw`: JSON text that is put in as it is. */
type Value = { readonly value: unknown } | { readonly raw: string } | undefined;

function valuesFor(
  paths: Readonly<Record<string, string>>,
  { event, ingestedAtMs, ruleArn, ruleName }: Occasion,
): (name: string) => Value {
  const parsed = parseExact(event) as Readonly<Record<string, unknown>>;
  const ingestedAt = new Date(ingestedAtMs).toISOString();
  const reserved: Readonly<Record<string, () => Value>> = {
    "aws.events.rule-arn": () => ({ value: ruleArn }),
    "aws.events.rule-name": () => ({ value: ruleName }),
    "aws.events.event.ingestion-time": () => ({ value: ingestedAt }),
    "aws.events.event.json": () => ({ raw: event }),
    "aws.events.event": () => {
      const { id, account, source, region, resources, version, "detail-type": detailType } = parsed;
      return { value: { id, account, detailType, time: ingestedAt, source, region, resources, version } };
    },
  };
  return (name) => {
    if (name.startsWith("aws.")) return Object.hasOwn(reserved, name) ? reserved[name]?.() : undefined;
    const path = Object.hasOwn(paths, name) ? parsePath(paths[name] ?? "") : undefined;
    const value = path && valueAt(parsed, path);
    return value === undefined ? undefined : { value };
  };
}

/** A template is JSON with placeholders, or quoted strings, one a line. */
function filled(template: string, valueOf: (name: string) => Value): string {
  const lines = template.split(/\r?\n/).map((line) => line.trim());
  const isStrings = lines.every((line) => line === "" || /^".*"$/.test(line));
  const text = fillIn(template, valueOf, isStrings);
  if (isStrings && lines.length > 1) return text;
  try {
    JSON.parse(text);
  } catch (cause) {
    throw new ShapeError("the input transformer's output is not valid JSON", { cause });
  }
  return text;
}

/** Keeps track of whether a placeholder stands inside a string: there values lose their quotes. */
function fillIn(template: string, valueOf: (name: string) => Value, isStrings: boolean): string {
  let isInString = false;
  let length = 0;
  const bounded = (text: string) => {
    length += text.length;
    if (length <= targetInputBytesMax) return text;
    throw new ShapeError(`the input transformer's output has more than ${targetInputBytesMax} bytes`);
  };
  return template.replace(/\\.|"|<([A-Za-z0-9_.-]+)>/gs, (part, name: string | undefined) => {
    if (part === '"') isInString = !isInString;
    if (name === undefined) return part;
    const value = valueOf(name);
    if (!isInString) return bounded(jsonOf(value));
    // Recorded: a list within quotes within JSON makes that nothing is delivered.
    if (!isStrings && value && "value" in value && typeof value.value === "object" && value.value !== null) {
      throw new ShapeError(`<${name}> is no text, and stands within quotes`);
    }
    return bounded(textOf(value));
  });
}

function jsonOf(value: Value): string {
  if (!value) return '""';
  return "raw" in value ? value.raw : JSON.stringify(value.value);
}

/** Strings as they are, without escaping: what has quotes in it breaks the JSON (recorded). */
function textOf(value: Value): string {
  if (!value) return "";
  if ("raw" in value) return value.raw.replaceAll('"', "");
  return typeof value.value === "string" ? value.value : JSON.stringify(value.value).replaceAll('"', "");
}
