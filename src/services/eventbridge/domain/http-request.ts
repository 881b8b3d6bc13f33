/**
 * The request to an API destination: endpoint with its placeholders filled, what the connection and the target add, and
 * authorization. Pure. Source: map-events-observability 1.6 (dynamic parameters), 1.8.
 */
import { parseExact } from "../../../events/event-value.ts";
import type { Addition, Additions, ApiDestinationRecord, ConnectionRecord } from "./connection.ts";
import { parsePath, valueAt } from "./json-path.ts";
import type { HttpParameters } from "./rule.ts";

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  /** Names as they are sent. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface HttpOrder {
  readonly destination: ApiDestinationRecord;
  readonly connection: ConnectionRecord;
  readonly parameters: HttpParameters | undefined;
  /** As it came: parameters may be paths into it. */
  readonly event: string;
  /** What the target is sent. */
  readonly payload: string;
  /** Of OAuth. */
  readonly token: string | undefined;
}

export function requestOf(order: HttpOrder): HttpRequest {
  const { destination, connection, parameters, payload } = order;
  const event = parseExact(order.event);
  const dynamic = (text: string) => dynamicValue(text, event);
  const url = filledUrl(destination.endpoint, (parameters?.path ?? []).map(dynamic));
  for (const { name, value } of connection.http?.query ?? []) url.searchParams.append(name, value);
  for (const [name, value] of Object.entries(parameters?.query ?? {})) {
    url.searchParams.append(name, dynamic(value));
  }
  const body = Buffer.from(withAdditions(payload, connection.http?.body ?? []));
  const given = [
    ...Object.entries(parameters?.headers ?? {}).map(([name, value]) => ({ name, value: dynamic(value) })),
    // The connection's win over the target's.
    ...(connection.http?.headers ?? []),
  ];
  const headers = new Map<string, string>([
    ["user-agent", "Amazon/EventBridge/ApiDestinations"],
    ["content-type", "application/json; charset=utf-8"],
    ["range", "bytes=0-1048575"],
    ["accept-encoding", "gzip,deflate"],
    ["connection", "close"],
  ]);
  for (const { name, value } of given) headers.set(name.toLowerCase(), oneLine(value));
  headers.set(...authorization(connection, order.token));
  headers.set("content-length", String(body.length));
  return { method: destination.method, url, headers: Object.fromEntries(headers), body };
}

/** The request for an OAuth token: a form, or for GET a query. */
export function tokenRequestOf(
  auth: Extract<ConnectionRecord["auth"], { kind: "OAUTH_CLIENT_CREDENTIALS" }>,
): HttpRequest {
  const { clientId, clientSecret, endpoint, method, http } = auth;
  const url = new URL(endpoint);
  const form = new URLSearchParams({
    grant_type: "client_credentials",
    client_id: clientId,
    client_secret: clientSecret,
  });
  for (const { name, value } of http?.body ?? []) form.set(name, value);
  for (const { name, value } of http?.query ?? []) url.searchParams.append(name, value);
  if (method === "GET") for (const [name, value] of form) url.searchParams.append(name, value);
  const body = Buffer.from(method === "GET" ? "" : form.toString());
  const headers: Record<string, string> = {
    "user-agent": "Amazon/EventBridge/ApiDestinations",
    "content-type": "application/x-www-form-urlencoded; charset=utf-8",
    "content-length": String(body.length),
    connection: "close",
  };
  for (const { name, value } of http?.headers ?? []) headers[name.toLowerCase()] = oneLine(value);
  return { method, url, headers, body };
}

/** No additions: undefined. */
export function isEmpty({ headers, query, body }: Additions): boolean {
  return headers.length + query.length + body.length === 0;
}

function authorization({ auth }: ConnectionRecord, token = ""): [name: string, value: string] {
  switch (auth.kind) {
    case "BASIC":
      return ["authorization", `Basic ${Buffer.from(`${auth.user}:${auth.password}`).toString("base64")}`];
    case "API_KEY":
      return [auth.header.toLowerCase(), oneLine(auth.value)];
    case "OAUTH_CLIENT_CREDENTIALS":
      return ["authorization", `Bearer ${oneLine(token)}`];
  }
}

/** Each `*` is one path parameter, in order. */
function filledUrl(endpoint: string, values: readonly string[]): URL {
  let at = 0;
  return new URL(endpoint.replaceAll("*", () => encodeURIComponent(values[at++] ?? "")));
}

/** Body parameters go into a JSON object; what is no object stays as it is. */
function withAdditions(payload: string, additions: readonly Addition[]): string {
  if (additions.length === 0) return payload;
  const body = parseExact(payload);
  if (typeof body !== "object" || body === null || Array.isArray(body)) return payload;
  return JSON.stringify({
    ...body,
    ...Object.fromEntries(additions.map(({ name, value }) => [name, value])),
  });
}

function dynamicValue(text: string, event: unknown): string {
  const path = text.startsWith("$") ? parsePath(text) : undefined;
  if (!path) return text;
  const value = valueAt(event, path);
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** A header is one line: what an event brings must not begin another one. */
function oneLine(value: string): string {
  return value.replace(/[^\t\x20-\x7e\x80-\xff]/g, " ");
}
