/**
 * Turns one suite of vectors (botocore's JSON model form) into our service model and our plain requests and values.
 *
 * Only what the vectors use is converted. Shapes are resolved lazily, as they are recursive.
 */
import type {
  Binding,
  Member,
  Operation,
  ProtocolId,
  ServiceModel,
  Shape,
  ShapeKind,
  TimestampFormat,
  Traits,
} from "../../../src/wire/model.ts";

export interface BotocoreMember {
  readonly shape: string;
  readonly location?: "header" | "headers" | "querystring" | "uri" | "statusCode";
  readonly locationName?: string;
  readonly flattened?: boolean;
  readonly xmlAttribute?: boolean;
  readonly xmlNamespace?: string | { readonly uri: string; readonly prefix?: string };
  readonly jsonvalue?: boolean;
  readonly timestampFormat?: string;
}

export interface BotocoreShape {
  readonly type: string;
  readonly members?: Readonly<Record<string, BotocoreMember>>;
  readonly member?: BotocoreMember;
  readonly key?: BotocoreMember;
  readonly value?: BotocoreMember;
  readonly required?: readonly string[];
  readonly payload?: string;
  readonly union?: boolean;
  readonly document?: boolean;
  readonly locationName?: string;
  readonly xmlNamespace?: BotocoreMember["xmlNamespace"];
  readonly timestampFormat?: string;
  readonly exception?: boolean;
  readonly fault?: boolean;
  readonly error?: {
    readonly code?: string;
    readonly httpStatusCode?: number;
    readonly senderFault?: boolean;
  };
}

export interface BotocoreOperation {
  readonly name: string;
  readonly http: { readonly method: string; readonly requestUri: string; readonly responseCode?: number };
  readonly input?: BotocoreMember;
  readonly output?: BotocoreMember;
}

export interface BotocoreSuite {
  readonly description: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly shapes: Readonly<Record<string, BotocoreShape>>;
  readonly clientEndpoint?: string;
}

const unit: Shape = {
  kind: "unit",
  name: "Unit",
  traits: {},
  members: [],
  memberByName: new Map(),
  sparse: false,
  isEventStream: false,
};

/** The suite's service, with the one operation that a case gives. */
export function operationOf(suite: BotocoreSuite, given: BotocoreOperation): Operation {
  const { metadata } = suite;
  const protocol = protocolOf(metadata);
  const convert = shapeConverter(suite.shapes, protocol);
  const operations = new Map<string, Operation>();
  const errors = Object.entries(suite.shapes).filter(([, shape]) => shape.exception);
  const service: ServiceModel = {
    name: "vectors",
    serviceId: "Vectors",
    apiVersion: String(metadata["apiVersion"]),
    signingName: "vectors",
    endpointPrefix: "vectors",
    targetPrefix: String(metadata["targetPrefix"]),
    protocols: [protocol],
    // The vectors' responses have it; their metadata, having been converted, has lost it.
    ...((protocol === "awsQuery" || protocol === "ec2Query") && { xmlNamespace: "https://example.com/" }),
    queryCompatible: "awsQueryCompatible" in metadata,
    operations,
    errors: new Map(errors.map(([name]) => [name, convert(name)])),
  };
  const operation: Operation = {
    service,
    name: given.name,
    http: { method: given.http.method, uri: given.http.requestUri, status: given.http.responseCode ?? 200 },
    input: given.input ? rootShape(convert(given.input.shape), given.input) : unit,
    output: given.output ? rootShape(convert(given.output.shape), given.output) : unit,
    errors: [],
    noAuth: false,
  };
  operations.set(given.name, operation);
  return operation;
}

export function protocolOf(metadata: BotocoreSuite["metadata"]): ProtocolId {
  switch (metadata["protocol"]) {
    case "rest-json":
      return "restJson1";
    case "rest-xml":
      return "restXml";
    case "json":
      return metadata["jsonVersion"] === "1.0" ? "awsJson1_0" : "awsJson1_1";
    case "query":
      return "awsQuery";
    case "ec2":
      return "ec2Query";
    case "smithy-rpc-v2-cbor":
      return "rpcv2Cbor";
    default:
      throw new Error(`unknown protocol ${String(metadata["protocol"])}`);
  }
}

/** Operations name the root element and its namespace at the reference. */
function rootShape(shape: Shape, reference: BotocoreMember): Shape {
  const traits = { ...shape.traits, ...memberTraits(reference) };
  return { ...shape, traits };
}

