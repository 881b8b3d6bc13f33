/**
 * All that a signed request says about its signature, in its headers or, presigned, in its query; and the refusal when
 * something of it is missing. Nothing here is verified yet.
 */
import { clockSkewMsMax, presignLifeSecondsMax } from "../limits.ts";
import { type Credential, parameter, readCredential } from "./credential.ts";
import type { AwsError } from "./aws-error.ts";
import { queryValue } from "./query-string.ts";
import { checkS3Claim } from "./s3-claim-words.ts";
import type { RequestHead } from "./sigv4-canonical.ts";
import { signatureError, type SignatureFamily } from "./sigv4-errors.ts";

export interface Claim {
  readonly credential: Credential;
  readonly timestamp: string;
  readonly signedAtMs: number;
  readonly signedHeaders: string;
  readonly signature: string;
  /** Presigned URLs. */
  readonly lifeSeconds: number | undefined;
}

export function readClaim(head: RequestHead, family: SignatureFamily): Claim {
  if (family === "s3") checkS3Claim(head);
  const credential = readCredential(head);
  if (credential === undefined) {
    const hasSignature = Boolean(head.headers["authorization"]) || head.query.includes("X-Amz-Signature=");
    throw signatureError(hasSignature ? "incomplete" : "missing", family);
  }
  if (credential.version !== "v4") throw signatureError("unsupported", family);
  return credential.carriedIn === "header"
    ? claimOfHeader(head, credential, family)
    : claimOfQuery(head, credential, family);
}

function claimOfHeader(head: RequestHead, credential: Credential, family: SignatureFamily): Claim {
  const authorization = head.headers["authorization"] ?? "";
  const timestamp = head.headers["x-amz-date"] ?? basicTime(head.headers["date"]);
  const missing = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.";
  return checkedClaim(family, missing, {
    credential,
    timestamp,
    signedHeaders: parameter(authorization, "SignedHeaders="),
    signature: parameter(authorization, "Signature="),
    lifeSeconds: undefined,
  });
}

function claimOfQuery(head: RequestHead, credential: Credential, family: SignatureFamily): Claim {
  const life = queryValue(head.query, "X-Amz-Expires");
  // Only S3 demands an expiry; elsewhere a presigned request lives as long as the clocks may differ.
  const lifeSeconds = life === undefined && family !== "s3" ? clockSkewMsMax / 1000 : Number(life);
  if (!(lifeSeconds >= 0 && lifeSeconds <= presignLifeSecondsMax)) {
    const text = "X-Amz-Expires must be less than a week (in seconds) that is the 604800";
    throw signatureError("bad-query", family, text);
  }
  const missing =
    "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, " +
    "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.";
  return checkedClaim(family, missing, {
    credential,
    timestamp: queryValue(head.query, "X-Amz-Date"),
    signedHeaders: queryValue(head.query, "X-Amz-SignedHeaders"),
    signature: queryValue(head.query, "X-Amz-Signature"),
    lifeSeconds,
  });
}

interface UncheckedClaim {
  readonly credential: Credential;
  readonly timestamp: string | undefined;
  readonly signedHeaders: string | undefined;
  readonly signature: string | undefined;
  readonly lifeSeconds: number | undefined;
}

function checkedClaim(family: SignatureFamily, missing: string, claim: UncheckedClaim): Claim {
  const { credential, timestamp, signedHeaders, signature, lifeSeconds } = claim;
  if (!signedHeaders || !signature) throw signatureError("incomplete", family);
  const signedAtMs = timestamp === undefined ? Number.NaN : epochMs(timestamp);
  if (timestamp === undefined || Number.isNaN(signedAtMs)) throw queryOrHeaderFault(claim, family, missing);
  const names = `;${signedHeaders};`;
  if (!names.includes(";host;") && !names.includes(";:authority;")) {
    const text = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";
    throw signatureError("mismatch", family, text);
  }
  return { credential, timestamp, signedAtMs, signedHeaders, signature, lifeSeconds };
}

function queryOrHeaderFault(claim: UncheckedClaim, family: SignatureFamily, text: string): AwsError {
  return signatureError(claim.credential.carriedIn === "query" ? "bad-query" : "incomplete", family, text);
}

/** Epoch ms of "20150830T123600Z"; NaN for anything else. */
function epochMs(timestamp: string): number {
  if (!/^\d{8}T\d{6}Z$/.test(timestamp)) return Number.NaN;
  const at = (start: number, length: number) => timestamp.slice(start, start + length);
  return Date.parse(`${at(0, 4)}-${at(4, 2)}-${at(6, 2)}T${at(9, 2)}:${at(11, 2)}:${at(13, 2)}Z`);
}

export function basicIso(atMs: number): string {
  return new Date(atMs).toISOString().replace(/[-:]|\.\d+/g, "");
}

/** A `Date` header, in HTTP's form or already in AWS's. */
function basicTime(date: string | undefined): string | undefined {
  if (date === undefined || date.endsWith("Z")) return date;
  const atMs = Date.parse(date);
  return Number.isNaN(atMs) ? undefined : basicIso(atMs);
}
