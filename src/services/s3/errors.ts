/**
 * S3's errors, in its words: `<Code>`, `<Message>`, and the elements that name the thing refused. Texts: map-sqs-sns-s3
 * 3.2; most are recorded, "inferred" here marks those that are not.
 */
import { AwsError } from "../../wire/aws-error.ts";

type Members = Readonly<Record<string, unknown>>;

export function s3Error(status: number, code: string, message: string, members: Members = {}): AwsError {
  return new AwsError(code, message, { status, members });
}

export const accessDenied = (message = "Access Denied") => s3Error(403, "AccessDenied", message);

export const lockedObject = () => accessDenied("Access Denied because object protected by object lock.");

/** `name`: of the header, parameter or element. */
export const invalidArgument = (message: string, name?: string, value?: unknown) =>
  s3Error(400, "InvalidArgument", message, {
    ...(name !== undefined && { ArgumentName: name }),
    ...(value !== undefined && { ArgumentValue: value }),
  });

export const invalidRequest = (message: string) => s3Error(400, "InvalidRequest", message);

export const malformedXml = () =>
  s3Error(
    400,
    "MalformedXML",
    "The XML you provided was not well-formed or did not validate against our published schema",
  );

export const malformedAcl = () =>
  s3Error(
    400,
    "MalformedACLError",
    "The XML you provided was not well-formed or did not validate against our published schema",
  );

export const malformedPolicy = (message: string) => s3Error(400, "MalformedPolicy", message);

export const methodNotAllowed = (
  method: string,
  resourceType: string,
  headers: Record<string, string> = {},
) =>
  new AwsError("MethodNotAllowed", "The specified method is not allowed against this resource.", {
    status: 405,
    members: { Method: method, ResourceType: resourceType },
    headers,
  });

/** For a header or a value of one that AWS would act on and lambdad does not: never stored and ignored. */
export const notImplemented = (header: string, additionalMessage?: string) =>
  s3Error(501, "NotImplemented", "A header you provided implies functionality that is not implemented", {
    Header: header,
    additionalMessage,
  });

/** A setting that lambdad has nothing to do with: refused by name. */
export const unsupported = (what: string) =>
  new AwsError("UnsupportedOperationException", `${what} is not there in lambdad.`, { status: 400 });

// Buckets.

export const invalidBucketName = (name: string) =>
  s3Error(400, "InvalidBucketName", "The specified bucket is not valid.", { BucketName: name });

/** Texts of this kind end with what was given. */
export const invalidOwner = (given: string) =>
  s3Error(
    400,
    "InvalidBucketOwnerAWSAccountID",
    `The value of the expected bucket owner parameter must be an AWS Account ID... [${given}]`,
  );

export const noSuchBucket = (name: string) =>
  s3Error(404, "NoSuchBucket", "The specified bucket does not exist", { BucketName: name });

export const bucketAlreadyExists = (name: string) =>
  s3Error(
    409,
    "BucketAlreadyExists",
    "The requested bucket name is not available. The bucket namespace is shared by all users of the system. " +
      "Please select a different name and try again.",
    { BucketName: name },
  );

export const bucketAlreadyOwned = (name: string) =>
  s3Error(
    409,
    "BucketAlreadyOwnedByYou",
    "Your previous request to create the named bucket succeeded and you already own it.",
    { BucketName: name },
  );

export const bucketNotEmpty = (name: string, isVersioned: boolean) =>
  s3Error(
    409,
    "BucketNotEmpty",
    `The bucket you tried to delete is not empty${isVersioned ? ". You must delete all versions in the bucket." : ""}`,
    { BucketName: name },
  );

export const tooManyBuckets = () =>
  s3Error(400, "TooManyBuckets", "You have attempted to create more buckets than allowed");

export const permanentRedirect = (bucket: string, region: string, endpoint: string) =>
  new AwsError(
    "PermanentRedirect",
    "The bucket you are attempting to access must be addressed using the specified endpoint. " +
      "Please send all future requests to this endpoint.",
    {
      status: 301,
      members: { Endpoint: endpoint, Bucket: bucket },
      headers: { "x-amz-bucket-region": region },
    },
  );

export const operationAborted = () =>
  s3Error(
    409,
    "OperationAborted",
    "A conflicting conditional operation is currently in progress against this resource. Please try again.",
  );

/** What a bucket does not have: `NoSuchBucketPolicy`, `NoSuchTagSet`, … */
export const notConfigured = (code: string, message: string, bucket?: string) =>
  s3Error(404, code, message, bucket === undefined ? {} : { BucketName: bucket });

export const invalidBucketState = (message: string) => s3Error(409, "InvalidBucketState", message);

// Objects.

export const noSuchKey = (key: string, headers: Record<string, string> = {}) =>
  new AwsError("NoSuchKey", "The specified key does not exist.", {
    status: 404,
    members: { Key: key },
    headers,
  });

