/** Pages: a token is the place of the last item. */
import { validation } from "./errors.ts";

export function tokenOf(place: readonly string[]): { NextToken: string } {
  return { NextToken: Buffer.from(JSON.stringify(place)).toString("base64url") };
}

export function afterIn(token: string): readonly string[] {
  try {
    const place: unknown = JSON.parse(Buffer.from(token, "base64url").toString());
    if (Array.isArray(place) && place.length > 0 && place.every((part) => typeof part === "string"))
      return place;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw validation("Invalid NextToken."); // inferred
}
