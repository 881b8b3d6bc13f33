/**
 * HTTP bindings of restJson1 and restXml: which member of a structure travels in the path, the query, a header, the
 * status or the body.
 *
 * `bindingsOf` compiles a structure once into lists of closures; a request then runs through these lists and nothing
 * else. Blob payloads are handed through as they are, never copied. What a body looks like is the protocol's `BodyFormat`.
 */
import { bufferOf } from "../base/bytes.ts";
import { forEachParameter } from "./form.ts";
import { headerReader, headerText, headerWriter } from "./header-value.ts";
import type { Binding, Member, Shape } from "./model.ts";
import { partOfShape } from "./part-of-shape.ts";
import { perShape } from "./per-shape.ts";
import type { Labels, Structure, WireRequest, WireResponse } from "./protocol.ts";
import { serializationError } from "./serialization.ts";
import { plainText, textReader, type TextReader, type TextWriter } from "./text-value.ts";
import { elementOf, setEntry } from "./value-reader.ts";

/** Structures as whole bodies: JSON or XML. */
export interface BodyFormat {
  readonly contentType: string;
  /** The structure's members that are not bound elsewhere, as `shape`. */
  readonly readBody: (shape: Shape, body: Uint8Array) => Structure;
  /** A structure, union or document that is the whole body. */
  readonly readPayload: (member: Member, body: Uint8Array) => unknown;
  readonly writePayload: (member: Member, value: unknown) => string;
}

export interface Bindings {
  readonly payload: Member | undefined;
  /** The shape with only the members that form a response's body; undefined where there are none. */
  readonly responseBody: Shape | undefined;
  readonly read: (request: WireRequest, labels: Labels, format: BodyFormat) => Structure;
  /** Bound headers, by lower-case name. */
  readonly writeHeaders: (value: Structure) => Record<string, string>;
  /** The member that is the status. */
  readonly statusOf: (value: Structure) => number | undefined;
}

export const bindingsOf = perShape(compile);

/** Body and content type of a payload; empty for an absent one. */
export function writePayload(
  member: Member,
  value: unknown,
  format: BodyFormat,
): Pick<WireResponse, "body"> & { readonly contentType?: string } {
  if (value === undefined || value === null) return {};
  const mediaType = member.traits.mediaType ?? member.shape.traits.mediaType;
  switch (member.shape.kind) {
    case "blob":
      return {
        body: value as NonNullable<WireResponse["body"]>,
        contentType: mediaType ?? "application/octet-stream",
      };
    case "string":
      return { body: plainText(value), contentType: mediaType ?? "text/plain" };
    default:
      return { body: format.writePayload(member, value), contentType: format.contentType };
  }
}

type Bound<In extends Binding["in"]> = Member & { readonly binding: Extract<Binding, { in: In }> };

function compile(shape: Shape): Bindings {
  const requestBody = subsetOf(shape, boundIn(shape, "body"));
  const [payload] = boundIn(shape, "payload");
  const [status] = boundIn(shape, "status");
  const readLabels = compileLabels(shape);
  const readQuery = compileQuery(shape);
  const readHeaders = compileHeaders(shape);
  return {
    payload,
    responseBody: subsetOf(
      shape,
      shape.members.filter((member) => isInResponseBody(member.binding)),
    ),
    read(request, labels, format) {
      const structure: Structure = {};
      readLabels(labels, structure);
      readQuery?.(request.query, structure);
      readHeaders(request.headers, structure);
      if (payload) {
        const value = readPayload(payload, request.body, format);
        if (value !== undefined) structure[payload.name] = value;
      } else if (requestBody) {
        Object.assign(structure, format.readBody(requestBody, collected(request.body)));
      }
      return structure;
    },
    writeHeaders: compileHeaderWriter(shape),
    statusOf: (value) => (status ? (value[status.name] as number | undefined) : undefined),
  };
}

function boundIn<In extends Binding["in"]>(shape: Shape, place: In): Bound<In>[] {
  return shape.members.filter((m): m is Bound<In> => m.binding.in === place);
}

/** A response has no path and no query: what is bound there in requests is in its body. */
function isInResponseBody({ in: place }: Binding): boolean {
  return place === "body" || place === "label" || place === "query" || place === "query-params";
}

function subsetOf(shape: Shape, members: readonly Member[]): Shape | undefined {
  if (members.length === 0) return undefined;
  if (members.length === shape.members.length) return shape;
  return partOfShape(shape, members);
}

