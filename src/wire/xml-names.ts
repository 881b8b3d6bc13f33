/** Names of XML elements by the model: also of form fields, which follow the same traits. */
import type { Member, Shape } from "./model.ts";
import { elementOf } from "./value-reader.ts";

export function xmlNameOf(member: Member): string {
  return member.traits.xmlName ?? member.name;
}

export function itemNameOf(shape: Shape): string {
  return elementOf(shape).traits.xmlName ?? "member";
}

export function keyNameOf(shape: Shape): string {
  return shape.key?.traits.xmlName ?? "key";
}

export function valueNameOf(shape: Shape): string {
  return elementOf(shape).traits.xmlName ?? "value";
}

/** Root of a body: the payload member's name, else the shape's own. */
export function rootNameOf(shape: Shape, member?: Member): string {
  return member?.traits.xmlName ?? shape.traits.xmlName ?? shape.name;
}

/** Members that are attributes of their structure's element, and members that are elements in it. */
export function attributesAndElements(shape: Shape): [attributes: Member[], elements: Member[]] {
  const isAttribute = (member: Member): boolean => member.traits.xmlAttribute === true;
  return [shape.members.filter((m) => isAttribute(m)), shape.members.filter((m) => !isAttribute(m))];
}
