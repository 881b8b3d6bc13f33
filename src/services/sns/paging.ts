/** Lists in pages of a hundred: the token is what the last page ended with. */
import { topicsListedMax } from "../../limits.ts";
import { invalidParameter } from "./errors.ts";

export interface Listed<T> {
  readonly items: readonly T[];
  readonly NextToken?: string;
}

/** Of all there are, in their order, those behind `token`. */
export function pageOf<T>(
  all: readonly T[],
  nameOf: (item: T) => string,
  token: string | undefined,
): Listed<T> {
  const from = token === undefined ? 0 : all.findIndex((item) => nameOf(item) === nameIn(token)) + 1;
  const items = all.slice(from, from + topicsListedMax);
  const last = items.at(-1);
  const hasMore = from + items.length < all.length;
  return { items, ...(hasMore && last !== undefined && { NextToken: tokenOf(nameOf(last)) }) };
}

export function tokenOf(name: string): string {
  return Buffer.from(name).toString("base64");
}

export function nameIn(token: string): string {
  const name = Buffer.from(token, "base64").toString();
  if (name === "" || tokenOf(name) !== token) throw invalidParameter("NextToken"); // inferred
  return name;
}
