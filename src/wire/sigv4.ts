/**
 * Signature Version 4 on the server: `readCredential` says who signed for which region and service without checking
 * anything (every request needs that), `createVerifier` checks signatures in headers and in presigned URLs.
 *
 * The signature is recomputed from the request as received, over the headers that the client names. The payload's hash
 * is the client's `x-amz-content-sha256` where it is sent; whoever reads the body must then compare (`payloadOf`).
 * Signing keys are cached, for deriving one costs as much as the rest. Nothing here logs keys, secrets or signatures.
 */
import { createHmac, hash, timingSafeEqual } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { clockSkewMsMax, presignLifeSecondsMax, signingKeysCachedMax } from "../limits.ts";
import type { AwsError } from "./aws-error.ts";
import type { ProtocolId, ServiceModel } from "./model.ts";
import { queryValue } from "./query-string.ts";
import { canonicalRequest, type RequestHead } from "./sigv4-canonical.ts";
import { signatureError, signatureFamily, type SignatureFamily } from "./sigv4-errors.ts";

/** Who signed, for what; nothing of it is verified. */
export interface Credential {
  readonly accessKey: string;
  /** YYYYMMDD; like region and service "" in signatures older than version 4. */
  readonly date: string;
  readonly region: string;
  /** Signing name: "lambda", "monitoring". */
  readonly service: string;
  readonly carriedIn: "header" | "query";
  /** "other": SigV4a and the legacy SigV2, which are recognised to be refused. */
  readonly version: "v4" | "other";
}

/** The secret of an access key; undefined: no such key. */
export type KeyStore = (accessKey: string) => string | undefined;

/** What the signatures of an aws-chunked body continue from. */
export interface ChunkSeed {
  readonly signature: string;
  readonly signingKey: Uint8Array;
  /** "20150830T123600Z". */
  readonly timestamp: string;
  /** "20150830/us-east-1/s3/aws4_request". */
  readonly scope: string;
  readonly family: SignatureFamily;
}

export interface Verifier {
  /**
   * Throws the `AwsError` that the service answers a bad signature with. `bodySha256`: hex, of the body as received;
   * used only where the client sent no `x-amz-content-sha256`.
   */
  verify(head: RequestHead, service: ServiceModel, protocol: ProtocolId, bodySha256: string): ChunkSeed;
}

export const emptySha256 = hash("sha256", "", "hex");

const algorithm = "AWS4-HMAC-SHA256";
const minuteMs = 60_000;

export function readCredential(head: RequestHead): Credential | undefined {
  const authorization = head.headers["authorization"];
  if (authorization !== undefined) return fromAuthorization(authorization);
  if (!head.query.includes("=")) return undefined;
  const scope = queryValue(head.query, "X-Amz-Credential");
  if (scope !== undefined) {
    return fromScope(scope, "query", queryValue(head.query, "X-Amz-Algorithm") ?? algorithm);
  }
  const legacyKey = queryValue(head.query, "AWSAccessKeyId");
  return legacyKey === undefined ? undefined : legacy(legacyKey, "query");
}

/** What the client says of its body: a hex SHA-256, "UNSIGNED-PAYLOAD", "STREAMING-…", or undefined. */
export function payloadOf(head: RequestHead): string | undefined {
  return head.headers["x-amz-content-sha256"] ?? payloadInQuery(head.query);
}

function payloadInQuery(query: string): string | undefined {
  return query === "" ? undefined : queryValue(query, "X-Amz-Content-Sha256");
}

export function isSha256(payload: string): boolean {
  return /^[0-9a-f]{64}$/.test(payload);
}

function fromAuthorization(authorization: string): Credential | undefined {
  if (authorization.startsWith("AWS4-")) {
    const scope = parameter(authorization, "Credential=");
    return scope === undefined ? undefined : fromScope(scope, "header", schemeOf(authorization));
  }
  if (!authorization.startsWith("AWS ")) return undefined;
  const colon = authorization.indexOf(":");
  return colon === -1 ? undefined : legacy(authorization.slice(4, colon), "header");
}

