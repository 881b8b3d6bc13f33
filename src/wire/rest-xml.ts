/**
 * restXml: S3. XML bodies under HTTP bindings, with S3's own form of errors (a bare <Error>) where the service is S3.
 *
 * Never answers an error to HEAD with a body: S3's clients then read the code from the status.
 */
import { bufferOf } from "../base/bytes.ts";
import type { AwsError } from "./aws-error.ts";
import { errorAnswer, errorHeaders, hostIdOf, requestIdHeaders, type ErrorAnswer } from "./error-body.ts";
import { bindingsOf } from "./http-binding.ts";
import type { Member, Operation, ServiceModel, Shape } from "./model.ts";
import type { Protocol, Structure, WireResponse } from "./protocol.ts";
import { allowsBody, readRest, writeRest, type RestFormat } from "./rest.ts";
import { plainText } from "./text-value.ts";
import { checkS3Numbers, inS3Words, orMalformedXml } from "./s3-words.ts";
import { escapeText, parseXml } from "./xml.ts";
import { rootNameOf } from "./xml-names.ts";
import { readXmlStructure } from "./xml-reader.ts";
import { namespaceText, writeXmlContent, writeXmlElement } from "./xml-writer.ts";

const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';

export const restXml: Protocol = {
  id: "restXml",
  read(operation, request, labels) {
    const read = () => readRest(operation, request, { labels, format: formatOf(operation.service) });
    if (operation.service.name !== "s3") return read();
    checkS3Numbers(operation, request.query);
    return inS3Words(read);
  },
  write: (operation, output, requestId) =>
    writeRest(operation, output, { requestId, format: formatOf(operation.service) }),
  error: writeError,
};

const formats = new WeakMap<ServiceModel, RestFormat>();

function formatOf(service: ServiceModel): RestFormat {
  let format = formats.get(service);
  if (!format) {
    format = createFormat(service.xmlNamespace, service.name === "s3");
    formats.set(service, format);
  }
  return format;
}

/** `namespace`: of roots that have none of their own. */
function createFormat(namespace: string | undefined, isS3: boolean): RestFormat {
  const readElement = (shape: Shape, body: Uint8Array): Structure => {
    const read = () => readXmlStructure(shape, parseXml(bufferOf(body).toString("utf8")));
    return isS3 ? orMalformedXml(read) : read();
  };
  return {
    contentType: "application/xml",
    readBody: (shape, body) => (body.byteLength === 0 ? {} : readElement(shape, body)),
    readPayload: (member, body) => readElement(member.shape, body),
    writePayload: (member, value) => writePayload(member, value, namespace),
    writeBody: (operation, output) => writeBody(operation, output, namespace),
    read: readElement,
    write: (shape, value) => writeXmlElement(shape, value, { name: rootNameOf(shape), namespace }),
  };
}

function writePayload(member: Member, value: unknown, namespace: string | undefined): string {
  if (member.shape.kind !== "structure" && member.shape.kind !== "union") {
    throw new TypeError(`the payload ${member.name} has no XML form`);
  }
  const name = rootNameOf(member.shape, member);
  return declaration + writeXmlElement(member.shape, value as Structure, { name, namespace });
}

function writeBody(
  operation: Operation,
  output: Structure,
  namespace: string | undefined,
): string | undefined {
  const body = bindingsOf(operation.output).responseBody;
  if (!body) return undefined;
  const [only] = body.members;
  if (only && isUnwrapped(operation)) {
    // <LocationConstraint xmlns="…">eu-west-1</LocationConstraint>, without a root around it.
    const xmlns = namespaceText(namespace ? ["", namespace] : undefined);
    return `${declaration}<${only.name}${xmlns}>${escapeText(plainText(output[only.name] ?? ""))}</${only.name}>`;
  }
  return declaration + writeXmlElement(body, output, { name: rootNameOf(body), namespace });
}

/** The trait s3UnwrappedXmlOutput, which the runtime schemas do not carry; it has one user. */
function isUnwrapped(operation: Operation): boolean {
  return operation.name === "GetBucketLocation" && operation.service.name === "s3";
}

function writeError(
  error: AwsError,
  requestId: string,
  service: ServiceModel | undefined,
  operation: Operation | undefined,
): WireResponse {
  const answer = errorAnswer(error, service);
  const headers: Record<string, string> = {
    ...requestIdHeaders(requestId, service),
    ...(answer.shape && bindingsOf(answer.shape).writeHeaders(answer.modelled)),
    ...errorHeaders(error),
  };
  if (!allowsBody(operation, answer.status)) return { status: answer.status, headers };
  headers["content-type"] = "application/xml";
  const content = errorContent(error, answer);
  if (service?.name === "s3") {
    const ids = `<RequestId>${escapeText(requestId)}</RequestId><HostId>${hostIdOf(requestId)}</HostId>`;
    const body = `${declaration}<Error>${content}${ids}</Error>`;
    return { status: answer.status, headers, body };
  }
  const type = `<Type>${answer.senderOrReceiver}</Type>`;
  return { status: answer.status, headers, body: wrappedError(`${type}${content}`, requestId, service) };
}

/** `<ErrorResponse>` as restXml and awsQuery have it. */
export function wrappedError(content: string, requestId: string, service: ServiceModel | undefined): string {
  const xmlns = namespaceText(service?.xmlNamespace ? ["", service.xmlNamespace] : undefined);
  const id = `<RequestId>${escapeText(requestId)}</RequestId>`;
  return `<ErrorResponse${xmlns}><Error>${content}</Error>${id}</ErrorResponse>`;
}

/** Code, message, then the error's other members; always `Message`, whatever the schema calls it. */
export function errorContent(error: Pick<AwsError, "message">, answer: ErrorAnswer): string {
  let content = `<Code>${escapeText(answer.queryCode)}</Code>`;
  if (error.message !== "") content += `<Message>${escapeText(error.message)}</Message>`;
  const body = answer.shape && bindingsOf(answer.shape).responseBody;
  if (body) content += writeXmlContent(body, withoutMessage(answer.modelled));
  for (const [name, value] of Object.entries(withoutMessage(answer.unmodelled))) {
    if (value !== undefined && value !== null)
      content += `<${name}>${escapeText(plainText(value))}</${name}>`;
  }
  return content;
}

function withoutMessage(members: Structure): Structure {
  return Object.fromEntries(Object.entries(members).filter(([name]) => name.toLowerCase() !== "message"));
}
