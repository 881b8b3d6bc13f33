/**
 * Structures of the model from XML elements: the request bodies of restXml.
 *
 * Readers are compiled per shape on first use. Elements are matched by local name; empty elements are empty strings,
 * lists and maps. Unknown elements and attributes are skipped.
 */
import type { Member, Shape } from "./model.ts";
import { perShape } from "./per-shape.ts";
import type { Structure } from "./protocol.ts";
import { serializationError, wrongType } from "./serialization.ts";
import { textReader } from "./text-value.ts";
import { elementOf, setEntry } from "./value-reader.ts";
import { attributesAndElements, keyNameOf, valueNameOf, xmlNameOf } from "./xml-names.ts";
import { localNameOf, type XmlElement } from "./xml.ts";

type ElementReader = (element: XmlElement) => unknown;
type StructureReader = (element: XmlElement) => Structure;

/** Structure or union from its element; the element's own name is not looked at. */
export function readXmlStructure(shape: Shape, element: XmlElement): Structure {
  return structureReader(shape)(element);
}

const structureReader = perShape(compileStructureReader);

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
      const [inAttributes, inElements] = attributesAndElements(shape);
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
