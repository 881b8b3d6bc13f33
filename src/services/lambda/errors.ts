/**
 * Lambda's errors, as thrown values. Texts are recorded from AWS (lambda-map 2.2, 2.3) unless marked; each error that
 * Lambda's model knows carries `Type`, those of the framework in front of it (AccessDenied, RequestEntityTooLarge) do not.
 */
import { AwsError } from "../../wire/aws-error.ts";

const user = { members: { Type: "User" } };

/** Fails an expression: `find(x) ?? raise(notFound(x))`. */
export function raise(error: Error): never {
  throw error;
}

export function invalidParameter(message: string, cause?: unknown): AwsError {
  return new AwsError("InvalidParameterValueException", message, { ...user, status: 400, cause });
}

/** A knob of AWS that does not act here. Never stored and ignored. */
export function notSupportedYet(parameter: string): AwsError {
  return invalidParameter(`${parameter} is not supported by lambdad yet.`);
}

export function invalidRequestContent(message: string): AwsError {
  return new AwsError("InvalidRequestContentException", message, { ...user, status: 400 });
}

export function resourceConflict(message: string): AwsError {
  return new AwsError("ResourceConflictException", message, { ...user, status: 409 });
}

export function resourceNotFound(message: string): AwsError {
  return new AwsError("ResourceNotFoundException", message, { ...user, status: 404 });
}

/** `arn` with its qualifier, if the caller named one. */
export function functionNotFound(arn: string): AwsError {
  return resourceNotFound(`Function not found: ${arn}`);
}

/** GetPolicy, GetFunctionUrlConfig and others answer this for anything that is not there. */
export function nothingRequestedExists(): AwsError {
  return resourceNotFound("The resource you requested does not exist.");
}

export function provisionedConcurrencyNotFound(): AwsError {
  return new AwsError(
    "ProvisionedConcurrencyConfigNotFoundException",
    "No Provisioned Concurrency Config found for this function",
    { ...user, status: 404 },
  );
}

/** The calls that show a resource's latest revision, as AWS names them in its texts. */
export type RevisionReader = "GetFunction/GetAlias" | "GetPolicy" | "GetResourcePolicy" | "GetLayerPolicy";

export function revisionMismatch(readWith: RevisionReader): AwsError {
  return new AwsError(
    "PreconditionFailedException",
    `The Revision Id provided does not match the latest Revision Id. Call the ${readWith} API to retrieve the latest Revision Id`,
    { ...user, status: 412 },
  );
}

export function policyTooLong(sizeBytes: number, sizeBytesMax: number): AwsError {
  return new AwsError(
    "PolicyLengthExceededException",
    // inferred: the text.
    `The final policy size (${sizeBytes}) is bigger than the limit (${sizeBytesMax}).`,
    { ...user, status: 400 },
  );
}

/** The text is recalled. */
export function codeStorageExceeded(): AwsError {
  return new AwsError("CodeStorageExceededException", "Code storage limit exceeded.", {
    ...user,
    status: 400,
  });
}

export function throttled(reason: string): AwsError {
  return new AwsError("TooManyRequestsException", "Rate Exceeded.", {
    status: 429,
    members: { Type: "User", Reason: reason },
    // inferred: the number of seconds.
    headers: { "Retry-After": "1" },
  });
}

/** The text is the one of the model's documentation. */
export function recursiveInvocation(): AwsError {
  return new AwsError(
    "RecursiveInvocationException",
    "Lambda has detected your function being invoked in a recursive loop with other Amazon Web Services resources and stopped your function's invocation.",
    { ...user, status: 400 },
  );
}

/** A version whose snapshot is being made. The text is recalled. */
export function snapStartNotReady(): AwsError {
  return new AwsError(
    "SnapStartNotReadyException",
    "Lambda is initializing your function. It will be ready to invoke once your function state becomes ACTIVE.",
    { ...user, status: 409 },
  );
}

/** A version whose snapshot could not be restored. The texts are those of the model's documentation. */
export function snapStartFailed(code: "SnapStartException" | "SnapStartTimeoutException"): AwsError {
  return code === "SnapStartTimeoutException"
    ? new AwsError(code, "Lambda couldn't restore the snapshot within the timeout limit.", {
        ...user,
        status: 408,
      })
    : new AwsError(
        code,
        "The afterRestore() runtime hook encountered an error. For more information, check the Amazon CloudWatch logs.",
        { ...user, status: 400 },
      );
}

/** More events wait than lambdad is to hold. SDKs try again after a pause. */
export function queueFull(cause: unknown): AwsError {
  return new AwsError("TooManyRequestsException", "The queue of asynchronous events is full.", {
    status: 429,
    members: { Type: "User", Reason: "CallerRateLimitExceeded" },
    headers: { "Retry-After": "1" },
    cause,
  });
}

/** The wire's name; the model calls it RequestTooLargeException. */
export function requestTooLarge(message: string): AwsError {
  return new AwsError("RequestEntityTooLargeException", message, { status: 413 });
}

export function accessDenied(request: {
  readonly principalArn: string;
  readonly action: string;
  readonly arn: string;
}): AwsError {
  const { principalArn, action, arn } = request;
  return new AwsError(
    "AccessDeniedException",
    `User: ${principalArn} is not authorized to perform: lambda:${action} on resource: ${arn} because no resource-based policy allows the lambda:${action} action`,
    { status: 403 },
  );
}

/** The disk takes no more events. */
export function storageFull(cause: unknown): AwsError {
  return new AwsError("ServiceException", "lambdad's disk is full: the event was not accepted.", {
    status: 507,
    members: { Type: "Service" },
    cause,
  });
}

/** Lambda could not do it although the caller was right. */
export function serviceFailed(message: string, cause?: unknown): AwsError {
  return new AwsError("ServiceException", message, { status: 500, members: { Type: "Service" }, cause });
}

/** Of event source mappings: it belongs to another kind of source. */
export function unsupportedMember(member: string): AwsError {
  return invalidParameter(`Unsupported ${member} parameter for given event source mapping type.`);
}
