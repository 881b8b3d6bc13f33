/**
 * Browsers. Pages of this machine may call every API, as AWS allows it; pages of other sites may not while signatures
 * are not verified, for then any page on the web could deploy and run functions here. With `--secure` the signature
 * protects, and every origin is let in. Pure.
 *
 * A browser says where a page is from in `Origin`, or, where it leaves that out (images, links), in `Sec-Fetch-Site`.
 */
import { AwsError } from "../wire/aws-error.ts";
import type { WireResponse } from "../wire/protocol.ts";
import type { RequestHead } from "../wire/sigv4-canonical.ts";
import { hostName } from "./hosts.ts";

export function isPreflight({ method, headers }: RequestHead): boolean {
  return method === "OPTIONS" && headers["origin"] !== undefined;
}

/** Throws for a page that must not call. */
export function refuseForeignPage(head: RequestHead, secure: boolean): void {
  if (secure || !isFromForeignPage(head)) return;
  const text =
    "Pages of other sites may not call lambdad while it does not verify signatures (lambdad up --secure does).";
  throw new AwsError("AccessDeniedException", text, { status: 403 });
}

export function preflightResponse(head: RequestHead): WireResponse {
  const asked = head.headers["access-control-request-headers"];
  return {
    status: 200,
    headers: {
      "access-control-allow-methods": "GET, HEAD, PUT, POST, DELETE, PATCH",
      ...(asked === undefined ? {} : { "access-control-allow-headers": asked }),
      "access-control-max-age": "172800", // AWS: two days
    },
  };
}

export function addCorsHeaders(head: RequestHead, response: WireResponse): void {
  if (head.headers["origin"] === undefined) return;
  response.headers["access-control-allow-origin"] = "*";
  response.headers["access-control-expose-headers"] = "*";
}

function isFromForeignPage({ headers, query }: RequestHead): boolean {
  const origin = headers["origin"];
  if (origin !== undefined) return !isOwnOrigin(origin, headers["host"] ?? "");
  if (headers["sec-fetch-site"] !== "cross-site") return false;
  // Following a link to an object or a code download is harmless; a link that carries an action is not.
  return headers["sec-fetch-mode"] !== "navigate" || query.includes("Action=");
}

function isOwnOrigin(origin: string, host: string): boolean {
  const scheme = origin.indexOf("://");
  if (scheme === -1) return false; // "null": sandboxed frames of any site have it
  const name = hostName(origin.slice(scheme + 3));
  if (name === "localhost" || name.endsWith(".localhost") || name === "::1") return true;
  if (!/^\d+\.\d+\.\d+\.\d+$/.test(name)) return false; // a name may be rebound to our address
  return name.startsWith("127.") || name === hostName(host);
}