function readPayload(member: Member, body: WireRequest["body"], format: BodyFormat): unknown {
  const shape = member.shape;
  if (shape.traits.streaming || member.traits.streaming) return body;
  const bytes = collected(body);
  if (bytes.byteLength === 0) return undefined;
  if (shape.kind === "blob") return bytes;
  if (shape.kind === "string") return bufferOf(bytes).toString("utf8");
  return format.readPayload(member, bytes);
}

function collected(body: WireRequest["body"]): Uint8Array {
  if (body instanceof Uint8Array) return body;
  throw serializationError("The body of this operation cannot be a stream");
}

function compileLabels(shape: Shape): (labels: Labels, structure: Structure) => void {
  const fields = boundIn(shape, "label").map((m) => ({ name: m.name, read: textReader(m) }));
  return (labels, structure) => {
    for (const { name, read } of fields) {
      const text = labels[name];
      if (text !== undefined) structure[name] = read(text.includes("%") ? decodeLabel(text) : text);
    }
  };
}

function decodeLabel(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw serializationError("The path is not valid percent-encoded UTF-8", cause);
  }
}

type QueryField = (structure: Structure, value: string) => void;

/** Undefined where nothing is bound to the query. The map of parameters has those that no other member has. */
function compileQuery(shape: Shape): ((query: string, structure: Structure) => void) | undefined {
  const fields = new Map(boundIn(shape, "query").map((m) => [m.binding.name, queryField(m)]));
  const [rest] = boundIn(shape, "query-params");
  if (fields.size === 0 && !rest) return undefined;
  const restHasLists = rest !== undefined && elementOf(rest.shape).shape.kind === "list";
  return (query, structure) => {
    forEachParameter(query, (name, value) => {
      const read = fields.get(name);
      if (read) return read(structure, value);
      if (!rest) return;
      const params = (structure[rest.name] ??= {}) as Structure;
      const earlier = restHasLists && Object.hasOwn(params, name) ? (params[name] as string[]) : [];
      setEntry(params, name, restHasLists ? [...earlier, value] : value);
    });
  };
}

function queryField(member: Member): QueryField {
  const { name, shape } = member;
  if (shape.kind !== "list") {
    const read = textReader(member);
    return (structure, value) => {
      structure[name] = read(value);
    };
  }
  const read = textReader(elementOf(shape));
  return (structure, value) => {
    const list = (structure[name] ??= []) as unknown[];
    list.push(read(value));
  };
}

function compileHeaders(shape: Shape): (headers: WireRequest["headers"], structure: Structure) => void {
  const fields = boundIn(shape, "header").map((m) => ({
    name: m.name,
    header: m.binding.name.toLowerCase(),
    read: headerReader(m) satisfies TextReader,
  }));
  const prefixed = boundIn(shape, "prefix-headers").map((m) => ({
    name: m.name,
    prefix: m.binding.prefix.toLowerCase(),
  }));
  return (headers, structure) => {
    for (const { name, header, read } of fields) {
      const text = headers[header];
      if (text !== undefined) structure[name] = read(text);
    }
    for (const { name, prefix } of prefixed) {
      const map: Record<string, unknown> = {};
      for (const [header, value] of Object.entries(headers)) {
        if (header.startsWith(prefix)) setEntry(map, header.slice(prefix.length), value);
      }
      structure[name] = map;
    }
  };
}

function compileHeaderWriter(shape: Shape): (value: Structure) => Record<string, string> {
  const fields = boundIn(shape, "header").map((m) => ({
    name: m.name,
    header: m.binding.name.toLowerCase(),
    write: headerWriter(m) satisfies TextWriter,
  }));
  const prefixed = boundIn(shape, "prefix-headers").map((m) => ({
    name: m.name,
    prefix: m.binding.prefix.toLowerCase(),
  }));
  return (structure) => {
    const headers: Record<string, string> = {};
    for (const { name, prefix } of prefixed) {
      for (const [key, value] of Object.entries((structure[name] ?? {}) as Structure)) {
        headers[`${prefix}${headerText(key).toLowerCase()}`] = headerText(plainText(value));
      }
    }
    for (const { name, header, write } of fields) {
      const value = structure[name];
      if (value !== undefined && value !== null) headers[header] = write(value);
    }
    return headers;
  };
}
