/**
 * Markers: where the next page of a list begins. A marker names the last item that was answered, not its position, so
 * that pages stay right when items come and go between two of them. Opaque to clients.
 */
import { invalidParameter } from "./errors.ts";

export function markerOf(...parts: readonly string[]): string {
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

/** The parts that `markerOf` was given; undefined for the first page. */
export function readMarker(marker: string | undefined, partCount: number): readonly string[] | undefined {
  if (marker === undefined || marker === "") return undefined;
  const parts = parsed(Buffer.from(marker, "base64url").toString());
  if (Array.isArray(parts) && parts.length === partCount && parts.every((part) => typeof part === "string")) {
    return parts;
  }
  throw invalidParameter("The marker is not valid."); // inferred
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Of `limit + 1` items that were looked for, those to show; `last` of them when there are more. */
export function firstOf<T>(
  found: readonly T[],
  limit: number,
): { readonly items: readonly T[]; readonly last: T | undefined } {
  const items = found.slice(0, limit);
  return { items, last: found.length > limit ? items.at(-1) : undefined };
}
