/**
 * The two CBOR protocols: Smithy's rpcv2Cbor (CloudWatch) and Amazon's older amzCbor (Kinesis with the Java SDKs).
 *
 * They differ in how the operation is named (the gateway's business), in content type, and in the unit of timestamps.
 */
import type { AwsError } from "./aws-error.ts";
import { createCborCodec, type CborCodec } from "./cbor-shape.ts";
import type { TimestampUnit } from "./cbor.ts";
import { errorAnswer, errorHeaders, queryErrorHeader, requestIdHeaders } from "./error-body.ts";
import type { ServiceModel, Shape } from "./model.ts";
import type { Protocol, WireResponse } from "./protocol.ts";
import { plainText } from "./text-value.ts";
import { collectedBody, writeRpc, type RpcFormat } from "./rpc.ts";

export const rpcv2Cbor = createCborProtocol("rpcv2Cbor", {
  unit: "seconds",
  contentType: "application/cbor",
  headers: { "smithy-protocol": "rpc-v2-cbor" },
});

export const amzCbor = createCborProtocol("amzCbor", {
  unit: "milliseconds",
  contentType: "application/x-amz-cbor-1.1",
  headers: {},
});

interface Variant {
  readonly unit: TimestampUnit;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string>>;
}

function createCborProtocol(id: "rpcv2Cbor" | "amzCbor", variant: Variant): Protocol {
  const codec = createCborCodec(variant.unit);
  const format: RpcFormat = {
    contentType: variant.contentType,
    read: codec.readStructure,
    write: (shape, value) => codec.writeStructure(shape, value),
  };
  return {
    id,
    read: (operation, request) => codec.readStructure(operation.input, collectedBody(request)),
    write(operation, output, requestId) {
      const response = writeRpc(operation, output, { requestId, format });
      Object.assign(response.headers, variant.headers);
      if (operation.output.kind !== "unit") return response;
      delete response.headers["content-type"];
      return { ...response, body: "" };
    },
    error: (error, requestId, service) => writeError(error, { requestId, service, variant, codec }),
  };
}

const noMembers: Shape = {
  kind: "structure",
  name: "Unmodelled",
  traits: {},
  members: [],
  memberByName: new Map(),
  sparse: false,
  isEventStream: false,
};

function writeError(
  error: AwsError,
  about: {
    readonly requestId: string;
    readonly service: ServiceModel | undefined;
    readonly variant: Variant;
    readonly codec: CborCodec;
  },
): WireResponse {
  const { requestId, service, variant, codec } = about;
  const answer = errorAnswer(error, service);
  const texts = Object.entries({ __type: error.code, ...answer.unmodelled });
  const extra = Object.fromEntries(texts.map(([name, value]) => [name, plainText(value)]));
  return {
    status: answer.status,
    headers: {
      ...requestIdHeaders(requestId, service),
      ...queryErrorHeader(answer, service),
      ...errorHeaders(error),
      ...variant.headers,
      "content-type": variant.contentType,
    },
    body: codec.writeStructure(answer.shape ?? noMembers, answer.modelled, extra),
  };
}
