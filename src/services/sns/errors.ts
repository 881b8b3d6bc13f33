/**
 * SNS's errors, in its words. The codes that people see (`InvalidParameter`, `NotFound`) are the query protocol's, which the
 * model has for each. Texts: map-sqs-sns-s3 2; what is inferred says so where it is thrown.
 */
import { AwsError } from "../../wire/aws-error.ts";

/** `Invalid parameter: <text>` */
export function invalidParameter(text: string): AwsError {
  return new AwsError("InvalidParameterException", `Invalid parameter: ${text}`);
}

/** Of message attributes. */
export function invalidParameterValue(text: string): AwsError {
  return new AwsError("InvalidParameterValueException", text);
}

/** Recorded: bare. */
export const invalidToken = () => new AwsError("InvalidParameterException", "Invalid token");

export const topicNotFound = () => new AwsError("NotFoundException", "Topic does not exist");
export const subscriptionNotFound = () => new AwsError("NotFoundException", "Subscription does not exist");
export const applicationNotFound = () =>
  new AwsError("NotFoundException", "PlatformApplication does not exist");
export const endpointNotFound = () => new AwsError("NotFoundException", "Endpoint does not exist");
export const endpointDisabled = () => new AwsError("EndpointDisabledException", "Endpoint is disabled");

/** Of tags: another exception, the same words. */
export const resourceNotFound = () => new AwsError("ResourceNotFoundException", "Resource does not exist");

/** recalled */
export const notAuthorized = (who: string, action: string, arn: string) =>
  new AwsError(
    "AuthorizationErrorException",
    `User: ${who} is not authorized to perform: SNS:${action} on resource: ${arn} because no resource-based policy allows the SNS:${action} action`,
  );

/** What lambdad would have to ignore is refused. */
export const unsupported = (what: string) =>
  new AwsError("UnsupportedOperationException", `${what} is not implemented in lambdad.`, { status: 400 });

/** inferred */
export const tooManySubscriptions = () =>
  new AwsError("SubscriptionLimitExceededException", "Too many subscriptions for this topic");

/** ours: more deliveries wait than are kept. */
export const throttled = () => new AwsError("ThrottledException", "Too many deliveries are waiting.");

export const tooManyTags = () =>
  new AwsError("TagLimitExceededException", "Could not complete request: tag quota of per resource exceeded");

// Whole batches.

export const emptyBatch = () =>
  new AwsError("EmptyBatchRequestException", "The batch request doesn't contain any entries.");
export const tooManyEntries = () =>
  new AwsError(
    "TooManyEntriesInBatchRequestException",
    "The batch request contains more entries than permissible.",
  );
export const repeatedEntryId = () =>
  new AwsError(
    "BatchEntryIdsNotDistinctException",
    "Two or more batch entries in the request have the same Id.",
  );
export const invalidEntryId = (id: string) =>
  new AwsError(
    "InvalidBatchEntryIdException",
    `The Id of a batch entry in the batch request contains an impermissible character: ${id}`,
  );
export const entryIdTooLong = (id: string) =>
  new AwsError(
    "InvalidBatchEntryIdException",
    `The Id of a batch entry in the batch request is too long: ${id.slice(0, 256)}`,
  );
export const batchTooLong = () =>
  new AwsError(
    "BatchRequestTooLongException",
    "The length of all the messages put together is more than the limit.",
  );
