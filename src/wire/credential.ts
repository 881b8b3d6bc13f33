/**
 * Who has signed a request, for which region and service, and with which hash of its body: read off its headers or
 * query without checking anything. Every request needs that, so it looks only at what it must.
 */
import { queryValue } from "./query-string.ts";
import type { RequestHead } from "./sigv4-canonical.ts";

/** Who signed, for what; nothing of it is verified. */
export interface Credential {
  readonly accessKey: string;
  /** YYYYMMDD; like region and service "" in signatures older than version 4. */
  readonly date: string;
  readonly region: string;
  /** Signing name: "lambda", "monitoring". */
  readonly service: string;
  readonly carriedIn: "header" | "query";
  /** "other": SigV4a and the legacy SigV2, which are recognised to be refused. */
  readonly version: "v4" | "other";
}

export const signingAlgorithm = "AWS4-HMAC-SHA256";

export function readCredential(head: RequestHead): Credential | undefined {
  const authorization = head.headers["authorization"];
  if (authorization !== undefined) return fromAuthorization(authorization);
  if (!head.query.includes("=")) return undefined;
  const scope = queryValue(head.query, "X-Amz-Credential");
  if (scope !== undefined) {
    return credentialFromScope(scope, "query", queryValue(head.query, "X-Amz-Algorithm") ?? signingAlgorithm);
  }
  const legacyKey = queryValue(head.query, "AWSAccessKeyId");
  return legacyKey === undefined ? undefined : legacy(legacyKey, "query");
}

/** What the client says of its body: a hex SHA-256, "UNSIGNED-PAYLOAD", "STREAMING-…", or undefined. */
export function payloadOf(head: RequestHead): string | undefined {
  return head.headers["x-amz-content-sha256"] ?? payloadInQuery(head.query);
}

function payloadInQuery(query: string): string | undefined {
  return query === "" ? undefined : queryValue(query, "X-Amz-Content-Sha256");
}

export function isSha256(payload: string): boolean {
  return /^[0-9a-f]{64}$/.test(payload);
}

function fromAuthorization(authorization: string): Credential | undefined {
  if (authorization.startsWith("AWS4-")) {
    const scope = parameter(authorization, "Credential=");
    return scope === undefined ? undefined : credentialFromScope(scope, "header", schemeOf(authorization));
  }
  if (!authorization.startsWith("AWS ")) return undefined;
  const colon = authorization.indexOf(":");
  return colon === -1 ? undefined : legacy(authorization.slice(4, colon), "header");
}

function schemeOf(authorization: string): string {
  const space = authorization.indexOf(" ");
  return space === -1 ? authorization : authorization.slice(0, space);
}

function legacy(accessKey: string, carriedIn: Credential["carriedIn"]): Credential {
  return { accessKey, date: "", region: "", service: "", carriedIn, version: "other" };
}

/** `AKID/20150830/us-east-1/lambda/aws4_request`, read from its end: nothing forbids "/" in an access key here. */
export function credentialFromScope(
  scope: string,
  carriedIn: Credential["carriedIn"],
  scheme: string,
): Credential | undefined {
  const terminator = scope.lastIndexOf("/");
  const service = scope.lastIndexOf("/", terminator - 1);
  const region = scope.lastIndexOf("/", service - 1);
  // SigV4a has no region in its scope.
  const date = scheme === signingAlgorithm ? scope.lastIndexOf("/", region - 1) : region;
  if (date <= 0 || terminator <= service || service <= region) return undefined;
  return {
    accessKey: scope.slice(0, date),
    date: scope.slice(date + 1, scheme === signingAlgorithm ? region : service),
    region: scheme === signingAlgorithm ? scope.slice(region + 1, service) : "",
    service: scope.slice(service + 1, terminator),
    carriedIn,
    version: scheme === signingAlgorithm && scope.endsWith("/aws4_request") ? "v4" : "other",
  };
}

/** One `Name=value` of an Authorization header: between commas or spaces. */
export function parameter(authorization: string, name: string): string | undefined {
  const at = authorization.indexOf(name);
  if (at <= 0 || !isSeparator(authorization[at - 1])) return undefined;
  const start = at + name.length;
  let end = start;
  while (end < authorization.length && !isSeparator(authorization[end])) end += 1;
  return authorization.slice(start, end);
}

function isSeparator(character: string | undefined): boolean {
  return character === "," || character === " ";
}
