/**
 * An HTTP request as the event that a function behind a URL receives: payload format 2.0. Pure. Source:
 * map-http-frontdoors 1.4.
 */
import { isText } from "./media-type.ts";

export interface UrlRequest {
  readonly urlId: string;
  readonly method: string;
  /** The `Host` header as received. */
  readonly host: string;
  /** Still percent-encoded, at least "/". */
  readonly path: string;
  readonly query: string;
  /** Names in lower case, repeated values joined with ",". */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly remoteAddress: string;
  readonly requestId: string;
  readonly traceHeader: string;
  readonly nowMs: number;
  /** Who signed it; undefined for URLs that take anyone. */
  readonly caller: UrlCaller | undefined;
}

export interface UrlCaller {
  readonly account: string;
  readonly accessKey: string | undefined;
  readonly principalArn: string;
}

export function urlEvent(request: UrlRequest): Record<string, unknown> {
  const { method, path, query, headers, body, caller } = request;
  const cookies = cookiesOf(headers["cookie"]);
  const isBase64Encoded = body.length > 0 && !isText(headers["content-type"], headers["content-encoding"]);
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: path,
    rawQueryString: query,
    ...(cookies.length > 0 && { cookies }),
    headers: eventHeaders(request),
    ...(query !== "" && { queryStringParameters: parametersOf(query) }),
    requestContext: {
      accountId: caller?.account ?? "anonymous",
      apiId: request.urlId,
      ...(caller && { authorizer: { iam: iamOf(caller) } }),
      domainName: request.host,
      domainPrefix: request.urlId,
      http: {
        method,
        path,
        protocol: "HTTP/1.1",
        sourceIp: request.remoteAddress,
        userAgent: headers["user-agent"],
      },
      requestId: request.requestId,
      routeKey: "$default",
      stage: "$default",
      time: timeText(request.nowMs),
      timeEpoch: request.nowMs,
    },
    ...(body.length > 0 && { body: Buffer.from(body).toString(isBase64Encoded ? "base64" : "utf8") }),
    isBase64Encoded,
  };
}

function eventHeaders({ headers, host, remoteAddress, traceHeader }: UrlRequest): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => !name.startsWith(":") && !hopByHop.has(name));
  const {
    "x-forwarded-for": forwarded,
    "x-forwarded-proto": proto = "http",
    ...own
  } = Object.fromEntries(kept);
  return {
    "x-forwarded-port": /:(\d+)$/.exec(host)?.[1] ?? (proto === "https" ? "443" : "80"),
    ...own,
    "x-forwarded-proto": proto, // of the proxy that ends TLS in front of us, if there is one
    "x-amzn-trace-id": traceHeader,
    "x-forwarded-for": forwarded === undefined ? remoteAddress : `${forwarded}, ${remoteAddress}`,
  };
}

/** Of this connection, not of the request; what begins with ":" is HTTP/2's own. */
const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

function cookiesOf(header: string | undefined): string[] {
  if (header === undefined) return [];
  return header
    .split(";")
    .map((cookie) => cookie.trim())
    .filter((cookie) => cookie !== "");
}

function parametersOf(query: string): Record<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    const before = values.get(name);
    values.set(name, before === undefined ? value : `${before},${value}`);
  }
  return Object.fromEntries(values);
}

function iamOf({ account, accessKey, principalArn }: UrlCaller): Record<string, unknown> {
  return {
    accessKey,
    accountId: account,
    callerId: accessKey,
    cognitoIdentity: null,
    principalOrgId: null,
    userArn: principalArn,
    userId: accessKey,
  };
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** "12/Mar/2020:19:03:58 +0000" */
function timeText(atMs: number): string {
  const at = new Date(atMs);
  const day = String(at.getUTCDate()).padStart(2, "0");
  const month = months[at.getUTCMonth()] ?? "";
  return `${day}/${month}/${at.getUTCFullYear()}:${at.toISOString().slice(11, 19)} +0000`;
}
