/**
 * SQS's errors, in its words. Two codes each: the model's for JSON, an older one for the query protocol and for people,
 * which modelled errors get from the model. Texts: map-sqs-sns-s3 1.1; "recalled" there is recalled here.
 */
import { AwsError } from "../../wire/aws-error.ts";

export function invalidParameter(message: string): AwsError {
  const query = { code: "InvalidParameterValue" };
  return new AwsError("InvalidParameterValueException", message, { status: 400, query });
}

/** `Value 11 for parameter MaxNumberOfMessages is invalid. Reason: …` */
export function invalidValue(parameter: string, value: unknown, reason: string): AwsError {
  return invalidParameter(`Value ${String(value)} for parameter ${parameter} is invalid. Reason: ${reason}`);
}

export function missingParameter(name: string): AwsError {
  const query = { code: "MissingParameter" };
  const text = `The request must contain the parameter ${name}.`;
  return new AwsError("MissingRequiredParameterException", text, { status: 400, query });
}

export function queueDoesNotExist(): AwsError {
  const message = "The specified queue does not exist for this wsdl version.";
  return new AwsError("QueueDoesNotExist", "The specified queue does not exist.", { query: { message } });
}

export const queueNameExists = (attribute: string) =>
  new AwsError(
    "QueueNameExists",
    `A queue already exists with the same name and a different value for attribute ${attribute}`,
  );

export const invalidAddress = (url: string) =>
  new AwsError("InvalidAddress", `The address ${url.slice(0, 256)} is not valid for this endpoint.`);

export const unknownAttribute = (name: string) =>
  new AwsError("InvalidAttributeName", `Unknown Attribute ${name}.`, { status: 400 });

export const fifoOnlyAttribute = (name: string) =>
  new AwsError("InvalidAttributeName", `You can specify the ${name} only when FifoQueue is set to true.`, {
    status: 400,
  });

export function invalidAttribute(name: string, reason?: string): AwsError {
  const text = `Invalid value for the parameter ${name}.${reason === undefined ? "" : ` Reason: ${reason}`}`;
  return new AwsError("InvalidAttributeValue", text, { status: 400 });
}

export const receiptInvalid = (receipt: string) =>
  new AwsError(
    "ReceiptHandleIsInvalid",
    `The input receipt handle "${receipt.slice(0, 1024)}" is not a valid receipt handle.`,
    { status: 404 },
  );

export const receiptOfAnotherQueue = (receipt: string) =>
  new AwsError("ReceiptHandleIsInvalid", `The receipt handle "${receipt}" is not valid for this queue.`, {
    status: 404,
  });

export const invalidContents = () =>
  new AwsError(
    "InvalidMessageContents",
    "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
    { status: 400 },
  );

/** recalled */
export const accessDenied = (who: string, action: string, queueArn: string) =>
  new AwsError(
    "AccessDeniedException",
    `User: ${who} is not authorized to perform: sqs:${action.toLowerCase()} on resource: ${queueArn} because no resource-based policy allows the sqs:${action.toLowerCase()} action`,
    { status: 403, query: { code: "AccessDenied" } },
  );

export const overLimit = (message: string) => new AwsError("OverLimit", message);

export const notFound = (message: string) =>
  new AwsError("ResourceNotFoundException", message, { status: 404 });

// Whole batches.

export const emptyBatch = (entryName: string) =>
  new AwsError("EmptyBatchRequest", `There should be at least one ${entryName} in the request.`);

export const tooManyEntries = (count: number, max: number) =>
  new AwsError(
    "TooManyEntriesInBatchRequest",
    `Maximum number of entries per request are ${max}. You have sent ${count}.`,
  );

export const invalidEntryId = () =>
  new AwsError(
    "InvalidBatchEntryId",
    "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
  );

export const repeatedEntryId = (id: string) => new AwsError("BatchEntryIdsNotDistinct", `Id ${id} repeated.`);

export const batchTooLong = (sizeBytes: number, maxBytes: number) =>
  new AwsError(
    "BatchRequestTooLong",
    `Batch requests cannot be longer than ${maxBytes} bytes. You have sent ${sizeBytes} bytes.`,
  );

/** How an entry's error stands in the answer: by its older code. */
export function failedEntry(id: string, error: AwsError) {
  const isSender = error.fault === "client";
  return { Id: id, SenderFault: isSender, Code: error.query.code ?? error.code, Message: error.message };
}