function shapeConverter(shapes: BotocoreSuite["shapes"], protocol: ProtocolId): (name: string) => Shape {
  const converted = new Map<string, Shape>();
  const convert = (name: string): Shape => {
    const known = converted.get(name);
    if (known) return known;
    const source = shapes[name];
    if (!source) throw new Error(`no shape ${name}`);
    const members = Object.entries(source.members ?? {}).map(([memberName, m]) =>
      member(memberName, m, source),
    );
    const shape: Shape = {
      kind: kindOf(source),
      name,
      traits: shapeTraits(source),
      members,
      memberByName: new Map(members.map((m) => [m.name, m])),
      sparse: false,
      isEventStream: false,
      ...(source.member && { element: member("member", source.member, source) }),
      ...(source.value && { element: member("value", source.value, source) }),
      ...(source.key && { key: member("key", source.key, source) }),
      ...(source.exception && { error: errorTrait(source, protocol) }),
    };
    converted.set(name, shape);
    return shape;
  };
  const member = (name: string, source: BotocoreMember, parent: BotocoreShape): Member => ({
    name,
    get shape() {
      return convert(source.shape);
    },
    traits: memberTraits(withoutDefaultName(name, source, parent)),
    required: parent.required?.includes(name) ?? false,
    jsonName: source.locationName ?? name,
    binding: bindingOf(name, source, parent),
  });
  return convert;
}

/** The conversion to botocore's form has put the name of payload members at them, where it has no meaning. */
function withoutDefaultName(name: string, source: BotocoreMember, parent: BotocoreShape): BotocoreMember {
  if (parent.payload !== name || source.locationName !== name) return source;
  const { locationName: _, ...rest } = source;
  return rest;
}

function kindOf(source: BotocoreShape): ShapeKind {
  if (source.document) return "document";
  if (source.union) return "union";
  return source.type as ShapeKind;
}

/** Where there is a query code, the status is that of awsQuery alone. */
function errorTrait({ error, fault }: BotocoreShape, protocol: ProtocolId): Shape["error"] {
  const isServer = fault === true || error?.senderFault === false;
  const hasStatus = error?.code === undefined || protocol === "awsQuery";
  return {
    fault: isServer ? "server" : "client",
    ...(hasStatus && error?.httpStatusCode !== undefined && { status: error.httpStatusCode }),
    ...(error?.code !== undefined && { queryCode: error.code }),
  };
}

function bindingOf(name: string, source: BotocoreMember, parent: BotocoreShape): Binding {
  const wireName = source.locationName ?? name;
  switch (source.location) {
    case "header":
      return { in: "header", name: wireName };
    case "headers":
      return { in: "prefix-headers", prefix: source.locationName ?? "" };
    case "querystring":
      return source.locationName === undefined ? { in: "query-params" } : { in: "query", name: wireName };
    case "uri":
      return { in: "label", greedy: false };
    case "statusCode":
      return { in: "status" };
    case undefined:
      return { in: parent.payload === name ? "payload" : "body" };
  }
}

function shapeTraits(source: BotocoreShape): Traits {
  return {
    ...namespaceTrait(source.xmlNamespace),
    ...(source.locationName !== undefined && { xmlName: source.locationName }),
    ...timestampTrait(source.timestampFormat),
  };
}

function memberTraits(source: BotocoreMember): Traits {
  return {
    ...namespaceTrait(source.xmlNamespace),
    ...(source.locationName !== undefined && !source.location && { xmlName: source.locationName }),
    ...(source.flattened && { xmlFlattened: true }),
    ...(source.xmlAttribute && { xmlAttribute: true }),
    ...(source.jsonvalue && { mediaType: "application/json" }),
    ...timestampTrait(source.timestampFormat),
  };
}

function namespaceTrait(namespace: BotocoreMember["xmlNamespace"]): Pick<Traits, "xmlNamespace"> {
  if (namespace === undefined) return {};
  if (typeof namespace === "string") return { xmlNamespace: ["", namespace] };
  return { xmlNamespace: [namespace.prefix ?? "", namespace.uri] };
}

const timestampFormats: Readonly<Record<string, TimestampFormat>> = {
  iso8601: "date-time",
  rfc822: "http-date",
  unixTimestamp: "epoch-seconds",
};

function timestampTrait(format: string | undefined): Pick<Traits, "timestampFormat"> {
  const timestampFormat = format === undefined ? undefined : timestampFormats[format];
  return timestampFormat ? { timestampFormat } : {};
}

/** The vector's plain value as our codecs have it: `Date`, bytes, NaN; nulls are absent members. */
export function valueOf(shape: Shape, plain: unknown): unknown {
  switch (shape.kind) {
    case "timestamp":
      return new Date(Math.round(Number(plain) * 1000));
    case "blob":
      return Buffer.from(String(plain));
    case "float":
    case "double":
      return Number(plain);
    case "list":
      return (plain as unknown[]).map((item) => (shape.element ? valueOf(shape.element.shape, item) : item));
    case "map": {
      const entries = Object.entries(plain as object);
      return Object.fromEntries(
        entries.map(([k, v]) => [k, shape.element ? valueOf(shape.element.shape, v) : v]),
      );
    }
    case "structure":
    case "union": {
      const entries = Object.entries(plain as object).filter(([, value]) => value !== null);
      return Object.fromEntries(
        entries.map(([name, value]) => {
          const member = shape.memberByName.get(name);
          return [name, member ? valueOf(member.shape, value) : value];
        }),
      );
    }
    default:
      return plain;
  }
}
