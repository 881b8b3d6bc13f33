/**
 * Signature Version 4 on the server: checks signatures in headers and in presigned URLs.
 *
 * The signature is recomputed from the request as received, over the headers that the client names. The payload's hash
 * is the client's `x-amz-content-sha256` where it is sent; whoever reads the body must then compare (`payloadOf`).
 * Signing keys are cached, for deriving one costs as much as the rest. Nothing here logs keys, secrets or signatures.
 */
import { createHmac, hash, timingSafeEqual } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { clockSkewMsMax, signingKeysCachedMax } from "../limits.ts";
import { type Credential, payloadOf, signingAlgorithm } from "./credential.ts";
import type { ProtocolId, ServiceModel } from "./model.ts";
import { canonicalRequest, type RequestHead } from "./sigv4-canonical.ts";
import { basicIso, type Claim, readClaim } from "./sigv4-claim.ts";
import { signatureError, signatureFamily, type SignatureFamily } from "./sigv4-errors.ts";

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
  /** The same for a text with a signature of its own, S3's POST policy: throws unless this key has signed it. */
  verifyText(text: string, credential: Credential, signature: string): void;
}

export const emptySha256 = hash("sha256", "", "hex");

const minuteMs = 60_000;

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
      if (secret === undefined) {
        throw signatureError("unknown-key", family, undefined, { AWSAccessKeyId: credential.accessKey });
      }

      const payloadHash = payloadOf(head) ?? defaultPayload(credential, family, bodySha256);
      const rule = family === "s3" ? "as-sent" : "encoded-again";
      const canonical = canonicalRequest(head, claim.signedHeaders, payloadHash, rule);
      const scope = `${credential.date}/${credential.region}/${credential.service}/aws4_request`;
      const key = signingKey(credential, secret);
      const text = `${signingAlgorithm}\n${timestamp}\n${scope}\n${hash("sha256", canonical, "hex")}`;
      const expected = createHmac("sha256", key).update(text).digest("hex");
      if (!equalText(expected, claim.signature)) {
        throw signatureError("mismatch", family, undefined, comparison(claim, text, canonical));
      }
      return { signature: expected, signingKey: key, timestamp, scope, family };
    },
    verifyText(text, credential, signature) {
      const secret = deps.keyStore(credential.accessKey);
      if (secret === undefined) throw signatureError("unknown-key", "s3");
      const expected = createHmac("sha256", signingKey(credential, secret)).update(text).digest("hex");
      if (!equalText(expected, signature)) throw signatureError("mismatch", "s3");
    },
  };
}

/** What was signed here, for whoever looks for the difference; only S3 tells. */
function comparison({ credential, signature }: Claim, text: string, canonical: string) {
  return {
    AWSAccessKeyId: credential.accessKey,
    StringToSign: text,
    SignatureProvided: signature,
    StringToSignBytes: hexBytes(text),
    CanonicalRequest: canonical,
    CanonicalRequestBytes: hexBytes(canonical),
  };
}

function hexBytes(text: string): string {
  return Buffer.from(text)
    .toString("hex")
    .replace(/(..)(?=.)/g, "$1 ");
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
    if (family === "s3" && lifeSeconds !== undefined) {
      throw signatureError("presign-expired", family, "Request is not valid yet", { ServerTime: iso(nowMs) });
    }
    throw signatureError("expired", family, family === "s3" ? undefined : text, skew(timestamp, nowMs));
  }
  const lifeMs = lifeSeconds === undefined ? clockSkewMsMax : lifeSeconds * 1000;
  if (signedAtMs + lifeMs >= nowMs) return;
  const earliest = basicIso(nowMs - lifeMs);
  const text =
    `Signature expired: ${timestamp} is now earlier than ${earliest} ` +
    `(${basicIso(nowMs)} - ${lifeMs / minuteMs} min.)`;
  const detail = family === "s3" ? undefined : text;
  if (lifeSeconds === undefined) throw signatureError("expired", family, detail, skew(timestamp, nowMs));
  throw signatureError("presign-expired", family, detail, {
    "X-Amz-Expires": lifeSeconds,
    Expires: iso(signedAtMs + lifeMs),
    ServerTime: iso(nowMs),
  });
}

function skew(timestamp: string, nowMs: number) {
  return {
    RequestTime: timestamp,
    ServerTime: iso(nowMs),
    MaxAllowedSkewMilliseconds: clockSkewMsMax,
  };
}

function iso(atMs: number): string {
  return new Date(Math.floor(atMs / 1000) * 1000).toISOString().replace(".000", "");
}

/** Else whoever has a presigned URL could add an ACL or another copy source to it. S3 refuses that, and only S3. */
function checkAllAmzHeadersSigned(head: RequestHead, signedHeaders: string): void {
  const signed = `;${signedHeaders};`;
  const unsigned: string[] = [];
  for (const name in head.headers) {
    if (!name.startsWith("x-amz-") || name === "x-amz-content-sha256") continue;
    if (!signed.includes(`;${name};`)) unsigned.push(name);
  }
  if (unsigned.length === 0) return;
  const text = "There were headers present in the request which were not signed";
  throw signatureError("missing", "s3", text, { HeadersNotSigned: unsigned.join(", ") });
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
