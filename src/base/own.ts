/** Looks up in a plain object by a name that somebody else has chosen: "constructor" is in every object, and nobody's entry. */
export function own<T>(entries: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(entries, name) ? entries[name] : undefined;
}
