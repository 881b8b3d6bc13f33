/**
 * awsQuery (SNS, IAM, STS, CloudFormation, older SQS) and ec2Query: forms in, XML out.
 *
 * Parameters are read from the body, from the query string, or both, as all of these services accept GET.
 */
import { bufferOf } from "../base/bytes.ts";
import { AwsError } from "./aws-error.ts";
import { errorAnswer, errorHeaders, requestIdHeaders } from "./error-body.ts";
import { createFormReader, parseForm } from "./form.ts";
import type { Member, Operation, ServiceModel } from "./model.ts";
import type { Protocol, Structure, WireRequest, WireResponse } from "./protocol.ts";
import { errorContent, wrappedError } from "./rest-xml.ts";
import { collectedBody } from "./rpc.ts";
import { escapeText } from "./xml.ts";
import { xmlNameOf } from "./xml-names.ts";
import { namespaceText, writeXmlContent } from "./xml-writer.ts";

const queryReader = createFormReader(xmlNameOf);
const ec2Reader = createFormReader(ec2NameOf);

export const awsQuery: Protocol = {
  id: "awsQuery",
  read(operation, request) {
    const input = queryReader(operation.input)(parseForm(formOf(request)));
    if (operation.service.name === "sqs") addQueueUrl(operation, request, input);
    return input;
  },
  write(operation, output, requestId) {
    const result = operation.output.kind === "unit" ? "" : resultOf(operation, output);
    const metadata = `<ResponseMetadata><RequestId>${escapeText(requestId)}</RequestId></ResponseMetadata>`;
    return xmlResponse(responseElement(operation, `${result}${metadata}`), "text/xml", {
      status: 200,
      headers: requestIdHeaders(requestId, operation.service),
    });
  },
  error(error, requestId, service) {
    const answer = errorAnswer(error, service);
    const words = errorContent({ message: error.query.message ?? error.message }, answer);
    const detail = service?.name === "sqs" ? "<Detail/>" : ""; // recorded
    const content = `<Type>${answer.senderOrReceiver}</Type>${words}${detail}`;
    return xmlResponse(wrappedError(content, requestId, service), "text/xml", {
      status: answer.status,
      headers: errorResponseHeaders(error, requestId, service),
    });
  },
};

export const ec2Query: Protocol = {
  id: "ec2Query",
  read: (operation, request) => ec2Reader(operation.input)(parseForm(formOf(request))),
  write(operation, output, requestId) {
    const content = `${writeXmlContent(operation.output, output)}<requestId>${escapeText(requestId)}</requestId>`;
    return xmlResponse(responseElement(operation, content), "text/xml;charset=UTF-8", {
      status: 200,
      headers: requestIdHeaders(requestId, operation.service),
    });
  },
  error(error, requestId, service) {
    const answer = errorAnswer(error, service);
    const errors = `<Errors><Error>${errorContent(error, answer)}</Error></Errors>`;
    const body = `<Response>${errors}<RequestID>${escapeText(requestId)}</RequestID></Response>`;
    return xmlResponse(body, "text/xml;charset=UTF-8", {
      status: answer.status,
      headers: errorResponseHeaders(error, requestId, service),
    });
  },
};

function formOf(request: WireRequest): string {
  const body = bufferOf(collectedBody(request)).toString("utf8");
  return request.query === "" ? body : `${request.query}&${body}`;
}

/** Capitalised, or the name that the model gives for this protocol alone. */
function ec2NameOf(member: Member): string {
  const name = xmlNameOf(member);
  return member.traits.ec2QueryName ?? name.charAt(0).toUpperCase() + name.slice(1);
}

/** Clients of SQS's query API post to the queue's own URL and leave the parameter out. */
function addQueueUrl(operation: Operation, request: WireRequest, input: Structure): void {
  if (!operation.input.memberByName.has("QueueUrl")) return requireNoQueuePath(operation, request);
  if (input["QueueUrl"] !== undefined) return;
  if (request.path.length > 1) input["QueueUrl"] = `http://${request.headers["host"] ?? ""}${request.path}`;
}

/** Recorded: what is not about a queue is no action of a queue's address. */
function requireNoQueuePath({ name }: Operation, { path }: WireRequest): void {
  if (!/^\/\d{12}\/[^/]+$/.test(path)) return;
  throw new AwsError("InvalidAction", `The action ${name} is not valid for this endpoint.`, { status: 400 });
}

function resultOf(operation: Operation, output: Structure): string {
  return `<${operation.name}Result>${writeXmlContent(operation.output, output)}</${operation.name}Result>`;
}

function responseElement(operation: Operation, content: string): string {
  const namespace = operation.service.xmlNamespace;
  const xmlns = namespaceText(namespace ? ["", namespace] : undefined);
  return `<${operation.name}Response${xmlns}>${content}</${operation.name}Response>`;
}

function errorResponseHeaders(
  error: AwsError,
  requestId: string,
  service: ServiceModel | undefined,
): Record<string, string> {
  return { ...requestIdHeaders(requestId, service), ...errorHeaders(error) };
}

function xmlResponse(
  body: string,
  contentType: string,
  { status, headers }: { readonly status: number; readonly headers: Record<string, string> },
): WireResponse {
  return { status, headers: { ...headers, "content-type": contentType }, body };
}
