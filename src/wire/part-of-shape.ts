/** Structures reduced to some of their members: the body without headers, the first frame without the stream. */
import type { Member, Shape } from "./model.ts";

/** Make it once and keep it: codecs are cached by shape. Field by field, as shapes may be instances with getters. */
export function partOfShape(shape: Shape, members: readonly Member[]): Shape {
  return {
    kind: shape.kind,
    name: shape.name,
    traits: shape.traits,
    members,
    memberByName: new Map(members.map((member) => [member.name, member])),
    sparse: shape.sparse,
    isEventStream: shape.isEventStream,
  };
}
