/** The JSON paths of InputPath and InputTransformer: `$`, `.name`, `['name']`, `[0]`, `[*]`. Pure. */
export type JsonPath = readonly (string | number | typeof everything)[];

const everything = Symbol("*");

/** Undefined: not valid. */
export function parsePath(text: string): JsonPath | undefined {
  if (!text.startsWith("$")) return undefined;
  const steps: (string | number | typeof everything)[] = [];
  const step = /\.([^.[\]'"\s]+)|\[(\d{1,9})\]|\[\*\]|\['([^']*)'\]|\["([^"]*)"\]/y;
  step.lastIndex = 1;
  while (step.lastIndex < text.length) {
    const match = step.exec(text);
    if (!match) return undefined;
    const [, name, index, quoted, doubleQuoted] = match;
    const key = name ?? quoted ?? doubleQuoted;
    if (key !== undefined) steps.push(key);
    else steps.push(index === undefined ? everything : Number(index));
  }
  return steps;
}

/** Undefined: there is nothing. */
export function valueAt(value: unknown, path: JsonPath): unknown {
  let at = value;
  for (const [index, step] of path.entries()) {
    if (step === everything) {
      if (!Array.isArray(at)) return undefined;
      const rest = path.slice(index + 1);
      return at.map((each) => valueAt(each, rest)).filter((each) => each !== undefined);
    }
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, step)) return undefined;
    at = (at as Record<string | number, unknown>)[step];
  }
  return at;
}
