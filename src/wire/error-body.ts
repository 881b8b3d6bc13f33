/**
 * What all protocols share in answering an error: which modelled shape it is, its status, its code on the wire, and
 * its body's members, with the message under the name that the model gives it.
 */
import type { AwsError } from "./aws-error.ts";
import type { Shape, ServiceModel } from "./model.ts";
import type { Structure } from "./protocol.ts";

export interface ErrorAnswer {
  /** Undefined for errors of the front end and others that the model does not know. */
  readonly shape: Shape | undefined;
  readonly status: number;
  /** Code of query, XML and query-compatible services. */
  readonly queryCode: string;
  readonly senderOrReceiver: "Sender" | "Receiver";
  /** Members that the model knows, including the message. */
  readonly modelled: Structure;
  /** The message where the model has none, and members that only the service knows. */
  readonly unmodelled: Structure;
}

export function errorAnswer(error: AwsError, service: ServiceModel | undefined): ErrorAnswer {
  const shape = service?.errors.get(error.code);
  const fault = shape?.error?.fault ?? error.fault;
  const modelled: Structure = {};
  const unmodelled: Structure = {};
  const message = error.message === "" ? {} : { [messageNameOf(shape)]: error.message };
  for (const [name, value] of Object.entries({ ...error.members, ...message })) {
    (shape?.memberByName.has(name) ? modelled : unmodelled)[name] = value;
  }
  return {
    shape,
    status: error.status ?? shape?.error?.status ?? (fault === "server" ? 500 : 400),
    queryCode: shape?.error?.queryCode ?? error.query.code ?? error.code,
    senderOrReceiver: fault === "server" ? "Receiver" : "Sender",
    modelled,
    unmodelled,
  };
}

/** `message` or `Message`, as the error's schema has it; old and new SDKs read both. */
export function messageNameOf(shape: Shape | undefined): string {
  return shape?.members.find((m) => m.name.toLowerCase() === "message")?.name ?? "message";
}

/** The header in which clients look for the request's id. */
export function requestIdHeaders(
  requestId: string,
  service: ServiceModel | undefined,
): Record<string, string> {
  if (service?.name !== "s3") return { "x-amzn-requestid": requestId };
  return { "x-amz-request-id": requestId, "x-amz-id-2": hostIdOf(requestId) };
}

/** S3's second id, which says where a request was served: for clients, text that they may quote. */
export function hostIdOf(requestId: string): string {
  return Buffer.from(`lambdad ${requestId} ${requestId.slice(0, 8)}`).toString("base64");
}

/** Headers that the error itself brings, by lower-case name. */
export function errorHeaders(error: AwsError): Record<string, string> {
  return Object.fromEntries(
    Object.entries(error.headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

/** `x-amzn-query-error`, by which SDKs of services that once spoke awsQuery keep their old error codes. */
export function queryErrorHeader(
  answer: ErrorAnswer,
  service: ServiceModel | undefined,
): Record<string, string> {
  if (!service?.queryCompatible) return {};
  return { "x-amzn-query-error": `${answer.queryCode};${answer.senderOrReceiver}` };
}
