/** Pages of things with names: a token is the last name. */
import { eventbridgePageMax } from "../../limits.ts";
import { validation } from "./errors.ts";

export interface Asked {
  readonly NextToken?: string | undefined;
  readonly Limit?: number | undefined;
}

export function pageOf({ NextToken, Limit }: Asked): {
  readonly after: string | undefined;
  readonly limit: number;
} {
  return {
    after: NextToken === undefined ? undefined : nameIn(NextToken),
    limit: Limit ?? eventbridgePageMax,
  };
}

export function tokenOf(name: string | undefined): { NextToken?: string } {
  return name === undefined ? {} : { NextToken: Buffer.from(name).toString("base64url") };
}

/** Of what is in memory, in the order of names. */
export function pageIn<T>(
  all: readonly T[],
  asked: Asked,
  nameOf: (one: T) => string,
): { readonly items: readonly T[]; readonly token: { NextToken?: string } } {
  const { after, limit } = pageOf(asked);
  const rest = after === undefined ? all : all.filter((one) => nameOf(one) > after);
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  return { items, token: rest.length > limit && last ? tokenOf(nameOf(last)) : {} };
}

function nameIn(token: string): string {
  const name = Buffer.from(token, "base64url").toString();
  if (name === "" || Buffer.from(name).toString("base64url") !== token) {
    throw validation("Parameter NextToken is not valid."); // inferred
  }
  return name;
}
