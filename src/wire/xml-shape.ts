/**
 * XML bodies by the model: the bodies of restXml, and the responses of awsQuery and ec2Query, which are the same XML.
 *
 * Readers and writers are compiled per shape on first use. Elements are matched by local name; empty elements are empty
 * strings, lists and maps. Unknown elements and attributes are skipped.
 */
import type { Member, Shape } from "./model.ts";
import type { Structure } from "./protocol.ts";
import { serializationError, wrongType } from "./serialization.ts";
import { textReader, textWriter } from "./text-value.ts";
import { elementOf, setEntry } from "./value-reader.ts";
import { escapeAttribute, escapeText, localNameOf, type XmlElement } from "./xml.ts";

type ElementReader = (element: XmlElement) => unknown;
type StructureReader = (element: XmlElement) => Structure;

const readers = new WeakMap<Shape, StructureReader>();

/** Structure or union from its element; the element's own name is not looked at. */
export function readXmlStructure(shape: Shape, element: XmlElement): Structure {
  return structureReader(shape)(element);
}

function structureReader(shape: Shape): StructureReader {
  let reader = readers.get(shape);
  if (!reader) {
    reader = compileStructureReader(shape);
    readers.set(shape, reader);
  }
  return reader;
}

interface ElementField {
  readonly name: string;
  readonly read: ElementReader;
  /** Flattened lists and maps: each element adds one item. */
  readonly add?: (collection: unknown, element: XmlElement) => unknown;
}

function compileStructureReader(shape: Shape): StructureReader {
  let fields: Map<string, ElementField> | undefined;
  let attributes: {
    readonly name: string;
    readonly wireName: string;
    readonly read: (text: string) => unknown;
  }[];
  return (element) => {
    if (!fields) {
      const [inAttributes, inElements] = partition(shape.members, (m) => m.traits.xmlAttribute === true);
      fields = new Map(inElements.map((m) => [localNameOf(xmlNameOf(m)), elementField(m)]));
      attributes = inAttributes.map((m) => ({ name: m.name, wireName: xmlNameOf(m), read: textReader(m) }));
    }
    const structure: Structure = {};
    for (const { name, wireName, read } of attributes) {
      const text = element.attributes.get(wireName);
      if (text !== undefined) structure[name] = read(text);
    }
    for (const child of element.children) {
      const field = fields.get(child.localName);
      if (!field) continue;
      structure[field.name] = field.add ? field.add(structure[field.name], child) : field.read(child);
    }
    return structure;
  };
}

function elementField(member: Member): ElementField {
  const shape = member.shape;
  const isFlattened = member.traits.xmlFlattened === true;
  if (isFlattened && shape.kind === "list") {
    const readItem = elementReader(elementOf(shape));
    const add = (list: unknown, element: XmlElement): unknown => {
      const items = (list ?? []) as unknown[];
      items.push(readItem(element));
      return items;
    };
    return { name: member.name, read: readItem, add };
  }
  if (isFlattened && shape.kind === "map") {
    const readEntry = mapEntryReader(shape);
    const add = (map: unknown, element: XmlElement): unknown => readEntry((map ?? {}) as Structure, element);
    return { name: member.name, read: (element) => readEntry({}, element), add };
  }
  return { name: member.name, read: elementReader(member) };
}

function elementReader(member: Member): ElementReader {
  const shape = member.shape;
  switch (shape.kind) {
    case "structure":
    case "union":
    case "unit":
      return structureReader(shape);
    case "list":
      return listReader(shape);
    case "map": {
      const readEntry = mapEntryReader(shape);
      return (element) => {
        const map: Structure = {};
        for (const entry of element.children) readEntry(map, entry);
        return map;
      };
    }
    case "document":
      return () => {
        throw serializationError("Documents have no XML form");
      };
    case "string":
    case "blob":
      return scalarReader(member, (text) => text);
    default:
      return scalarReader(member, (text) => text.trim());
  }
}

function scalarReader(member: Member, prepare: (text: string) => string): ElementReader {
  const read = textReader(member);
  return (element) => {
    if (element.children.length > 0) throw wrongType({}, member.shape.kind);
    return read(prepare(element.text));
  };
}

/** Item names are not checked: old clients and new ones differ in them. */
function listReader(shape: Shape): ElementReader {
  let readItem: ElementReader | undefined;
  return (element) => {
    const read = (readItem ??= elementReader(elementOf(shape)));
    return element.children.map((child) => read(child));
  };
}

function mapEntryReader(shape: Shape): (map: Structure, entry: XmlElement) => Structure {
  const keyName = localNameOf(keyNameOf(shape));
  const valueName = localNameOf(valueNameOf(shape));
  let readValue: ElementReader | undefined;
  return (map, entry) => {
    const key = entry.children.find((child) => child.localName === keyName);
    const value = entry.children.find((child) => child.localName === valueName);
    if (!key || !value) throw serializationError("A map entry needs a key and a value");
    readValue ??= elementReader(elementOf(shape));
    setEntry(map, key.text, readValue(value));
    return map;
  };
}

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

/** ` xmlns="uri"` or ` xmlns:prefix="uri"`, or nothing. */
export function namespaceText(namespace: readonly [prefix: string, uri: string] | undefined): string {
  if (!namespace) return "";
  const [prefix, uri] = namespace;
  return ` xmlns${prefix && `:${prefix}`}="${escapeAttribute(uri)}"`;
}

type ElementWriter = (value: unknown) => string;

interface StructureWriter {
  /** Child elements. */
  readonly content: (structure: Structure) => string;
  /** ` a="b"` for members that are attributes. */
  readonly attributes: (structure: Structure) => string;
}

const writers = new WeakMap<Shape, StructureWriter>();

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

function structureWriter(shape: Shape): StructureWriter {
  let writer = writers.get(shape);
  if (!writer) {
    writer = compileStructureWriter(shape);
    writers.set(shape, writer);
  }
  return writer;
}

interface WriterField {
  readonly name: string;
  readonly write: ElementWriter;
}

function compileStructureWriter(shape: Shape): StructureWriter {
  const [inAttributes, inElements] = partition(shape.members, (m) => m.traits.xmlAttribute === true);
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

function partition<T>(items: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  return [items.filter((item) => test(item)), items.filter((item) => !test(item))];
}