export const noSuchVersion = (key: string, versionId: string) =>
  s3Error(404, "NoSuchVersion", "The specified version does not exist.", { Key: key, VersionId: versionId });

export const invalidVersionId = (versionId: string) =>
  invalidArgument("Invalid version id specified", "versionId", versionId);

export const keyTooLong = (sizeBytes: number, max: number) =>
  s3Error(400, "KeyTooLongError", "Your key is too long", { Size: sizeBytes, MaxSizeAllowed: max });

export const metadataTooLarge = (sizeBytes: number, max: number) =>
  s3Error(400, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size", {
    Size: sizeBytes,
    MaxSizeAllowed: max,
  });

export const invalidStorageClass = (given: string) =>
  s3Error(400, "InvalidStorageClass", "The storage class you specified is not valid", {
    StorageClassRequested: given,
  });

export const invalidObjectState = (storageClass: string) =>
  s3Error(403, "InvalidObjectState", "The operation is not valid for the object's storage class", {
    StorageClass: storageClass,
  });

export const preconditionFailed = (condition: string) =>
  s3Error(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", {
    Condition: condition,
  });

export const conditionalConflict = (condition: string, key: string) =>
  s3Error(
    409,
    "ConditionalRequestConflict",
    "The conditional request cannot succeed due to a conflicting operation against this resource.",
    { Condition: condition, Key: key },
  );

/** 304 has no body; its code is never seen. */
export const notModified = (headers: Record<string, string>) =>
  new AwsError("NotModified", "", { status: 304, headers });

export const invalidRange = (range: string, sizeBytes: number) =>
  new AwsError("InvalidRange", "The requested range is not satisfiable", {
    status: 416,
    members: { RangeRequested: range, ActualObjectSize: sizeBytes },
    headers: { "content-range": `bytes */${sizeBytes}` },
  });

export const invalidPartNumber = (asked: number, count: number) =>
  s3Error(416, "InvalidPartNumber", "The requested partnumber is not satisfiable", {
    ActualPartCount: count,
    PartNumberRequested: asked,
  });

export const invalidTag = (message: string, members: Members = {}) =>
  s3Error(400, "InvalidTag", message, members);

export const badRequest = (message: string) => s3Error(400, "BadRequest", message);

// Bodies.

export const entityTooLarge = (proposed: number, max: number) =>
  s3Error(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", {
    ProposedSize: proposed,
    MaxSizeAllowed: max,
  });

export const entityTooSmall = (members: Members) =>
  s3Error(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", members);

export const missingContentLength = () =>
  s3Error(411, "MissingContentLength", "You must provide the Content-Length HTTP header.");

export const incompleteBody = () =>
  s3Error(
    400,
    "IncompleteBody",
    "You did not provide the number of bytes specified by the Content-Length HTTP header",
  );

export const badMd5 = (expected: string, calculated: string) =>
  s3Error(400, "BadDigest", "The Content-MD5 you specified did not match what we received.", {
    ExpectedDigest: expected,
    CalculatedDigest: calculated,
  });

export const invalidMd5 = (given: string) =>
  s3Error(400, "InvalidDigest", "The Content-MD5 you specified was invalid.", { "Content-MD5": given });

export const badChecksum = (algorithm: string) =>
  s3Error(400, "BadDigest", `The ${algorithm} you specified did not match the calculated checksum.`);

export const missingDigest = () =>
  invalidRequest("Missing required header for this request: Content-MD5 OR x-amz-checksum-*");

// Multipart uploads.

export const noSuchUpload = (uploadId: string) =>
  s3Error(
    404,
    "NoSuchUpload",
    "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
    { UploadId: uploadId },
  );

export const invalidPart = (uploadId: string, partNumber: number, etag: string) =>
  s3Error(
    400,
    "InvalidPart",
    "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified " +
      "entity tag may not match the part's entity tag.",
    { UploadId: uploadId, PartNumber: partNumber, ETag: etag },
  );

export const invalidPartOrder = (uploadId: string) =>
  s3Error(
    400,
    "InvalidPartOrder",
    "The list of parts was not in ascending order. Parts must be ordered by part number.",
    { UploadId: uploadId },
  );

// Forms.

export const malformedForm = () =>
  s3Error(
    400,
    "MalformedPOSTRequest",
    "The body of your POST request is not well-formed multipart/form-data.",
  );

export const invalidPolicyDocument = (reason: string) =>
  s3Error(400, "InvalidPolicyDocument", `Invalid Policy: ${reason}`);

/** Each destination that S3 cannot send to, with its reason. */
export function invalidDestinations(
  faults: readonly { readonly name: string; readonly reason: string }[],
): AwsError {
  const members = faults.flatMap(({ name, reason }, index) => [
    [`ArgumentName${index + 1}`, name],
    [`ArgumentValue${index + 1}`, reason],
  ]);
  const text = "Unable to validate the following destination configurations";
  return s3Error(400, "InvalidArgument", text, Object.fromEntries(members) as Members);
}
