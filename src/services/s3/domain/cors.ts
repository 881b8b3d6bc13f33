/** A bucket's CORS: checks of its rules, and which rule lets a page in. Pure. Source: map-sqs-sns-s3 3.16, recorded. */
import type * as S3 from "@aws-sdk/client-s3";
import { corsRulesMax } from "../../../limits.ts";
import { invalidRequest, malformedXml } from "../errors.ts";

export const corsMethods: ReadonlySet<string> = new Set(["GET", "PUT", "POST", "DELETE", "HEAD"]);

export function checkedCors(rules: readonly S3.CORSRule[]): readonly S3.CORSRule[] {
  if (rules.length === 0 || rules.length > corsRulesMax) throw malformedXml();
  for (const { AllowedMethods = [], AllowedOrigins = [], AllowedHeaders = [], ExposeHeaders = [] } of rules) {
    if (AllowedMethods.length === 0 || AllowedOrigins.length === 0) throw malformedXml();
    for (const method of AllowedMethods) {
      if (corsMethods.has(method)) continue;
      throw invalidRequest(`Found unsupported HTTP method in CORS config. Unsupported method is ${method}`);
    }
    for (const origin of AllowedOrigins) {
      if (stars(origin) > 1) {
        throw invalidRequest(`AllowedOrigin "${origin}" can not have more than one wildcard.`);
      }
    }
    for (const header of AllowedHeaders) {
      if (stars(header) > 1) {
        throw invalidRequest(`AllowedHeader "${header}" can not have more than one wildcard.`);
      }
      if (!isHeaderName(header))
        throw invalidRequest(`AllowedHeader "${header}" contains invalid character.`);
    }
    for (const header of ExposeHeaders) {
      if (header.includes("*")) {
        throw invalidRequest(
          `ExposeHeader "${header}" contains wildcard. We currently do not support wildcard for ExposeHeader.`,
        );
      }
    }
  }
  return rules;
}

/** Headers that let the page in; undefined: no rule does. `asked`: those that a preflight asks for. */
export function corsHeaders(
  rules: readonly S3.CORSRule[],
  origin: string,
  method: string,
  asked: readonly string[],
): Record<string, string> | undefined {
  const rule = rules.find(
    ({ AllowedMethods = [], AllowedOrigins = [], AllowedHeaders = [] }) =>
      AllowedOrigins.some((pattern) => isLike(origin, pattern)) &&
      AllowedMethods.includes(method) &&
      asked.every((header) => AllowedHeaders.some((pattern) => isLike(header, pattern.toLowerCase()))),
  );
  if (!rule) return undefined;
  const isAny = rule.AllowedOrigins?.includes("*") === true;
  return {
    "access-control-allow-origin": isAny ? "*" : origin,
    "access-control-allow-methods": (rule.AllowedMethods ?? []).join(", "),
    ...(asked.length > 0 && { "access-control-allow-headers": asked.join(", ") }),
    ...(rule.ExposeHeaders?.length && { "access-control-expose-headers": rule.ExposeHeaders.join(", ") }),
    ...(rule.MaxAgeSeconds !== undefined && { "access-control-max-age": String(rule.MaxAgeSeconds) }),
    ...(!isAny && { "access-control-allow-credentials": "true" }),
    vary: "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
  };
}

/** The header of a preflight, in lower case. */
export function askedHeaders(header: string | undefined): readonly string[] {
  const names = (header ?? "").split(",").map((name) => name.trim().toLowerCase());
  return names.filter((name) => name !== "");
}

export function isHeaderName(text: string): boolean {
  return /^[\w!#$%&'*+.^`|~-]+$/.test(text);
}

function stars(text: string): number {
  return text.split("*").length - 1;
}

/** One "*" at most. */
function isLike(text: string, pattern: string): boolean {
  const star = pattern.indexOf("*");
  if (star === -1) return text === pattern;
  const [head, tail] = [pattern.slice(0, star), pattern.slice(star + 1)];
  return text.length >= head.length + tail.length && text.startsWith(head) && text.endsWith(tail);
}
