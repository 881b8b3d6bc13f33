/**
 * What S3 says of requests that cannot be read, where every other service says SerializationException. Texts and
 * members are recorded (map-sqs-sns-s3 3.2, 3.7).
 */
import { AwsError } from "./aws-error.ts";
import type { Member, Operation } from "./model.ts";
import type { Structure } from "./protocol.ts";
import { queryValue } from "./query-string.ts";

/** Throws MalformedXML for whatever is wrong with a body. */
export function orMalformedXml<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof AwsError) throw malformedXml(error);
    throw error;
  }
}

export function malformedXml(cause?: unknown): AwsError {
  const text = "The XML you provided was not well-formed or did not validate against our published schema";
  return new AwsError("MalformedXML", text, { status: 400, cause });
}

/** Of what every other service calls a SerializationException outside of a body. */
export function inS3Words<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof AwsError) || error.code !== "SerializationException") throw error;
    if (!error.message.startsWith("The path")) {
      throw new AwsError("InvalidArgument", error.message, { status: 400, cause: error });
    }
    throw new AwsError("InvalidURI", "Couldn't parse the specified URI.", { status: 400, cause: error });
  }
}

/** Of a member that must be there and is not; undefined: it is no part of the body. */
export function missingFromBody({ input: shape }: Operation, input: Structure): AwsError | undefined {
  const isMissing = (member: Member) => member.required && input[member.name] === undefined;
  const outside = new Set(["header", "query", "label"]);
  if (shape.members.some((member) => isMissing(member) && outside.has(member.binding.in))) return undefined;
  if (!shape.members.some((member) => isMissing(member) && member.binding.in === "payload")) {
    return malformedXml();
  }
  return new AwsError("MissingRequestBodyError", "Request Body is empty", { status: 400 });
}

/** Throws InvalidArgument for a number in the query that is none. */
export function checkS3Numbers(operation: Operation, query: string): void {
  if (query === "") return;
  for (const name of numberNames) {
    if (!query.includes(name)) continue;
    const text = queryValue(query, name);
    if (text === undefined || text === "" || isInt32(text)) continue;
    if (!operation.input.members.some(({ binding }) => binding.in === "query" && binding.name === name))
      continue;
    const message =
      name === "partNumber"
        ? "Part number must be an integer between 1 and 10000, inclusive"
        : `Provided ${name} not an integer or within integer range`;
    const members = { ArgumentName: name, ArgumentValue: text };
    throw new AwsError("InvalidArgument", message, { status: 400, members });
  }
}

const numberNames = [
  "max-keys",
  "max-uploads",
  "max-parts",
  "max-buckets",
  "part-number-marker",
  "partNumber",
];

function isInt32(text: string): boolean {
  return /^-?\d{1,10}$/.test(text) && Math.abs(Number(text)) < 2 ** 31;
}
