/**
 * Checks an operation's input against its model, and words what it finds as AWS does (lambda-map 2.1).
 *
 * Each structure is compiled once, on first use, into the list of its members that can be wrong; most inputs then pass a
 * few comparisons and one regular expression. A value has *rules* (`validate-rules.ts`), reported under its member's
 * path; structures inside it are *descended* into and have paths of their own. Which error code the message goes under
 * is the service's to say, and so is every rule that the model does not have.
 */
import { violationsMax, violationValueLengthMax } from "../limits.ts";
import { javaText, lowerCamel } from "./java-text.ts";
import type { Member, Operation, Shape } from "./model.ts";
import { perShape } from "./per-shape.ts";
import type { Structure } from "./protocol.ts";
import { notNull, type Rule, rulesOf } from "./validate-rules.ts";

export interface Violation {
  /** `destinationConfig.onFailure.destination`, `tags.1.member.key`. */
  readonly path: string;
  /** As the message prints it: `'900'`, `null`; empty where the value is sensitive. */
  readonly value: string;
  /** "Member must not be null". */
  readonly constraint: string;
}

/**
 * Everything that is wrong with `input`, about `violationsMax` at most; empty if nothing is. Values must have the types
 * that the model says (codecs see to that); a value of another type is not looked at.
 */
export function validate(operation: Operation, input: Structure): readonly Violation[] {
  const found: Violation[] = [];
  checkStructure(operation.input, input, found);
  return found;
}

/** "2 validation errors detected: …; …"; undefined if there are no violations. */
export function validationMessage(violations: readonly Violation[]): string | undefined {
  if (violations.length === 0) return undefined;
  const noun = violations.length === 1 ? "error" : "errors";
  return `${violations.length} validation ${noun} detected: ${violations.map(violationText).join("; ")}`;
}

/** "Value '3' at 'x' failed to satisfy constraint: …", as it stands in the message. */
export function violationText({ path, value, constraint }: Violation): string {
  // inferred from Cognito's "Value at 'password' failed …": what is sensitive is left out, quotes and all
  const shown = value === "" ? "Value" : `Value ${value}`;
  return `${shown} at '${path}' failed to satisfy constraint: ${constraint}`;
}

/** A member that can be wrong. */
interface Field {
  readonly name: string;
  readonly path: string;
  readonly required: boolean;
  readonly shape: Shape;
  readonly rules: readonly Rule[];
  readonly descend: Descend | undefined;
}

/** Checks the structures inside a value; the paths it reports begin below the value. */
type Descend = (value: object, found: Violation[]) => void;

function checkStructure(shape: Shape, structure: object, found: Violation[]): void {
  for (const field of fieldsOf(shape)) {
    if (found.length >= violationsMax) return;
    const value = (structure as Structure)[field.name];
    if (value === undefined || value === null) {
      if (field.required) found.push({ path: field.path, value: "null", constraint: notNull });
      continue;
    }
    for (const rule of field.rules)
      if (rule.breaks(value))
        found.push({ path: field.path, value: valueText(field.shape, value), constraint: rule.text });
    if (field.descend !== undefined) descendInto(field.path, value, field.descend, found);
  }
}

function descendInto(path: string, value: unknown, descend: Descend, found: Violation[]): void {
  if (typeof value !== "object" || value === null) return;
  const from = found.length;
  descend(value, found);
  for (const [offset, violation] of found.slice(from).entries())
    found[from + offset] = { ...violation, path: `${path}.${violation.path}` };
}

function valueText(shape: Shape, value: unknown): string {
  return shape.traits.sensitive === true ? "" : `'${javaText(shape, value, violationValueLengthMax)}'`;
}

const fieldsOf = perShape((shape): readonly Field[] =>
  inReportedOrder(shape.members)
    .map(fieldOf)
    .filter(({ required, rules, descend }) => required || rules.length > 0 || descend !== undefined),
);

/** A wrong qualifier is reported before a wrong function name (recorded); inferred: the rest in the model's order. */
function inReportedOrder(members: readonly Member[]): readonly Member[] {
  const isFirst = (member: Member): boolean => member.name === "Qualifier";
  return [...members.filter(isFirst), ...members.filter((member) => !isFirst(member))];
}

function fieldOf(member: Member): Field {
  const { name, required, shape } = member;
  return { name, path: lowerCamel(name), required, shape, rules: rulesOf(member), descend: descendOf(shape) };
}

/** Structures inside lists have paths like `tags.1.member.key`, inside maps `requestItems.users.member.keys`. */
function descendOf(shape: Shape): Descend | undefined {
  switch (shape.kind) {
    case "structure":
    case "union":
      return (value, found) => checkStructure(shape, value, found);
    case "list":
    case "map": {
      const descend = shape.element === undefined ? undefined : descendOf(shape.element.shape);
      if (descend === undefined) return undefined;
      return (value, found) => {
        for (const [key, item] of Object.entries(value)) {
          if (found.length >= violationsMax) return;
          const segment = shape.kind === "list" ? Number(key) + 1 : key;
          descendInto(`${segment}.member`, item, descend, found);
        }
      };
    }
    default:
      return undefined;
  }
}
