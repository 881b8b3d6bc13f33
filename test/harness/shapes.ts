/** Hand-made shapes for tests of codecs: the same structure that `model-load.ts` gives, without a model's file. */
import type { Binding, Member, Operation, ServiceModel, Shape, ShapeKind } from "../../src/wire/model.ts";

type ShapeParts = Partial<Omit<Shape, "kind" | "memberByName">>;

export function shapeOf(kind: ShapeKind, parts: ShapeParts = {}): Shape {
  const members = parts.members ?? [];
  return {
    name: kind,
    traits: {},
    sparse: false,
    isEventStream: false,
    ...parts,
    kind,
    members,
    memberByName: new Map(members.map((member) => [member.name, member])),
  };
}

export function memberOf(
  name: string,
  shape: Shape,
  parts: Partial<Omit<Member, "name" | "shape">> = {},
): Member {
  return { name, shape, traits: {}, required: false, jsonName: name, binding: { in: "body" }, ...parts };
}

export function boundOf(name: string, shape: Shape, binding: Binding): Member {
  return memberOf(name, shape, { binding });
}

export function structureOf(name: string, members: readonly Member[], parts: ShapeParts = {}): Shape {
  return shapeOf("structure", { ...parts, name, members });
}

export function listOf(element: Shape, parts: ShapeParts = {}): Shape {
  return shapeOf("list", { ...parts, element: memberOf("member", element) });
}

export function mapOf(element: Shape, parts: ShapeParts = {}): Shape {
  const key = memberOf("key", shapeOf("string"));
  return shapeOf("map", { ...parts, key, element: memberOf("value", element) });
}

export function operationOf(
  input: Shape,
  output: Shape,
  parts: { readonly service?: Partial<ServiceModel>; readonly operation?: Partial<Operation> } = {},
): Operation {
  const service: ServiceModel = {
    name: "tests",
    serviceId: "Tests",
    apiVersion: "2024-01-01",
    signingName: "tests",
    endpointPrefix: "tests",
    targetPrefix: "Tests",
    protocols: [],
    queryCompatible: false,
    operations: new Map(),
    errors: new Map(),
    ...parts.service,
  };
  return {
    service,
    name: "Try",
    http: { method: "POST", uri: "/", status: 200 },
    input,
    output,
    errors: [],
    noAuth: false,
    ...parts.operation,
  };
}
