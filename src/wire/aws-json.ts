/** awsJson1_0 and awsJson1_1: DynamoDB, SQS, Kinesis, CloudWatch Logs, … One JSON body each way, HTTP bindings ignored. */
import type { AwsError } from "./aws-error.ts";
import { errorAnswer, errorHeaders, queryErrorHeader, requestIdHeaders } from "./error-body.ts";
import { createJsonCodec, jsonString } from "./json.ts";
import type { ServiceModel } from "./model.ts";
import type { Protocol, WireResponse } from "./protocol.ts";
import { untypedMembers } from "./rest-json.ts";
import { collectedBody, writeRpc, type RpcFormat } from "./rpc.ts";

const json = createJsonCodec((member) => member.name);

export const awsJson1_0 = createAwsJson("awsJson1_0", "application/x-amz-json-1.0");
export const awsJson1_1 = createAwsJson("awsJson1_1", "application/x-amz-json-1.1");

function createAwsJson(id: "awsJson1_0" | "awsJson1_1", contentType: string): Protocol {
  const format: RpcFormat = { contentType, read: json.readStructure, write: json.writeStructure };
  return {
    id,
    read: (operation, request) => json.readStructure(operation.input, collectedBody(request)),
    write: (operation, output, requestId) => writeRpc(operation, output, { requestId, format }),
    error: (error, requestId, service) => writeError(error, { requestId, service, contentType }),
  };
}

function writeError(
  error: AwsError,
  about: {
    readonly requestId: string;
    readonly service: ServiceModel | undefined;
    readonly contentType: string;
  },
): WireResponse {
  const answer = errorAnswer(error, about.service);
  const members = [
    `"__type":${jsonString(typeOf(error, about.service))}`,
    answer.shape ? json.writeMembers(answer.shape, answer.modelled) : "",
    untypedMembers(answer.unmodelled),
  ];
  return {
    status: answer.status,
    headers: {
      ...requestIdHeaders(about.requestId, about.service),
      "x-amzn-errortype": error.code,
      ...queryErrorHeader(answer, about.service),
      ...errorHeaders(error),
      "content-type": about.contentType,
    },
    body: `{${members.filter(Boolean).join(",")}}`,
  };
}

/** SQS sends its namespace, too (recorded). Clients read behind the "#". */
function typeOf({ code }: AwsError, service: ServiceModel | undefined): string {
  return service?.name === "sqs" ? `com.amazonaws.sqs#${code}` : code;
}
