/**
 * Universal targets: `arn:aws:scheduler:::aws-sdk:<service>:<apiAction>`, with the request as JSON, its members in
 * PascalCase whatever the API calls them. Pure. Source: map-events-observability 2.
 */
import type { Operation, ServiceModel, Shape } from "../../../wire/model.ts";

export interface UniversalName {
  /** "sqs", "cloudwatchlogs": the SDK's, in one word. */
  readonly service: string;
  /** "sendMessage". */
  readonly action: string;
}

export function universalOf(arn: string): UniversalName | undefined {
  const match = /^arn:aws[a-z-]*:scheduler:::aws-sdk:([a-z0-9-]+):([A-Za-z0-9]+)$/.exec(arn);
  return match ? { service: match[1] ?? "", action: match[2] ?? "" } : undefined;
}

/** What only reads is of no use in a schedule. Source: Scheduler's user guide, "Unsupported API operations". */
export function onlyReads({ action }: UniversalName): boolean {
  return /^(get|describe|list|poll|receive|search|scan|query|select|read|lookup|discover|validate|batchGet|batchDescribe|batchRead|transactGet|adminGet|adminList|retrieve|test)/.test(
    action,
  );
}

export function operationOf(model: ServiceModel, { action }: UniversalName): Operation | undefined {
  return model.operations.get(action.charAt(0).toUpperCase() + action.slice(1));
}

/** Required members that the request does not have. */
export function missingMembers(
  { input }: Operation,
  request: Readonly<Record<string, unknown>>,
): readonly string[] {
  const given = new Set(Object.keys(request).map((name) => name.toLowerCase()));
  return input.members
    .filter(({ name, required }) => required && !given.has(name.toLowerCase()))
    .map(({ name }) => pascal(name));
}

/** The request as a handler takes it: names as in the model, bytes and times of their types. */
export function inputOf(
  { input }: Operation,
  request: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return structureFrom(input, request);
}

function structureFrom(shape: Shape, value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const byName = new Map(shape.members.map((member) => [member.name.toLowerCase(), member]));
  return Object.fromEntries(
    Object.entries(value).map(([name, below]) => {
      const member = byName.get(name.toLowerCase());
      return member ? [member.name, valueFrom(member.shape, below)] : [name, below];
    }),
  );
}

function valueFrom(shape: Shape, value: unknown): unknown {
  const { element } = shape;
  switch (shape.kind) {
    case "structure":
    case "union":
      return isObject(value) ? structureFrom(shape, value) : value;
    case "list":
      return Array.isArray(value) && element ? value.map((each) => valueFrom(element.shape, each)) : value;
    case "map":
      if (!isObject(value) || !element) return value;
      return Object.fromEntries(
        Object.entries(value).map(([key, each]) => [key, valueFrom(element.shape, each)]),
      );
    case "blob":
      return typeof value === "string" ? Buffer.from(value) : Buffer.from(JSON.stringify(value));
    case "timestamp":
      return new Date(typeof value === "number" ? value * 1000 : String(value));
    default:
      return value;
  }
}

function pascal(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
