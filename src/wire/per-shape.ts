/**
 * What is worked out from a shape once and serves every message of that shape: its reader, its writer, its rules. Lives
 * as long as the shape does. Shapes are recursive: what is made must not ask for its own shape's before it is used.
 */
import type { Shape } from "./model.ts";

export function perShape<T>(make: (shape: Shape) => T): (shape: Shape) => T {
  const madeByShape = new WeakMap<Shape, T>();
  return (shape) => {
    let made = madeByShape.get(shape);
    if (made === undefined) {
      made = make(shape);
      madeByShape.set(shape, made);
    }
    return made;
  };
}
