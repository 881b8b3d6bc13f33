/**
 * The canonical request of Signature Version 4, recomputed from what was received: raw path, raw query, and the headers
 * that the client names. Pure; slow paths (dot segments, escapes, runs of spaces) are taken only when needed.
 *
 * Source: "Create a signed AWS API request" in the IAM guide, and what the SDKs' signers do.
 */
import type { WireRequest } from "./protocol.ts";
import { decodeQuery, encodeStrict, isUnreserved } from "./query-string.ts";

export type RequestHead = Omit<WireRequest, "body">;

/** S3 signs the path as sent; every other service normalises it and encodes it once more. */
export type PathRule = "as-sent" | "encoded-again";

export function canonicalRequest(
  head: RequestHead,
  signedHeaders: string,
  payloadHash: string,
  rule: PathRule,
): string {
  const path = rule === "as-sent" ? escapedPath(head.path) : encodedPath(normalisedPath(head.path));
  const query = canonicalQuery(head.query);
  return `${head.method}\n${path}\n${query}\n${canonicalHeaders(head, signedHeaders)}\n${signedHeaders}\n${payloadHash}`;
}

function canonicalHeaders(head: RequestHead, signedHeaders: string): string {
  let text = "";
  for (const name of signedHeaders.split(";")) {
    const value = head.headers[name];
    text += `${name}:${typeof value === "string" ? singleSpaced(value) : ""}\n`;
  }
  return text;
}

function singleSpaced(value: string): string {
  const trimmed = value.trim();
  return trimmed.includes("  ") ? trimmed.replace(/ +/g, " ") : trimmed;
}

/** Sorted by encoded name, then value; without the signature itself. */
function canonicalQuery(query: string): string {
  if (query === "") return "";
  const pairs: [name: string, value: string][] = [];
  for (const part of query.split("&")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    const name = reencoded(equals === -1 ? part : part.slice(0, equals));
    if (name === "X-Amz-Signature") continue;
    pairs.push([name, equals === -1 ? "" : reencoded(part.slice(equals + 1))]);
  }
  pairs.sort((a, b) => byCode(a[0], b[0]) || byCode(a[1], b[1]));
  return pairs.map(([name, value]) => `${name}=${value}`).join("&");
}

function byCode(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function reencoded(text: string): string {
  return isUnreserved(text) ? text : encodeStrict(decodeQuery(text));
}

function encodedPath(path: string): string {
  if (isUnreserved(path, slash)) return path;
  return path.split("/").map(encodeStrict).join("/");
}

/** Escapes what should have been escaped, leaves the escapes that are there. */
function escapedPath(path: string): string {
  if (isUnreserved(path, slash)) return path;
  return path
    .split("/")
    .map((segment) => segment.split("%").map(encodeStrict).join("%"))
    .join("/");
}

function normalisedPath(path: string): string {
  if (!path.includes("//") && !path.includes("/.")) return path;
  const kept: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") kept.pop();
    else if (segment !== "" && segment !== ".") kept.push(segment);
  }
  const trailing = kept.length > 0 && path.endsWith("/") ? "/" : "";
  return `/${kept.join("/")}${trailing}`;
}

const slash = 47;
