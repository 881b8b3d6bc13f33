/**
 * The commands' own AWS client: a signed request to a running lambdad, with no SDK behind it. It speaks only what the
 * commands need: Lambda's REST and CloudWatch Logs's JSON.
 */
import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { buffer } from "node:stream/consumers";
import { request as httpRequest } from "../base/http.ts";
import type { ClientSettings } from "../config.ts";
import type { Clock } from "../base/clock.ts";
import { CommandError } from "./output.ts";

export interface ApiRequest {
  readonly service: "lambda" | "logs";
  readonly method: string;
  /** Path and query, encoded. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

export interface ApiResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** An AWS error, as the service named it. */
export class ApiError extends Error {
  override name = "ApiError";
  readonly code: string;
  readonly status: number;
  constructor(code: string, status: number, message: string) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export interface Client {
  /** Throws `ApiError` for AWS errors, `CommandError` when nobody answers. */
  send(request: ApiRequest): Promise<ApiResponse>;
  lambda<T>(method: string, path: string, body?: object): Promise<T>;
  /** lambdad's own routes: "async/purge". */
  admin<T>(path: string, body: object): Promise<T>;
  logs<T>(operation: string, body: object): Promise<T>;
}

export function createClient(settings: ClientSettings, clock: Clock): Client {
  async function send(request: ApiRequest): Promise<ApiResponse> {
    const url = new URL(request.path, settings.endpoint);
    const headers = signedHeaders(settings, request, url, clock.now());
    const response = await reach(url, { ...request, headers }, settings.endpoint);
    if (response.status >= 400) throw errorOf(response);
    return response;
  }
  return {
    send,
    async lambda<T>(method: string, path: string, body?: object) {
      const answer = await send({
        service: "lambda",
        method,
        path,
        body: body && JSON.stringify(body),
        headers: json,
      });
      return parsed(answer.body) as T;
    },
    async admin<T>(path: string, body: object) {
      const answer = await send({
        service: "lambda",
        method: "POST",
        path: `/_lambdad/${path}`,
        body: JSON.stringify(body),
        headers: json,
      });
      return parsed(answer.body) as T;
    },
    async logs<T>(operation: string, body: object) {
      const headers = {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": `Logs_20140328.${operation}`,
      };
      const answer = await send({
        service: "logs",
        method: "POST",
        path: "/",
        headers,
        body: JSON.stringify(body),
      });
      return parsed(answer.body) as T;
    },
  };
}

const json = { "content-type": "application/json" };

/** Waits for as long as a function runs: `fetch` would give up after five minutes. */
async function reach(
  url: URL,
  { method, headers, body }: ApiRequest,
  endpoint: string,
): Promise<ApiResponse> {
  const request = url.protocol === "https:" ? httpsRequest : httpRequest;
  try {
    const sent = request(url, { method, headers: { ...headers } });
    sent.end(body);
    const [answer] = (await once(sent, "response")) as [IncomingMessage];
    return {
      status: answer.statusCode ?? 0,
      headers: new Headers(Object.entries(answer.headers).map(([name, value]) => [name, String(value)])),
      body: new Uint8Array(await buffer(answer)),
    };
  } catch (error) {
    throw new CommandError(
      `no lambdad answers at ${endpoint}`,
      "Start one with `lambdad up`, or name another with --endpoint or AWS_ENDPOINT_URL.",
      { cause: error },
    );
  }
}

function parsed(body: Uint8Array): unknown {
  return body.length === 0 ? {} : JSON.parse(Buffer.from(body).toString());
}

function errorOf({ status, headers, body }: ApiResponse): ApiError {
  const text = Buffer.from(body).toString();
  let fields: ErrorFields = {};
  try {
    fields = JSON.parse(text) as ErrorFields;
  } catch {
    fields = { message: text };
  }
  const code = headers.get("x-amzn-errortype") ?? fields.__type ?? `HTTP ${status}`;
  const message = fields.message ?? fields.Message ?? "no message";
  return new ApiError(code.replace(/^.*#/, "").replace(/:.*$/, ""), status, message);
}

interface ErrorFields {
  readonly __type?: string;
  readonly message?: string;
  readonly Message?: string;
}

/** Signature Version 4 over host, date and body. */
function signedHeaders(
  settings: ClientSettings,
  request: ApiRequest,
  url: URL,
  nowMs: number,
): Record<string, string> {
  const stamp = new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const scope = [stamp.slice(0, 8), settings.region, request.service, "aws4_request"];
  const path = url.pathname
    .split("/")
    .map((part) => encodeURIComponent(part))
    .join("/");
  const query = [...url.searchParams]
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .toSorted()
    .join("&");
  const bodyHash = sha256(request.body ?? "");
  const canonical = [
    request.method,
    path,
    query,
    `host:${url.host}`,
    `x-amz-date:${stamp}`,
    "",
    "host;x-amz-date",
    bodyHash,
  ];
  const key = scope.reduce<string | Buffer>(
    (secret, part) => hmac(secret, part),
    `AWS4${settings.secretKey}`,
  );
  const toSign = ["AWS4-HMAC-SHA256", stamp, scope.join("/"), sha256(canonical.join("\n"))];
  const signature = hmac(key, toSign.join("\n")).toString("hex");
  return {
    ...request.headers,
    "x-amz-date": stamp,
    authorization:
      `AWS4-HMAC-SHA256 Credential=${settings.accessKey}/${scope.join("/")}, ` +
      `SignedHeaders=host;x-amz-date, Signature=${signature}`,
  };
}

function sha256(content: Uint8Array | string): string {
  return createHash("sha256").update(content).digest("hex");
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
