/**
 * Function URLs: an address of its own for a function or an alias. Pure. Sources: lambda-map 8, map-http-frontdoors 1.
 *
 * The id is all that is kept of the address: host and port depend on how the caller has reached us.
 */
import { isIP } from "node:net";
import { functionUrlLengthMax } from "../../../limits.ts";
import { invalidParameter } from "../errors.ts";
import type { Input } from "../operation-types.ts";
import { isHeaderValue } from "./url-response.ts";

export interface FunctionUrl {
  /** 32 lower-case letters and digits; never changes, never comes again. */
  readonly urlId: string;
  readonly authType: "NONE" | "AWS_IAM";
  readonly cors: UrlCors | undefined;
  /** Undefined: never given; then it is BUFFERED, and AWS's answer to Create does not show it. */
  readonly invokeMode: "BUFFERED" | "RESPONSE_STREAM" | undefined;
  readonly createdAtMs: number;
  readonly lastModifiedAtMs: number;
}

/** Members that were not given are left out, here as in AWS's answers. */
export interface UrlCors {
  readonly allowCredentials?: boolean;
  readonly allowHeaders?: readonly string[];
  readonly allowMethods?: readonly string[];
  readonly allowOrigins?: readonly string[];
  readonly exposeHeaders?: readonly string[];
  readonly maxAgeSeconds?: number;
}

export type CorsInput = NonNullable<Input<"CreateFunctionUrlConfig">["Cors"]>;

/** Undefined for `{}`, which takes CORS away. Throws for what no header could say. */
export function corsOf(input: CorsInput): UrlCors | undefined {
  for (const [member, values] of Object.entries(input)) {
    if (!Array.isArray(values) || values.every(isHeaderValue)) continue;
    // inferred: AWS's text is not known.
    throw invalidParameter(`The values of Cors.${member} must be such as HTTP headers can have.`);
  }
  const cors: UrlCors = {
    ...(input.AllowCredentials !== undefined && { allowCredentials: input.AllowCredentials }),
    ...(input.AllowHeaders && { allowHeaders: input.AllowHeaders }),
    ...(input.AllowMethods && { allowMethods: input.AllowMethods }),
    ...(input.AllowOrigins && { allowOrigins: input.AllowOrigins }),
    ...(input.ExposeHeaders && { exposeHeaders: input.ExposeHeaders }),
    ...(input.MaxAge !== undefined && { maxAgeSeconds: input.MaxAge }),
  };
  return Object.keys(cors).length > 0 ? cors : undefined;
}

/** Five bits of each byte: "a" to "z", "2" to "7". */
export function urlIdOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => "abcdefghijklmnopqrstuvwxyz234567"[byte & 31]).join("");
}

export const urlPathPrefix = "/_lambdad/url/";

export interface ReachedAt {
  /** How the caller has reached us: no slash at its end. */
  readonly endpoint: string;
  /** Whether names below `localhost` are found on this machine. */
  readonly hasLoopbackNames: boolean;
}

/**
 * An address that leads to us as long as `endpoint` does: below its name, or below `localhost` where that is this machine;
 * where there are no such names, or the name would be too long, a path.
 */
export function functionUrlOf(
  urlId: string,
  region: string,
  { endpoint, hasLoopbackNames }: ReachedAt,
): string {
  const { protocol, hostname, port } = new URL(endpoint);
  const isLoopback = hostname.startsWith("127.") || hostname === "[::1]" || hostname === "localhost";
  const parent = isLoopback ? "localhost" : hostname;
  const url = `${protocol}//${urlId}.lambda-url.${region}.${parent}${port && `:${port}`}/`;
  const isName = isLoopback ? hasLoopbackNames : isIP(parent.replace(/^\[|\]$/g, "")) === 0;
  return isName && url.length <= functionUrlLengthMax ? url : `${endpoint}${urlPathPrefix}${urlId}/`;
}

export interface AddressedUrl {
  readonly urlId: string;
  /** As its function sees it. */
  readonly path: string;
  /** What comes before that path: nothing where the host is the address. */
  readonly prefix: string;
}

/** Which URL a request is for; undefined: none. */
export function addressedUrl(host: string, path: string): AddressedUrl | undefined {
  const [urlId = "", rest] = host.toLowerCase().split(".lambda-url.");
  if (rest !== undefined) return { urlId, path: path === "" ? "/" : path, prefix: "" };
  if (!path.startsWith(urlPathPrefix)) return undefined;
  const [, id = "", own = ""] = /^([^/]*)(.*)$/s.exec(path.slice(urlPathPrefix.length)) ?? [];
  return { urlId: id, path: own === "" ? "/" : own, prefix: urlPathPrefix + id };
}
