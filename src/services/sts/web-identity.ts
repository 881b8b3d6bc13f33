/**
 * The claims of an OpenID Connect token. Its signature is not checked: the keys are its issuer's, and elsewhere.
 * Pure.
 */
import { invalidIdentityToken, tokenExpired } from "./errors.ts";

export interface WebIdentity {
  readonly subject: string;
  readonly audience: string;
  /** Without "https://", as the provider is called in IAM. */
  readonly issuer: string;
}

/** Throws what STS answers for what is no such token, or no longer. */
export function readWebIdentity(token: string, nowMs: number): WebIdentity {
  const claims = claimsOf(token);
  const { sub, aud, iss, exp } = claims;
  const audience: unknown = Array.isArray(aud) ? aud[0] : aud;
  if (typeof sub !== "string" || typeof iss !== "string" || typeof audience !== "string") {
    throw invalidIdentityToken("Missing a required claim");
  }
  if (typeof exp === "number" && exp * 1000 <= nowMs) throw tokenExpired(nowMs, exp * 1000);
  return { subject: sub, audience, issuer: iss.replace(/^https?:\/\//, "") };
}

function claimsOf(token: string): Record<string, unknown> {
  const parts = token.split(".");
  if (parts.length === 3) {
    try {
      const claims: unknown = JSON.parse(Buffer.from(parts[1] ?? "", "base64url").toString());
      if (typeof claims === "object" && claims !== null) return claims as Record<string, unknown>;
    } catch {
      // no JSON
    }
  }
  throw invalidIdentityToken(
    "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
  );
}
