/**
 * Structures of the model as XML text: the bodies of restXml, and the responses of awsQuery and ec2Query, which are the
 * same XML.
 *
 * Writers are compiled per shape on first use. Every text and attribute is escaped here and nowhere else; names come
 * from the model and are not.
 */
import type { Member, Shape } from "./model.ts";
import { perShape } from "./per-shape.ts";
import type { Structure } from "./protocol.ts";
import { textWriter } from "./text-value.ts";
import { elementOf } from "./value-reader.ts";
import { attributesAndElements, itemNameOf, keyNameOf, valueNameOf, xmlNameOf } from "./xml-names.ts";
import { escapeAttribute, escapeText } from "./xml.ts";

type ElementWriter = (value: unknown) => string;

interface StructureWriter {
  /** Child elements. */
  readonly content: (structure: Structure) => string;
  /** ` a="b"` for members that are attributes. */
  readonly attributes: (structure: Structure) => string;
}

/** `<name …>members</name>`; `namespace` is used where the shape has none of its own. */
export function writeXmlElement(
  shape: Shape,
  value: Structure,
  { name, namespace }: { readonly name: string; readonly namespace?: string | undefined },
): string {
  const writer = structureWriter(shape);
  const xmlns = namespaceText(shape.traits.xmlNamespace ?? (namespace ? ["", namespace] : undefined));
  return `<${name}${xmlns}${writer.attributes(value)}>${writer.content(value)}</${name}>`;
}

/** The members alone. */
export function writeXmlContent(shape: Shape, value: Structure): string {
  return structureWriter(shape).content(value);
}

const structureWriter = perShape(compileStructureWriter);

interface WriterField {
  readonly name: string;
  readonly write: ElementWriter;
}

function compileStructureWriter(shape: Shape): StructureWriter {
  const [inAttributes, inElements] = attributesAndElements(shape);
  let elements: WriterField[] | undefined;
  let attributes: WriterField[] | undefined;
  return {
    content: (structure) =>
      writeFields(
        (elements ??= inElements.map((m) => ({ name: m.name, write: memberWriter(m) }))),
        structure,
      ),
    attributes: (structure) =>
      writeFields((attributes ??= inAttributes.map((m) => attributeField(m))), structure),
  };
}

function writeFields(fields: readonly WriterField[], structure: Structure): string {
  let text = "";
  for (const field of fields) {
    const value = structure[field.name];
    if (value !== undefined && value !== null) text += field.write(value);
  }
  return text;
}

function attributeField(member: Member): WriterField {
  const name = xmlNameOf(member);
  const write = textWriter(member, "date-time");
  return { name: member.name, write: (value) => ` ${name}="${escapeAttribute(write(value))}"` };
}

function memberWriter(member: Member): ElementWriter {
  const name = xmlNameOf(member);
  const shape = member.shape;
  if (member.traits.xmlFlattened && shape.kind === "list") {
    const write = namedWriter(elementOf(shape), name, member.traits.xmlNamespace);
    return (value) => joined(value as readonly unknown[], write);
  }
  if (member.traits.xmlFlattened && shape.kind === "map") {
    const xmlns = namespaceText(member.traits.xmlNamespace ?? shape.traits.xmlNamespace);
    const writeEntry = entryWriter(shape);
    return (value) =>
      joined(
        Object.entries(value as Structure),
        (entry) => `<${name}${xmlns}>${writeEntry(entry)}</${name}>`,
      );
  }
  return namedWriter(member, name);
}

/** `<name>value</name>`. A flattened list's own namespace stands on its items where they have none. */
function namedWriter(member: Member, name: string, listNamespace?: readonly [string, string]): ElementWriter {
  const shape = member.shape;
  const xmlns = namespaceText(member.traits.xmlNamespace ?? shape.traits.xmlNamespace ?? listNamespace);
  const open = `<${name}${xmlns}`;
  const close = `</${name}>`;
  switch (shape.kind) {
    case "structure":
    case "union":
    case "unit": {
      const writer = structureWriter(shape);
      return (value) =>
        `${open}${writer.attributes(value as Structure)}>${writer.content(value as Structure)}${close}`;
    }
    case "list": {
      let write: ElementWriter | undefined;
      return (value) => {
        const item = (write ??= namedWriter(elementOf(shape), itemNameOf(shape)));
        return `${open}>${joined(value as readonly unknown[], item)}${close}`;
      };
    }
    case "map": {
      const writeEntry = entryWriter(shape);
      return (value) => {
        const entries = Object.entries(value as Structure);
        return `${open}>${joined(entries, (entry) => `<entry>${writeEntry(entry)}</entry>`)}${close}`;
      };
    }
    default: {
      const write = textWriter(member, "date-time");
      return (value) => `${open}>${escapeText(write(value))}${close}`;
    }
  }
}

function entryWriter(shape: Shape): (entry: readonly [string, unknown]) => string {
  const keyName = keyNameOf(shape);
  const keyOpen = `<${keyName}${namespaceText(shape.key?.traits.xmlNamespace)}>`;
  let writeValue: ElementWriter | undefined;
  return ([key, value]) => {
    writeValue ??= namedWriter(elementOf(shape), valueNameOf(shape));
    return `${keyOpen}${escapeText(key)}</${keyName}>${writeValue(value)}`;
  };
}

function joined<T>(items: Iterable<T>, write: (item: T) => string): string {
  let text = "";
  for (const item of items) text += item === null || item === undefined ? "" : write(item);
  return text;
}

/** ` xmlns="uri"` or ` xmlns:prefix="uri"`, or nothing. */
export function namespaceText(namespace: readonly [prefix: string, uri: string] | undefined): string {
  if (!namespace) return "";
  const [prefix, uri] = namespace;
  return ` xmlns${prefix && `:${prefix}`}="${escapeAttribute(uri)}"`;
}
