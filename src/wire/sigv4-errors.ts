/**
 * How each family of services words a refused signature. The same fault has another code in S3, in query services and
 * in JSON services; JSON-RPC answers 400 where REST answers 403.
 *
 * Codes and texts: the "Common errors" pages of the service references and S3's "List of error codes"; which family
 * uses which status for JSON-RPC is inferred from what DynamoDB and Kinesis answer.
 */
import { AwsError } from "./aws-error.ts";
import type { ProtocolId } from "./model.ts";

export type SignatureFault =
  | "missing"
  | "incomplete"
  | "bad-query"
  | "unsupported"
  | "unknown-key"
  | "session-expired"
  | "mismatch"
  | "expired"
  | "presign-expired"
  | "wrong-scope"
  | "payload-mismatch";

export type SignatureFamily = "s3" | "query" | "json" | "rest";

export function signatureFamily(serviceName: string, protocol: ProtocolId): SignatureFamily {
  if (serviceName === "s3") return "s3";
  if (protocol === "awsQuery" || protocol === "ec2Query") return "query";
  return protocol === "restJson1" || protocol === "restXml" ? "rest" : "json";
}

/**
 * `detail` replaces the family's text where AWS says what exactly is wrong; `members` are what S3 tells beside it.
 */
export function signatureError(
  fault: SignatureFault,
  family: SignatureFamily,
  detail?: string,
  members: Readonly<Record<string, unknown>> = {},
): AwsError {
  const [code, status, text] = family === "json" ? asJsonRpc(faults[fault].rest) : faults[fault][family];
  return new AwsError(code, detail ?? text, { status, ...(family === "s3" && { members }) });
}

type Answer = readonly [code: string, status: number, text: string];

function asJsonRpc([code, , text]: Answer): Answer {
  return [code, 400, text];
}

const mismatchText =
  "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access " +
  "Key and signing method. Consult the service documentation for details.";
const s3MismatchText =
  "The request signature we calculated does not match the signature you provided. Check your key and signing method.";
const unsupportedText =
  "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";
const incompleteText =
  "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters.";
const invalidTokenText = "The security token included in the request is invalid.";
const sessionExpiredText = "The security token included in the request is expired";
const expiredText = "Signature expired.";

const faults: Readonly<Record<SignatureFault, Readonly<Record<"s3" | "query" | "rest", Answer>>>> = {
  missing: {
    s3: ["AccessDenied", 403, "Access Denied"],
    query: ["MissingAuthenticationToken", 403, "Request is missing Authentication Token"],
    rest: ["MissingAuthenticationTokenException", 403, "Missing Authentication Token"],
  },
  incomplete: {
    s3: ["AuthorizationHeaderMalformed", 400, "The authorization header that you provided is not valid."],
    query: ["IncompleteSignature", 400, incompleteText],
    rest: ["IncompleteSignatureException", 403, incompleteText],
  },
  "bad-query": {
    s3: ["AuthorizationQueryParametersError", 400, "The query parameters of the signature are not valid."],
    query: ["IncompleteSignature", 400, incompleteText],
    rest: ["IncompleteSignatureException", 403, incompleteText],
  },
  unsupported: {
    s3: ["InvalidRequest", 400, unsupportedText],
    query: ["IncompleteSignature", 400, unsupportedText],
    rest: ["IncompleteSignatureException", 403, unsupportedText],
  },
  "unknown-key": {
    s3: ["InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."],
    query: ["InvalidClientTokenId", 403, invalidTokenText],
    rest: ["UnrecognizedClientException", 403, invalidTokenText],
  },
  "session-expired": {
    s3: ["ExpiredToken", 400, "The provided token has expired."],
    query: ["ExpiredToken", 403, sessionExpiredText],
    rest: ["ExpiredTokenException", 403, sessionExpiredText],
  },
  mismatch: {
    s3: ["SignatureDoesNotMatch", 403, s3MismatchText],
    query: ["SignatureDoesNotMatch", 403, mismatchText],
    rest: ["InvalidSignatureException", 403, mismatchText],
  },
  expired: {
    s3: [
      "RequestTimeTooSkewed",
      403,
      "The difference between the request time and the current time is too large.",
    ],
    query: ["SignatureDoesNotMatch", 403, expiredText],
    rest: ["InvalidSignatureException", 403, expiredText],
  },
  "presign-expired": {
    s3: ["AccessDenied", 403, "Request has expired"],
    query: ["SignatureDoesNotMatch", 403, expiredText],
    rest: ["InvalidSignatureException", 403, expiredText],
  },
  "wrong-scope": {
    s3: ["AuthorizationHeaderMalformed", 400, "The authorization header is malformed."],
    query: ["SignatureDoesNotMatch", 403, "Credential should be scoped to correct service."],
    rest: ["InvalidSignatureException", 403, "Credential should be scoped to correct service."],
  },
  "payload-mismatch": {
    s3: [
      "XAmzContentSHA256Mismatch",
      400,
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
    ],
    query: ["SignatureDoesNotMatch", 403, mismatchText],
    rest: ["InvalidSignatureException", 403, mismatchText],
  },
};
