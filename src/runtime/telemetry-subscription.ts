/**
 * What an extension may ask of the Telemetry API and of the Logs API, its predecessor: the body of its PUT, checked.
 *
 * Pure. A destination is always a port of the extension's own sandbox, never a host that it names. Source: lambda-map
 * 5.3; inferred: the sentences about what is wrong.
 */
import {
  telemetryBytesMax,
  telemetryBytesMin,
  telemetryItemsMax,
  telemetryItemsMin,
  telemetryTimeoutMsDefault,
  telemetryTimeoutMsMax,
  telemetryTimeoutMsMin,
  telemetryUriLengthMax,
} from "../limits.ts";

export type TelemetryApi = "telemetry" | "logs";
export type TelemetryType = "platform" | "function" | "extension";

export interface Subscription {
  readonly api: TelemetryApi;
  readonly schemaVersion: string;
  readonly types: readonly TelemetryType[];
  readonly buffering: Buffering;
  readonly destination: Destination;
}

/** A batch leaves when the first of them is reached. */
export interface Buffering {
  readonly maxItems: number;
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

export type Destination =
  | {
      readonly protocol: "HTTP";
      readonly port: number;
      readonly path: string;
      readonly method: "POST" | "PUT";
    }
  | { readonly protocol: "TCP"; readonly port: number };

const schemaVersions: Readonly<Record<TelemetryApi, readonly [string, ...string[]]>> = {
  telemetry: ["2022-07-01", "2022-12-13", "2025-01-29"],
  logs: ["2020-08-15", "2021-03-18"],
};
/** The second is what AWS's own examples for the Logs API use. */
const sandboxHosts = ["sandbox.localdomain", "sandbox"] as const;

/** Answers a sentence about what is wrong, if something is. `ownPorts`: of lambdad, where nobody may be sent to. */
export function readSubscription(
  api: TelemetryApi,
  body: Uint8Array,
  ownPorts: readonly number[],
): Subscription | string {
  const request = objectOf(parsed(body));
  if (!request) return "The request body is not a JSON object";
  const schemaVersion = request["schemaVersion"] ?? schemaVersions[api][0];
  if (!isOneOf(schemaVersion, schemaVersions[api]))
    return `schemaVersion must be one of [${schemaVersions[api].join(", ")}]`;
  const types = typesOf(request["types"]);
  if (!types) return "types must be a list of one or more of [platform, function, extension]";
  const buffering = bufferingOf(request["buffering"]);
  if (typeof buffering === "string") return buffering;
  const destination = destinationOf(request["destination"]);
  if (typeof destination === "string") return destination;
  if (ownPorts.includes(destination.port))
    return `destination: port ${destination.port} is not a listener's of this execution environment`;
  return { api, schemaVersion, types, buffering, destination };
}

const allTypes = ["platform", "function", "extension"] as const;

function typesOf(value: unknown): readonly TelemetryType[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const types = allTypes.filter((type) => value.includes(type));
  return value.every((type) => isOneOf(type, allTypes)) ? types : undefined;
}

function bufferingOf(value: unknown): Buffering | string {
  const given = objectOf(value ?? {});
  if (!given) return "buffering must be an object";
  const { maxItems = telemetryItemsMax, maxBytes = telemetryBytesMin } = given;
  const { timeoutMs = telemetryTimeoutMsDefault } = given;
  if (!isWithin(maxItems, telemetryItemsMin, telemetryItemsMax))
    return `buffering.maxItems must be between ${telemetryItemsMin} and ${telemetryItemsMax}`;
  if (!isWithin(maxBytes, telemetryBytesMin, telemetryBytesMax))
    return `buffering.maxBytes must be between ${telemetryBytesMin} and ${telemetryBytesMax}`;
  if (!isWithin(timeoutMs, telemetryTimeoutMsMin, telemetryTimeoutMsMax))
    return `buffering.timeoutMs must be between ${telemetryTimeoutMsMin} and ${telemetryTimeoutMsMax}`;
  return { maxItems, maxBytes, timeoutMs };
}

function destinationOf(value: unknown): Destination | string {
  const given = objectOf(value);
  if (!given) return "destination must be an object";
  const { protocol, URI: uri, port, method = "POST", encoding = "JSON" } = given;
  if (encoding !== "JSON") return "destination.encoding must be JSON";
  if (protocol === "TCP")
    return isWithin(port, 1, 65_535) ? { protocol, port } : "destination.port must be between 1 and 65535";
  if (protocol !== "HTTP") return "destination.protocol must be one of [HTTP, TCP]";
  if (method !== "POST" && method !== "PUT") return "destination.method must be one of [POST, PUT]";
  if (typeof uri !== "string" || uri.length > telemetryUriLengthMax || !URL.canParse(uri))
    return "destination.URI must be a URI";
  const url = new URL(uri);
  const hasOnlyPlace = url.username === "" && url.password === "" && url.hash === "";
  if (url.protocol !== "http:" || !isOneOf(url.hostname, sandboxHosts) || !hasOnlyPlace)
    return `destination.URI must begin with http://${sandboxHosts[0]}`;
  const path = url.pathname + url.search;
  return { protocol, port: url.port === "" ? 80 : Number(url.port), path, method };
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString());
  } catch {
    return undefined;
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function isOneOf<T extends string>(value: unknown, allowed: readonly T[]): value is T {
  return allowed.some((one) => one === value);
}

function isWithin(value: unknown, min: number, max: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= min && value <= max;
}
