/** Where subscriptions deliver: protocols, and what endpoints they take. Pure. Source: map-sqs-sns-s3 2.3. */
import { parseArn } from "../../../base/arn.ts";
import { invalidParameter, unsupported } from "../errors.ts";
import { AwsError } from "../../../wire/aws-error.ts";

export const protocols = ["http", "https", "email", "email-json", "sms", "sqs", "lambda"] as const;
export type Protocol = (typeof protocols)[number];

export function checkedProtocol(text: string): Protocol {
  const protocol = protocols.find((each) => each === text);
  if (protocol) return protocol;
  if (text === "firehose" || text === "application") throw unsupported(`The protocol ${text}`);
  throw invalidParameter(`Amazon SNS does not support this protocol string: ${text.slice(0, 100)}`);
}

/** Throws AWS's error for an endpoint that this protocol, or this kind of topic, does not have. */
export function checkEndpoint(protocol: Protocol, endpoint: string, isFifoTopic: boolean): void {
  if (endpoint === "") throw invalidParameter("Endpoint"); // inferred
  if (endpoint.length > endpointLengthMax) throw invalidParameter("Endpoint"); // inferred
  if (isFifoTopic && protocol !== "sqs") {
    // inferred: the text.
    throw invalidParameter(`Protocol Reason: FIFO topics do not support the protocol ${protocol}`);
  }
  switch (protocol) {
    case "http":
    case "https":
      return checkUrl(protocol, endpoint);
    case "email":
    case "email-json":
      if (!/^[^@\s]+@[^@\s]+$/.test(endpoint)) throw invalidParameter("Email address"); // inferred
      return;
    case "sms":
      if (isPhoneNumber(endpoint)) return;
      throw new AwsError("InvalidParameterException", `Invalid SMS endpoint: ${endpoint}`);
    case "sqs":
      if (parseArn(endpoint)?.service !== "sqs") throw invalidParameter("SQS endpoint ARN");
      if (isFifoTopic || !endpoint.endsWith(".fifo")) return;
      // The doubled prefix is AWS's.
      throw invalidParameter(
        "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
      );
    case "lambda":
      if (!isFunctionArn(endpoint)) throw invalidParameter("Lambda endpoint ARN"); // inferred
      return;
  }
}

/** Of topics that take more than the default. inferred: the text. */
export function checkCarriesLarge(protocol: Protocol): void {
  if (protocol === "sqs" || protocol === "lambda") return;
  throw invalidParameter(
    `Protocol Reason: topics with large messages do not support the protocol ${protocol}`,
  );
}

/** E.164, with single separators between digits. */
export function isPhoneNumber(text: string): boolean {
  return /^\+?\d(?:[ \-./]?\d){4,19}$/.test(text);
}

/** Whether somebody has to say that they want it: people and endpoints, and queues and functions of other accounts. */
export function needsConfirmation(protocol: Protocol, endpoint: string, callerAccount: string): boolean {
  if (protocol === "sms") return false;
  if (protocol === "sqs" || protocol === "lambda") return parseArn(endpoint)?.account !== callerAccount;
  return true;
}

const endpointLengthMax = 2048;

function checkUrl(protocol: string, endpoint: string): void {
  if (!endpoint.toLowerCase().startsWith(`${protocol}://`)) {
    throw invalidParameter("Endpoint must match the specified protocol");
  }
  if (!URL.canParse(endpoint)) throw invalidParameter("Endpoint"); // inferred
}

function isFunctionArn(endpoint: string): boolean {
  const arn = parseArn(endpoint);
  return arn?.service === "lambda" && /^function:[^:]+(:[^:]+)?$/.test(arn.resource);
}
