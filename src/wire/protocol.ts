/**
 * What a codec does, and the plain form of requests and responses that it works on. One file per protocol implements
 * `Protocol`; `gateway/route.ts` chooses one per request, never per service.
 */
import type { AwsError } from "./aws-error.ts";
import type { Operation, ProtocolId, ServiceModel } from "./model.ts";

export interface WireRequest {
  readonly method: string;
  /** As received: percent-encoded, without the query string. */
  readonly path: string;
  /** As received, without "?". */
  readonly query: string;
  /** Lower-case names; repeated headers joined with ",". */
  readonly headers: Readonly<Record<string, string>>;
  /** Decoded (no aws-chunked framing, no gzip). A stream only where the input has a streaming payload. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array>;
}

export interface WireResponse {
  readonly status: number;
  readonly headers: Record<string, string | string[]>;
  readonly body?: Uint8Array | string | AsyncIterable<Uint8Array>;
}

/** URI labels of the routed operation, percent-encoded as received. */
export type Labels = Readonly<Record<string, string>>;

/** Input or output of an operation: member names as in the model; blobs `Uint8Array`, timestamps `Date`. */
export type Structure = Record<string, unknown>;

/** Under this key an output of restJson1 or restXml may have headers that its model does not know, lower-case. */
export const moreHeaders = Symbol("moreHeaders");

export const keptBody = Symbol("keptBody");

/** A place for the body of an output, under the key `keptBody`. */
export interface KeptBody {
  bytes?: Uint8Array;
}

/** For an output that never changes and is answered again and again: restJson1 writes its body once. */
export function withKeptBody<T extends object>(output: T): T {
  const place: KeptBody = {};
  return Object.defineProperty(output, keptBody, { value: place });
}

export interface Protocol {
  readonly id: ProtocolId;
  /** Throws `AwsError` "SerializationException" for what cannot be read. Does not validate constraints. */
  read(operation: Operation, request: WireRequest, labels: Labels): Structure;
  /** Members that the model does not know are dropped; null and undefined are left out. */
  write(operation: Operation, output: Structure, requestId: string): WireResponse;
  /** `service` and `operation` are undefined when routing failed. */
  error(
    error: AwsError,
    requestId: string,
    service: ServiceModel | undefined,
    operation: Operation | undefined,
  ): WireResponse;
}
