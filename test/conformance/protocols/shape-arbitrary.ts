/**
 * Random values of a shape for property tests: what a service could return, or a client could send, over every protocol.
 *
 * Values stay within what all protocols can carry: whole seconds, no empty collections (forms and headers have none),
 * no text at the edge of a header that would be trimmed.
 */
import * as fc from "fast-check";
import type { Member, Shape } from "../../../src/wire/model.ts";

const depthMax = 4;

const text = fc
  .string({ minLength: 1, maxLength: 12, unit: "grapheme" })
  .filter((t) => t.trim() === t && t !== "");
const headerText = fc.string({
  minLength: 1,
  maxLength: 8,
  unit: fc.constantFrom(...Array.from("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789,\"'-_. ~")),
});
const mapKey = fc.string({
  minLength: 1,
  maxLength: 6,
  unit: fc.constantFrom(...Array.from("abcdefxyz0123456789")),
});
const seconds = fc.integer({ min: 0, max: 4_000_000_000 }).map((s) => new Date(s * 1000));
const blob = fc.uint8Array({ minLength: 1, maxLength: 9 }).map((bytes) => Buffer.from(bytes));
const fraction = fc.integer({ min: -4000, max: 4000 }).map((n) => n / 4 + 0.125);

/** Members: required ones always, others sometimes. Event streams are left out. */
export function structureArbitrary(shape: Shape, depth = 0): fc.Arbitrary<Record<string, unknown>> {
  const allowed = shape.members.filter((m) => isSampled(m));
  const shallow = allowed.filter((m) => m.required || depth < depthMax);
  const members = shallow.length > 0 ? shallow : allowed.filter((m) => m.shape.kind === "string").slice(0, 1);
  const entries = members.map((member) => [member.name, memberArbitrary(member, depth + 1)] as const);
  if (shape.kind === "union") {
    const alternatives = entries.map(([name, value]) => value.map((v) => ({ [name]: v })));
    const [first, ...rest] = alternatives;
    return first ? fc.oneof(first, ...rest) : fc.constant({});
  }
  // Forms have no empty structure, so the first member is always there.
  const isNeeded = (m: Member): boolean =>
    m === members[0] || m.required || m.traits.idempotencyToken === true || isFilledIn(m);
  return fc.record(Object.fromEntries(entries), {
    requiredKeys: members.filter((m) => isNeeded(m)).map((m) => m.name),
    noNullPrototype: true,
  });
}

/** Clients and servers put something there when there is nothing. */
function isFilledIn({ binding }: Member): boolean {
  if (binding.in === "header") return ["accept", "content-type"].includes(binding.name.toLowerCase());
  return binding.in === "label" || binding.in === "payload" || binding.in === "prefix-headers";
}

/** Clients make a host of an endpoint's id, encode S3's customer keys, and count the body's length themselves. */
function isSampled({ name, shape, binding }: Member): boolean {
  if (binding.in === "header" && binding.name.toLowerCase() === "content-length") return false;
  return !shape.isEventStream && name !== "EndpointId" && !name.includes("SSECustomerKey");
}

/** What clients and S3 want of a text without a model saying so. */
const unwritten: Readonly<Record<string, string>> = { ChecksumAlgorithm: "CRC32", PartNumberMarker: "7" };

function memberArbitrary(member: Member, depth: number): fc.Arbitrary<unknown> {
  const place = member.binding.in;
  const enumerated = member.constraint?.enum ?? member.shape.constraint?.enum;
  const word = enumerated ? enumerated[0] : unwritten[member.name];
  if (word !== undefined && member.shape.kind === "string") return fc.constant(word); // clients act on some
  if (place === "status") return fc.constantFrom(200, 201, 202);
  if (place === "header" || place === "prefix-headers" || place === "label") {
    return valueArbitrary(
      member.shape,
      depth,
      headerText.filter((t) => t.trim() === t && t !== "." && t !== ".."),
    );
  }
  return valueArbitrary(member.shape, depth, text);
}

function valueArbitrary(shape: Shape, depth: number, string: fc.Arbitrary<string>): fc.Arbitrary<unknown> {
  switch (shape.kind) {
    case "string":
      return string;
    case "boolean":
      return fc.boolean();
    case "integer":
    case "long":
    case "bigInteger":
      return fc.integer({ min: -1000, max: 100_000 });
    case "float":
    case "double":
    case "bigDecimal":
      return fraction;
    case "timestamp":
      return seconds;
    case "blob":
      return blob;
    case "document":
      return fc.dictionary(mapKey, fc.oneof(fc.boolean(), mapKey), { maxKeys: 2, noNullPrototype: true });
    case "list":
      return fc.array(elementArbitrary(shape, depth, string), { minLength: 1, maxLength: 2 });
    case "map":
      return fc.dictionary(mapKey, elementArbitrary(shape, depth, string), {
        minKeys: 1,
        maxKeys: 2,
        noNullPrototype: true,
      });
    case "structure":
    case "union":
    case "unit":
      return structureArbitrary(shape, depth);
  }
}

function elementArbitrary(shape: Shape, depth: number, string: fc.Arbitrary<string>): fc.Arbitrary<unknown> {
  return shape.element ? valueArbitrary(shape.element.shape, depth + 1, string) : fc.constant(null);
}
