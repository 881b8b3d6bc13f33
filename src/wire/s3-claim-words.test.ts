import assert from "node:assert/strict";
import { test } from "node:test";
import { AwsError } from "./aws-error.ts";
import { checkS3Claim } from "./s3-claim-words.ts";

const scope = "AKID/20260101/us-east-1/s3/aws4_request";
const signed = `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=abc`;
const presigned = new URLSearchParams({
  "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
  "X-Amz-Credential": scope,
  "X-Amz-Date": "20260101T000000Z",
  "X-Amz-Expires": "60",
  "X-Amz-SignedHeaders": "host",
  "X-Amz-Signature": "abc",
});

function fault(headers: Record<string, string>, query = ""): string {
  try {
    checkS3Claim({ method: "GET", path: "/b", query, headers });
    return "fine";
  } catch (error) {
    assert(error instanceof AwsError, String(error));
    return `${error.status} ${error.code}: ${error.message}`;
  }
}

const inHeader: readonly (readonly [authorization: string, expected: string])[] = [
  [signed, "fine"],
  ["", "fine"],
  ["AWS AKID:c2lnbmF0dXJl", "fine"],
  ["AWS4-ECDSA-P256-SHA256 Credential=AKID/20260101/s3/aws4_request, SignedHeaders=a, Signature=b", "fine"],
  [
    "AWS AKID",
    "400 InvalidArgument: AWS authorization header is invalid.  Expected AwsAccessKeyId:signature",
  ],
  ["Basic abc", "400 InvalidArgument: Unsupported Authorization Type"],
  [
    "AWS4-HMAC-SHA256",
    "400 AuthorizationHeaderMalformed: The authorization header is malformed; the authorization header requires three " +
      "components: Credential, SignedHeaders, and Signature.",
  ],
  [
    signed.replace(", Signature=abc", ""),
    "400 AuthorizationHeaderMalformed: The authorization header is malformed; missing Signature.",
  ],
  [
    signed.replace("/s3/", "/sqs/"),
    '400 AuthorizationHeaderMalformed: The authorization header is malformed; incorrect service "sqs". ' +
      'This endpoint belongs to "s3".',
  ],
  [
    signed.replace(scope, "AKID"),
    "400 AuthorizationHeaderMalformed: The authorization header is malformed; the Credential is mal-formed; expecting " +
      '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
  ],
  [
    signed.replace("20260101", "20260102"),
    "400 AuthorizationHeaderMalformed: The authorization header is malformed; Invalid credential date " +
      '"20260102". This date is not the same as X-Amz-Date: "20260101".',
  ],
];

test("S3 says what is wrong with an Authorization header", () => {
  for (const [authorization, expected] of inHeader) {
    assert.equal(fault({ authorization, "x-amz-date": "20260101T000000Z" }), expected, authorization);
  }
  const noDate = "403 AccessDenied: AWS authentication requires a valid Date or x-amz-date header";
  assert.equal(fault({ authorization: signed }), noDate);
  assert.equal(fault({ authorization: signed, "x-amz-date": "today" }), noDate);
  assert.equal(fault({ authorization: signed, date: "Thu, 01 Jan 2026 00:00:00 GMT" }), "fine");
});

const bad = "400 AuthorizationQueryParametersError:";
const inQuery: readonly (readonly [name: string, value: string | undefined, expected: string | RegExp])[] = [
  ["x-other", "1", "fine"],
  ["X-Amz-Signature", undefined, /^400 AuthorizationQueryParametersError: Query-string authentication/],
  ["X-Amz-Expires", undefined, /^400 AuthorizationQueryParametersError: Query-string authentication/],
  ["X-Amz-Expires", "soon", `${bad} X-Amz-Expires should be a number`],
  ["X-Amz-Expires", "-1", `${bad} X-Amz-Expires must be non-negative`],
  ["X-Amz-Expires", "604800", "fine"],
  ["X-Amz-Expires", "604801", /must be less than a week \(in seconds\)/],
  ["X-Amz-Date", "today", /X-Amz-Date must be in the ISO8601 Long Format/],
  ["X-Amz-Algorithm", "HMAC", /X-Amz-Algorithm only supports/],
  [
    "X-Amz-Credential",
    scope.replace("aws4_request", "aws5"),
    `${bad} Error parsing the X-Amz-Credential parameter; incorrect terminal "aws5". This endpoint uses "aws4_request".`,
  ],
];

test("S3 says what is wrong with a presigned URL", () => {
  for (const [name, value, expected] of inQuery) {
    const query = new URLSearchParams(presigned);
    if (value === undefined) query.delete(name);
    else query.set(name, value);
    const found = fault({}, query.toString());
    if (typeof expected === "string") assert.equal(found, expected);
    else assert.match(found, expected);
  }
  assert.equal(fault({}, "prefix=X-Amz-Signature"), "fine");
});
