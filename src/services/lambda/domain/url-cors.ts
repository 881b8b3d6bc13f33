/**
 * A function URL's CORS settings applied to one request. Pure. Source: map-http-frontdoors 1.3: a preflight is answered
 * here, with or without a matching origin; other requests run the function, and what is set is added to its headers,
 * duplicates included, as AWS does it.
 */
import type { UrlCors } from "./function-url.ts";

export interface CorsRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
}

export function isUrlPreflight({ method, headers }: CorsRequest): boolean {
  const isAsking = headers["access-control-request-method"] !== undefined;
  return method === "OPTIONS" && headers["origin"] !== undefined && isAsking;
}

export function preflightHeaders(cors: UrlCors, request: CorsRequest): Record<string, string> {
  const allowed = originHeaders(cors, request);
  if (!allowed) return {};
  return {
    ...allowed,
    ...listHeader("access-control-allow-methods", cors.allowMethods),
    ...listHeader("access-control-allow-headers", cors.allowHeaders),
    ...(cors.maxAgeSeconds ? { "access-control-max-age": String(cors.maxAgeSeconds) } : {}),
    vary: "Origin,Access-Control-Request-Method,Access-Control-Request-Headers", // recalled
  };
}

/** On top of what the function answers. */
export function simpleHeaders(cors: UrlCors, request: CorsRequest): Record<string, string> {
  const allowed = originHeaders(cors, request);
  if (!allowed) return {};
  return { ...allowed, ...listHeader("access-control-expose-headers", cors.exposeHeaders), vary: "Origin" };
}

function originHeaders(cors: UrlCors, { headers }: CorsRequest): Record<string, string> | undefined {
  const { origin } = headers;
  const { allowOrigins = [], allowCredentials = false } = cors;
  if (origin === undefined || !allowOrigins.some((allowed) => matches(allowed, origin))) return undefined;
  const isAny = allowOrigins.includes("*") && !allowCredentials;
  return {
    "access-control-allow-origin": isAny ? "*" : origin,
    ...(allowCredentials && { "access-control-allow-credentials": "true" }),
  };
}

/** `*`, `https://*`, or the origin itself: hosts know no case. */
function matches(allowed: string, origin: string): boolean {
  if (allowed === "*") return true;
  if (allowed.endsWith("://*")) return origin.startsWith(allowed.slice(0, -1));
  return allowed.toLowerCase() === origin.toLowerCase();
}

function listHeader(name: string, values: readonly string[] | undefined): Record<string, string> {
  return values && values.length > 0 ? { [name]: values.join(",") } : {};
}