function schemeOf(authorization: string): string {
  const space = authorization.indexOf(" ");
  return space === -1 ? authorization : authorization.slice(0, space);
}

function legacy(accessKey: string, carriedIn: Credential["carriedIn"]): Credential {
  return { accessKey, date: "", region: "", service: "", carriedIn, version: "other" };
}

/** `AKID/20150830/us-east-1/lambda/aws4_request`, read from its end: nothing forbids "/" in an access key here. */
function fromScope(
  scope: string,
  carriedIn: Credential["carriedIn"],
  scheme: string,
): Credential | undefined {
  const terminator = scope.lastIndexOf("/");
  const service = scope.lastIndexOf("/", terminator - 1);
  const region = scope.lastIndexOf("/", service - 1);
  // SigV4a has no region in its scope.
  const date = scheme === algorithm ? scope.lastIndexOf("/", region - 1) : region;
  if (date <= 0 || terminator <= service || service <= region) return undefined;
  return {
    accessKey: scope.slice(0, date),
    date: scope.slice(date + 1, scheme === algorithm ? region : service),
    region: scheme === algorithm ? scope.slice(region + 1, service) : "",
    service: scope.slice(service + 1, terminator),
    carriedIn,
    version: scheme === algorithm && scope.endsWith("/aws4_request") ? "v4" : "other",
  };
}

/** One `Name=value` of an Authorization header: between commas or spaces. */
function parameter(authorization: string, name: string): string | undefined {
  const at = authorization.indexOf(name);
  if (at <= 0 || !isSeparator(authorization[at - 1])) return undefined;
  const start = at + name.length;
  let end = start;
  while (end < authorization.length && !isSeparator(authorization[end])) end += 1;
  return authorization.slice(start, end);
}

function isSeparator(character: string | undefined): boolean {
  return character === "," || character === " ";
}

export function createVerifier(deps: { readonly clock: Clock; readonly keyStore: KeyStore }): Verifier {
  const signingKey = createSigningKeys();

  return {
    verify(head, service, protocol, bodySha256) {
      const family = signatureFamily(service.name, protocol);
      const claim = readClaim(head, family);
      const { credential, timestamp } = claim;
      checkScope(claim, service, family);
      checkTime(claim, deps.clock.now(), family);
      if (family === "s3") checkAllAmzHeadersSigned(head, claim.signedHeaders);
      const secret = deps.keyStore(credential.accessKey);
      if (secret === undefined) throw signatureError("unknown-key", family);

      const payloadHash = payloadOf(head) ?? defaultPayload(credential, family, bodySha256);
      const rule = family === "s3" ? "as-sent" : "encoded-again";
      const canonical = canonicalRequest(head, claim.signedHeaders, payloadHash, rule);
      const scope = `${credential.date}/${credential.region}/${credential.service}/aws4_request`;
      const key = signingKey(credential, secret);
      const expected = createHmac("sha256", key)
        .update(`${algorithm}\n${timestamp}\n${scope}\n${hash("sha256", canonical, "hex")}`)
        .digest("hex");
      if (!equalText(expected, claim.signature)) throw signatureError("mismatch", family);
      return { signature: expected, signingKey: key, timestamp, scope, family };
    },
  };
}

/** Constant in time for texts of one length. */
export function equalText(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}

function defaultPayload(credential: Credential, family: SignatureFamily, bodySha256: string): string {
  return family === "s3" && credential.carriedIn === "query" ? "UNSIGNED-PAYLOAD" : bodySha256;
}

/** All that a signed request says about its signature. */
interface Claim {
  readonly credential: Credential;
  readonly timestamp: string;
  readonly signedAtMs: number;
  readonly signedHeaders: string;
  readonly signature: string;
  /** Presigned URLs. */
  readonly lifeSeconds: number | undefined;
}

