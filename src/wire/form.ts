/**
 * Form-encoded requests of awsQuery and ec2Query: `Action=…&Names.member.1=a`, read into structures of the model.
 *
 * The dotted names are first put into a tree, which bounds depth and count, then walked by shape with readers that are
 * compiled on first use. Flattened and wrapped lists and maps are both accepted wherever one is expected. Throws nothing
 * but the AWS error "MalformedInput".
 */
import { documentDepthMax, documentNodesMax } from "../limits.ts";
import { AwsError } from "./aws-error.ts";
import type { Member, Shape } from "./model.ts";
import { perShape } from "./per-shape.ts";
import type { Structure } from "./protocol.ts";
import { textReader } from "./text-value.ts";
import { elementOf, setEntry } from "./value-reader.ts";
import { keyNameOf, valueNameOf } from "./xml-names.ts";

export interface FormNode {
  text?: string;
  children?: Map<string, FormNode>;
}

/** Later values win over earlier ones of the same name. */
export function parseForm(form: string): FormNode {
  const root: FormNode = {};
  let budget = documentNodesMax;
  forEachParameter(form, (name, value) => {
    let node = root;
    let depth = 0;
    for (const part of name.split(".")) {
      if (++depth > documentDepthMax || --budget < 0) throw malformedInput("Too many or too deep parameters");
      node.children ??= new Map();
      let child = node.children.get(part);
      if (!child) node.children.set(part, (child = {}));
      node = child;
    }
    node.text = value;
  });
  return root;
}

/** Calls back with decoded names and values, in order. Throws "MalformedInput" for broken percent-encoding. */
export function forEachParameter(form: string, visit: (name: string, value: string) => void): void {
  let at = 0;
  while (at < form.length) {
    let end = form.indexOf("&", at);
    if (end < 0) end = form.length;
    if (end > at) {
      let equals = form.indexOf("=", at);
      if (equals < 0 || equals > end) equals = end;
      visit(decodeFormText(form.slice(at, equals)), decodeFormText(form.slice(equals + 1, end)));
    }
    at = end + 1;
  }
}

function decodeFormText(text: string): string {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!spaced.includes("%")) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch (cause) {
    throw malformedInput("A parameter is not valid percent-encoded UTF-8", cause);
  }
}

export function malformedInput(message: string, cause?: unknown): AwsError {
  return new AwsError("MalformedInput", message, { status: 400, cause });
}

type NodeReader = (node: FormNode) => unknown;
type FormReader = (node: FormNode) => Structure;

/** `wireName`: the two protocols differ in how members are called. */
export function createFormReader(wireName: (member: Member) => string): (shape: Shape) => FormReader {
  const structureReader = perShape(compileStructure);

  function compileStructure(shape: Shape): FormReader {
    let fields: { readonly name: string; readonly wireName: string; readonly read: NodeReader }[] | undefined;
    return (node) => {
      fields ??= shape.members.map((m) => ({ name: m.name, wireName: wireName(m), read: compileMember(m) }));
      const structure: Structure = {};
      if (!node.children) return structure;
      for (const field of fields) {
        const child = node.children.get(field.wireName);
        if (child) structure[field.name] = field.read(child);
      }
      return structure;
    };
  }

  function compileMember(member: Member): NodeReader {
    const shape = member.shape;
    switch (shape.kind) {
      case "structure":
      case "union":
      case "unit":
        return structureReader(shape);
      case "list":
        return compileList(shape);
      case "map":
        return compileMap(shape);
      default:
        return compileScalar(member);
    }
  }

  function compileList(shape: Shape): NodeReader {
    let readItem: NodeReader | undefined;
    return (node) => {
      const read = (readItem ??= compileMember(elementOf(shape)));
      return numberedChildren(node).map((child) => read(child));
    };
  }

  function compileMap(shape: Shape): NodeReader {
    const keyName = keyNameOf(shape);
    const valueName = valueNameOf(shape);
    let readItem: NodeReader | undefined;
    return (node) => {
      const read = (readItem ??= compileMember(elementOf(shape)));
      const map: Structure = {};
      for (const entry of numberedChildren(node)) {
        const key = entry.children?.get(keyName)?.text;
        const value = entry.children?.get(valueName);
        if (key === undefined || !value) throw malformedInput("A map entry needs a key and a value");
        setEntry(map, key, read(value));
      }
      return map;
    };
  }

  return structureReader;
}

function compileScalar(member: Member): NodeReader {
  const read = textReader(member);
  return (node) => {
    if (node.text === undefined) throw malformedInput("Start of structure or map found where not expected.");
    try {
      return read(node.text);
    } catch (error) {
      throw error instanceof AwsError ? malformedInput(error.message, error) : error;
    }
  };
}

/**
 * Items in the order of their numbers. A wrapped collection has them one level down, under "member", "entry" or
 * whatever its item is called.
 */
function numberedChildren(node: FormNode): FormNode[] {
  if (!node.children) {
    if (node.text) throw malformedInput("Expected list or null");
    return []; // `Names=` is how clients send an empty list
  }
  const [first] = node.children;
  const isWrapped = node.children.size === 1 && first !== undefined && !isNumber(first[0]);
  const children = isWrapped ? first[1].children : node.children;
  const numbered = [...(children ?? [])];
  if (!numbered.every(([name]) => isNumber(name))) throw malformedInput("Expected list or null");
  return numbered.sort(([a], [b]) => Number(a) - Number(b)).map(([, child]) => child);
}

function isNumber(name: string): boolean {
  if (name.length === 0 || name.length > 9) return false;
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return false;
  }
  return true;
}
