/** restJson1: Lambda, API Gateway, EventBridge Scheduler and Pipes, SES v2, X-Ray. JSON bodies under HTTP bindings. */
import type { AwsError } from "./aws-error.ts";
import { errorAnswer, errorHeaders, requestIdHeaders } from "./error-body.ts";
import { bindingsOf } from "./http-binding.ts";
import { createJsonCodec, jsonString } from "./json.ts";
import type { Operation, ServiceModel } from "./model.ts";
import type { KeptBody, Protocol, Structure, WireResponse } from "./protocol.ts";
import { keptBody } from "./protocol.ts";
import { allowsBody, readRest, writeRest, type RestFormat } from "./rest.ts";

const json = createJsonCodec((member) => member.jsonName);

const format: RestFormat = {
  contentType: "application/json",
  readBody: json.readStructure,
  readPayload: json.readValue,
  writePayload: json.writeValue,
  writeBody(operation, output) {
    if (operation.output.kind === "unit") return undefined;
    const body = bindingsOf(operation.output).responseBody;
    if (!body) return "{}";
    const kept = (output as { readonly [keptBody]?: KeptBody })[keptBody];
    if (!kept) return json.writeStructure(body, output);
    kept.bytes ??= Buffer.from(json.writeStructure(body, output));
    return kept.bytes;
  },
  read: json.readStructure,
  write: json.writeStructure,
};

export const restJson1: Protocol = {
  id: "restJson1",
  read: (operation, request, labels) => readRest(operation, request, { labels, format }),
  write: (operation, output, requestId) => writeRest(operation, output, { requestId, format }),
  error: writeError,
};

function writeError(
  error: AwsError,
  requestId: string,
  service: ServiceModel | undefined,
  operation: Operation | undefined,
): WireResponse {
  const answer = errorAnswer(error, service);
  const bindings = answer.shape && bindingsOf(answer.shape);
  const headers: Record<string, string> = {
    ...requestIdHeaders(requestId, service),
    "x-amzn-errortype": error.code,
    ...bindings?.writeHeaders(answer.modelled),
    ...errorHeaders(error),
  };
  if (!allowsBody(operation, answer.status)) return { status: answer.status, headers };
  const known = bindings?.responseBody ? json.writeMembers(bindings.responseBody, answer.modelled) : "";
  const members = [known, untypedMembers(answer.unmodelled)].filter(Boolean).join(",");
  headers["content-type"] = format.contentType;
  return { status: answer.status, headers, body: `{${members}}` };
}

/** `"name":value` of members that no schema describes. */
export function untypedMembers(members: Structure): string {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined);
  return entries.map(([name, value]) => `${jsonString(name)}:${JSON.stringify(value)}`).join(",");
}