function readClaim(head: RequestHead, family: SignatureFamily): Claim {
  const credential = readCredential(head);
  if (credential === undefined) {
    const hasSignature =
      head.headers["authorization"] !== undefined || head.query.includes("X-Amz-Signature=");
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

function checkScope(claim: Claim, service: ServiceModel, family: SignatureFamily): void {
  const { credential, timestamp } = claim;
  if (credential.service !== service.signingName) {
    const text = `Credential should be scoped to correct service: '${service.signingName}'.`;
    throw signatureError("wrong-scope", family, text);
  }
  if (credential.date !== timestamp.slice(0, 8)) {
    const text =
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: ` +
      `'${credential.date}' != '${timestamp.slice(0, 8)}', from '${timestamp}'.`;
    throw signatureError("wrong-scope", family, text);
  }
}

function checkTime(claim: Claim, nowMs: number, family: SignatureFamily): void {
  const skewMinutes = clockSkewMsMax / minuteMs;
  const { timestamp, signedAtMs, lifeSeconds } = claim;
  if (signedAtMs > nowMs + clockSkewMsMax) {
    const latest = basicIso(nowMs + clockSkewMsMax);
    const text =
      `Signature not yet current: ${timestamp} is still later than ${latest} ` +
      `(${basicIso(nowMs)} + ${skewMinutes} min.)`;
    throw signatureError("expired", family, family === "s3" ? undefined : text);
  }
  const lifeMs = lifeSeconds === undefined ? clockSkewMsMax : lifeSeconds * 1000;
  if (signedAtMs + lifeMs >= nowMs) return;
  const earliest = basicIso(nowMs - lifeMs);
  const text =
    `Signature expired: ${timestamp} is now earlier than ${earliest} ` +
    `(${basicIso(nowMs)} - ${lifeMs / minuteMs} min.)`;
  const fault = lifeSeconds === undefined ? "expired" : "presign-expired";
  throw signatureError(fault, family, family === "s3" ? undefined : text);
}

/** Else whoever has a presigned URL could add an ACL or another copy source to it. S3 refuses that, and only S3. */
function checkAllAmzHeadersSigned(head: RequestHead, signedHeaders: string): void {
  const signed = `;${signedHeaders};`;
  for (const name in head.headers) {
    if (!name.startsWith("x-amz-") || name === "x-amz-content-sha256") continue;
    if (signed.includes(`;${name};`)) continue;
    const text = "There were headers present in the request which were not signed";
    throw signatureError("missing", "s3", text);
  }
}

/** Epoch ms of "20150830T123600Z"; NaN for anything else. */
function epochMs(timestamp: string): number {
  if (!/^\d{8}T\d{6}Z$/.test(timestamp)) return Number.NaN;
  const at = (start: number, length: number) => timestamp.slice(start, start + length);
  return Date.parse(`${at(0, 4)}-${at(4, 2)}-${at(6, 2)}T${at(9, 2)}:${at(11, 2)}:${at(13, 2)}Z`);
}

function basicIso(atMs: number): string {
  return new Date(atMs).toISOString().replace(/[-:]|\.\d+/g, "");
}

/** A `Date` header, in HTTP's form or already in AWS's. */
function basicTime(date: string | undefined): string | undefined {
  if (date === undefined || date.endsWith("Z")) return date;
  const atMs = Date.parse(date);
  return Number.isNaN(atMs) ? undefined : basicIso(atMs);
}

/** Derived keys by credential scope; the oldest makes room. A changed secret is noticed. */
function createSigningKeys(): (credential: Credential, secret: string) => Uint8Array {
  const cached = new Map<string, { readonly secret: string; readonly key: Uint8Array }>();
  return ({ accessKey, date, region, service }, secret) => {
    const name = `${accessKey}/${date}/${region}/${service}`;
    const known = cached.get(name);
    if (known?.secret === secret) return known.key;
    const key = [date, region, service, "aws4_request"].reduce<Uint8Array>(
      (previous, part) => createHmac("sha256", previous).update(part).digest(),
      Buffer.from(`AWS4${secret}`),
    );
    if (cached.size >= signingKeysCachedMax) cached.delete(cached.keys().next().value ?? "");
    cached.set(name, { secret, key });
    return key;
  };
}
