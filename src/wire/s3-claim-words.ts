/**
 * What S3 says of a signature that cannot be read, where every other service has one sentence for all of it. Looks at the
 * form only; whether the signature is right is found out afterwards.
 *
 * Texts: map-sqs-sns-s3 3.14.
 */
import { presignLifeSecondsMax } from "../limits.ts";
import { AwsError } from "./aws-error.ts";
import { parameter, signingAlgorithm } from "./credential.ts";
import { queryValue } from "./query-string.ts";
import type { RequestHead } from "./sigv4-canonical.ts";

/** Throws for what is there and is not well-formed; nothing at all is for others to judge. */
export function checkS3Claim({ headers, query }: RequestHead): void {
  const authorization = headers["authorization"];
  if (authorization) checkHeader(authorization, headers);
  else if (/(?:^|&)X-Amz-(?:Algorithm|Credential|Signature)=/.test(query)) checkQuery(query);
}

/** Clients read the right one from it, and ask again: s3cmd signs for "US" first. */
export function s3RegionFault(given: string, expected: string): AwsError {
  const text = `The authorization header is malformed; the region '${given}' is wrong; expecting '${expected}'`;
  return new AwsError("AuthorizationHeaderMalformed", text, { status: 400, members: { Region: expected } });
}

function checkHeader(authorization: string, headers: RequestHead["headers"]): void {
  if (!authorization.startsWith("AWS4-")) {
    const isOlder = authorization.startsWith("AWS ");
    if (isOlder && authorization.includes(":")) return;
    const text = isOlder
      ? "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature"
      : "Unsupported Authorization Type";
    const members = { ArgumentName: "Authorization", ArgumentValue: authorization.slice(0, 1024) };
    throw new AwsError("InvalidArgument", text, { status: 400, members });
  }
  const malformed = (text: string) =>
    new AwsError("AuthorizationHeaderMalformed", `The authorization header is malformed; ${text}`, {
      status: 400,
    });
  const components = ["Credential", "SignedHeaders", "Signature"];
  const missing = components.filter((name) => !parameter(authorization, `${name}=`));
  if (missing.length === components.length) {
    throw malformed(
      "the authorization header requires three components: Credential, SignedHeaders, and Signature.",
    );
  }
  if (missing.length > 0) throw malformed(`missing ${missing[0]}.`);
  if (!authorization.startsWith(`${signingAlgorithm} `)) return; // refused by its name
  const at = headers["x-amz-date"] ?? headers["date"];
  if (at === undefined || (headers["x-amz-date"] !== undefined && !isTimestamp(at))) {
    const text = "AWS authentication requires a valid Date or x-amz-date header";
    throw new AwsError("AccessDenied", text, { status: 403 });
  }
  const fault = scopeFault(parameter(authorization, "Credential=") ?? "", headers["x-amz-date"]);
  if (fault !== undefined) throw malformed(fault);
}

function checkQuery(query: string): void {
  const value = (name: string) => queryValue(query, `X-Amz-${name}`) ?? "";
  const malformed = (text: string) =>
    new AwsError("AuthorizationQueryParametersError", text, { status: 400 });
  const names = ["Algorithm", "Credential", "Signature", "Date", "SignedHeaders", "Expires"];
  if (names.some((name) => value(name) === "")) {
    throw malformed(
      "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, " +
        "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
    );
  }
  if (value("Algorithm") !== signingAlgorithm) {
    throw malformed('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"');
  }
  if (!isTimestamp(value("Date"))) {
    throw malformed(`X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`);
  }
  const fault = scopeFault(value("Credential"), value("Date"));
  if (fault !== undefined) throw malformed(`Error parsing the X-Amz-Credential parameter; ${fault}`);
  const expires = value("Expires");
  if (!/^-?\d+$/.test(expires)) throw malformed("X-Amz-Expires should be a number");
  if (Number(expires) < 0) throw malformed("X-Amz-Expires must be non-negative");
  if (Number(expires) > presignLifeSecondsMax) {
    throw malformed(
      "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than " +
        `${presignLifeSecondsMax} seconds`,
    );
  }
}

/** Undefined: it is one for S3, of that day. An access key may have slashes. */
function scopeFault(credential: string, timestamp: string | undefined): string | undefined {
  const parts = credential.split("/");
  const [date = "", , service, terminal] = parts.slice(-4);
  if (parts.length < 5) {
    return 'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".';
  }
  if (terminal !== "aws4_request") {
    return `incorrect terminal "${terminal}". This endpoint uses "aws4_request".`;
  }
  if (service !== "s3") return `incorrect service "${service}". This endpoint belongs to "s3".`;
  if (!/^\d{8}$/.test(date)) {
    return `incorrect date format "${date}". This date in the credential must be in the format "yyyyMMdd".`;
  }
  if (timestamp === undefined || timestamp.startsWith(date)) return undefined;
  return `Invalid credential date "${date}". This date is not the same as X-Amz-Date: "${timestamp.slice(0, 8)}".`;
}

function isTimestamp(text: string): boolean {
  return /^\d{8}T\d{6}Z$/.test(text);
}
