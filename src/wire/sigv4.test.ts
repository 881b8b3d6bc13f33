import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { test } from "node:test";
import { SignatureV4 } from "@smithy/signature-v4";
import * as fc from "fast-check";
import { createSimClock } from "../base/clock-sim.ts";
import { clockSkewMsMax } from "../limits.ts";
import { AwsError } from "./aws-error.ts";
import { loadModel } from "./model-load.ts";
import type { ProtocolId, ServiceModel } from "./model.ts";
import { readCredential } from "./credential.ts";
import { createVerifier, emptySha256 } from "./sigv4.ts";
import type { RequestHead } from "./sigv4-canonical.ts";

const signedAt = new Date("2026-03-04T05:06:07Z");
const keys = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
const lambda = loadModel("lambda");
const s3 = loadModel("s3");

class Sha256 {
  readonly #hash;
  constructor(secret?: unknown) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", secret as Buffer);
  }
  update(bytes: string | ArrayBuffer | Uint8Array): void {
    this.#hash.update(bytes as Buffer);
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
}

function signer(service: ServiceModel, region = "eu-west-1"): SignatureV4 {
  return new SignatureV4({
    credentials: keys,
    region,
    service: service.signingName,
    sha256: Sha256,
    uriEscapePath: service.name !== "s3",
    applyChecksum: true,
  });
}

function verifierAt(date: Date) {
  const clock = createSimClock(date.getTime());
  return createVerifier({
    clock,
    keyStore: (key) => (key === keys.accessKeyId ? keys.secretAccessKey : undefined),
  });
}

interface Sample {
  readonly method: string;
  readonly path: string;
  readonly query: Record<string, string | string[]>;
  readonly headers: Record<string, string>;
  readonly body: string;
}

function httpRequest({ method, path, query, headers, body }: Sample) {
  return {
    method,
    path,
    query,
    body: body === "" ? undefined : body,
    protocol: "http:",
    hostname: "example.com",
    headers: { host: "example.com", ...headers },
  };
}

function sign(by: SignatureV4, sample: Sample): Promise<Signed> {
  return by.sign(httpRequest(sample), { signingDate: signedAt });
}

interface Signed {
  readonly method: string;
  readonly path: string;
  readonly query?: unknown;
  readonly headers: Record<string, string>;
}

/** As the wire carries it: an SDK's query as `name=value` pairs, percent-encoded. */
function head(signed: Signed): RequestHead {
  const encode = (text: string) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  const query = Object.entries((signed.query ?? {}) as Record<string, string | string[]>)
    .flatMap(([name, value]) => [value].flat().map((one) => `${encode(name)}=${encode(one)}`))
    .join("&");
  const headers = Object.fromEntries(
    Object.entries(signed.headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  return { method: signed.method, path: signed.path, query, headers };
}

/** As the SDK's S3 presigner does it. */
function presignHeaders(service: ServiceModel): Record<string, string> {
  return service.name === "s3" ? { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" } : {};
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

function codeOf(check: () => unknown): string {
  try {
    check();
  } catch (error) {
    assert.ok(error instanceof AwsError, String(error));
    return error.code;
  }
  return "accepted";
}

const samples: readonly Sample[] = [
  { method: "GET", path: "/", query: {}, headers: {}, body: "" },
  {
    method: "POST",
    path: "/2015-03-31/functions/arn%3Aaws%3Alambda/invocations",
    query: {},
    headers: {},
    body: '{"a":1}',
  },
  { method: "GET", path: "/a%20b/c%2Fd/~x", query: { b: "2", a: ["2", "1"] }, headers: {}, body: "" },
  {
    method: "GET",
    path: "/2015-03-31/functions",
    query: { "a-b": "1", a: "é ü", empty: "", "!'()*": "+ &=" },
    headers: {},
    body: "",
  },
  {
    method: "PUT",
    path: "/x",
    query: {},
    headers: { "X-Amz-Meta": "  spread   out  ", "content-type": "a/b" },
    body: "x",
  },
];

for (const service of [lambda, s3]) {
  const protocol: ProtocolId = service === s3 ? "restXml" : "restJson1";
  for (const sample of samples) {
    test(`${service.name}: a ${sample.method} ${sample.path} signed by the SDK's signer is accepted`, async () => {
      const signed = await sign(signer(service), sample);
      const request = head(signed);
      assert.equal(
        codeOf(() => verifierAt(signedAt).verify(request, service, protocol, sha256(sample.body))),
        "accepted",
      );
    });

    test(`${service.name}: a presigned ${sample.method} ${sample.path} is accepted until it expires`, async () => {
      const headers = presignHeaders(service);
      const plain = httpRequest({ ...sample, headers, body: "" });
      const signed = await signer(service).presign(plain, {
        signingDate: signedAt,
        expiresIn: 60,
        unsignableHeaders: new Set(["x-amz-content-sha256"]),
      });
      const request = head(signed);
      const at = (seconds: number) =>
        codeOf(() =>
          verifierAt(new Date(signedAt.getTime() + seconds * 1000)).verify(
            request,
            service,
            protocol,
            emptySha256,
          ),
        );
      assert.equal(at(0), "accepted");
      assert.equal(at(60), "accepted");
      assert.equal(at(61), service === s3 ? "AccessDenied" : "InvalidSignatureException");
    });
  }
}

test("the test suite's get-vanilla request has the published signature", () => {
  const service = { ...lambda, name: "service", signingName: "service" };
  const request: RequestHead = {
    method: "GET",
    path: "/",
    query: "",
    headers: {
      host: "example.amazonaws.com",
      "x-amz-date": "20150830T123600Z",
      authorization:
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, " +
        "SignedHeaders=host;x-amz-date, " +
        "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    },
  };
  const verifier = verifierAt(new Date("2015-08-30T12:36:00Z"));
  assert.equal(
    verifier.verify(request, service, "restJson1", emptySha256).scope,
    "20150830/us-east-1/service/aws4_request",
  );
});

test("S3's documented presigned GET has the published signature", () => {
  const request: RequestHead = {
    method: "GET",
    path: "/test.txt",
    query:
      "X-Amz-Algorithm=AWS4-HMAC-SHA256" +
      "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request" +
      "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host" +
      "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
    headers: { host: "examplebucket.s3.amazonaws.com" },
  };
  const verifier = createVerifier({
    clock: createSimClock(Date.UTC(2013, 4, 24, 12)),
    keyStore: () => "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  });
  assert.equal(
    codeOf(() => verifier.verify(request, s3, "restXml", "")),
    "accepted",
  );
});

async function signedInvoke(): Promise<RequestHead> {
  const sample: Sample = {
    method: "POST",
    path: "/2015-03-31/functions/thumb/invocations",
    query: { Qualifier: "live" },
    headers: { "content-type": "application/json", "x-amz-log-type": "Tail" },
    body: "{}",
  };
  return head(await sign(signer(lambda), sample));
}

test("property: a request of which any signed byte has changed is refused", async () => {
  const request = await signedInvoke();
  const verifier = verifierAt(signedAt);
  const signedNames = Object.keys(request.headers).filter((name) => name !== "authorization");
  const parts = ["method", "path", "query", "authorization", ...signedNames] as const;
  const changed = (part: string, at: number, to: string): RequestHead => {
    const splice = (text: string) => {
      const index = at % text.length;
      return text.slice(0, index) + to + text.slice(index + 1);
    };
    if (part === "method" || part === "path" || part === "query") {
      return { ...request, [part]: splice(request[part]) };
    }
    return { ...request, headers: { ...request.headers, [part]: splice(request.headers[part] ?? "") } };
  };
  const withoutSpaces = (head: RequestHead) => JSON.stringify(head).replaceAll(/[\s,]/g, "");
  fc.assert(
    fc.property(
      fc.constantFrom(...parts),
      fc.nat(400),
      fc.string({ minLength: 1, maxLength: 1, unit: "grapheme-ascii" }),
      (part, at, to) => {
        const tampered = changed(part, at, to);
        // Spaces and commas between the parameters of Authorization mean nothing.
        fc.pre(withoutSpaces(tampered) !== withoutSpaces(request));
        assert.notEqual(
          codeOf(() => verifier.verify(tampered, lambda, "restJson1", sha256("{}"))),
          "accepted",
        );
      },
    ),
    { numRuns: 2000 },
  );
});

test("a body other than the signed one is refused where no x-amz-content-sha256 was sent", async () => {
  const signing = new SignatureV4({
    credentials: keys,
    region: "eu-west-1",
    service: "lambda",
    sha256: Sha256,
    applyChecksum: false,
  });
  const sample: Sample = { method: "POST", path: "/x", query: {}, headers: {}, body: "{}" };
  const request = head(await sign(signing, sample));
  const verifier = verifierAt(signedAt);
  assert.equal(
    codeOf(() => verifier.verify(request, lambda, "restJson1", sha256("{}"))),
    "accepted",
  );
  assert.equal(
    codeOf(() => verifier.verify(request, lambda, "restJson1", sha256("{} "))),
    "InvalidSignatureException",
  );
});

test("clocks may differ by 15 minutes, either way, and no more", async () => {
  const request = await signedInvoke();
  const at = (skewMs: number) => {
    const verifier = verifierAt(new Date(signedAt.getTime() + skewMs));
    return codeOf(() => verifier.verify(request, lambda, "restJson1", sha256("{}")));
  };
  assert.equal(at(clockSkewMsMax), "accepted");
  assert.equal(at(-clockSkewMsMax), "accepted");
  assert.equal(at(clockSkewMsMax + 1), "InvalidSignatureException");
  assert.equal(at(-clockSkewMsMax - 1), "InvalidSignatureException");
});

test("an expired signature is worded as AWS words it", async () => {
  const request = await signedInvoke();
  const verifier = verifierAt(new Date("2026-03-04T05:30:00Z"));
  assert.throws(() => verifier.verify(request, lambda, "restJson1", sha256("{}")), {
    message:
      "Signature expired: 20260304T050607Z is now earlier than 20260304T051500Z (20260304T053000Z - 15 min.)",
  });
});

test("a session token takes part in the signature", async () => {
  const signing = new SignatureV4({
    credentials: { ...keys, sessionToken: "token" },
    region: "eu-west-1",
    service: "lambda",
    sha256: Sha256,
  });
  const sample: Sample = { method: "GET", path: "/x", query: {}, headers: {}, body: "" };
  const request = head(await sign(signing, sample));
  const verifier = verifierAt(signedAt);
  const check = (given: RequestHead) =>
    codeOf(() => verifier.verify(given, lambda, "restJson1", emptySha256));
  assert.equal(request.headers["x-amz-security-token"], "token");
  assert.equal(check(request), "accepted");
  const other = { ...request, headers: { ...request.headers, "x-amz-security-token": "other" } };
  assert.equal(check(other), "InvalidSignatureException");
});

/** What is wrong, and what each family of services answers. */
const faults: readonly {
  readonly what: string;
  readonly change: (head: RequestHead) => RequestHead;
  readonly codes: readonly [rest: string, s3: string, query: string, json: string];
}[] = [
  {
    what: "no signature",
    change: (given) => ({ ...given, headers: { host: "example.com" } }),
    codes: [
      "403 MissingAuthenticationTokenException",
      "403 AccessDenied",
      "403 MissingAuthenticationToken",
      "400 MissingAuthenticationTokenException",
    ],
  },
  {
    what: "an unknown access key",
    change: (given) => withAuthorization(given, (text) => text.replace("AKIDEXAMPLE", "AKIDOTHER")),
    codes: [
      "403 UnrecognizedClientException",
      "403 InvalidAccessKeyId",
      "403 InvalidClientTokenId",
      "400 UnrecognizedClientException",
    ],
  },
  {
    what: "a wrong signature",
    change: (given) =>
      withAuthorization(given, (text) => text.replace(/Signature=.*/, `Signature=${"0".repeat(64)}`)),
    codes: [
      "403 InvalidSignatureException",
      "403 SignatureDoesNotMatch",
      "403 SignatureDoesNotMatch",
      "400 InvalidSignatureException",
    ],
  },
  {
    what: "no signature parameter",
    change: (given) => withAuthorization(given, (text) => text.replace(/, Signature=.*/, "")),
    codes: [
      "403 IncompleteSignatureException",
      "400 AuthorizationHeaderMalformed",
      "400 IncompleteSignature",
      "400 IncompleteSignatureException",
    ],
  },
  {
    what: "another service's scope",
    change: (given) => withAuthorization(given, (text) => text.replace("/eu-west-1/", "/eu-west-1/x/")),
    codes: [
      "403 InvalidSignatureException",
      "400 AuthorizationHeaderMalformed",
      "403 SignatureDoesNotMatch",
      "400 InvalidSignatureException",
    ],
  },
  {
    what: "a signature of version 2",
    change: (given) => withAuthorization(given, () => "AWS AKIDEXAMPLE:c2lnbmF0dXJl"),
    codes: [
      "403 IncompleteSignatureException",
      "400 InvalidRequest",
      "400 IncompleteSignature",
      "400 IncompleteSignatureException",
    ],
  },
];

function withAuthorization(given: RequestHead, change: (text: string) => string): RequestHead {
  const authorization = change(given.headers["authorization"] ?? "");
  return { ...given, headers: { ...given.headers, authorization } };
}

const families: readonly (readonly [string, ProtocolId])[] = [
  ["lambda", "restJson1"],
  ["s3", "restXml"],
  ["sns", "awsQuery"],
  ["kinesis", "awsJson1_1"],
];

for (const { what, change, codes } of faults) {
  for (const [index, [name, protocol]] of families.entries()) {
    test(`${name} answers ${what} with ${codes[index]}`, async () => {
      const service = loadModel(name);
      const sample: Sample = { method: "GET", path: "/x", query: {}, headers: {}, body: "" };
      const signed = await sign(signer(service), sample);
      const request = change(head(signed));
      assert.throws(
        () => verifierAt(signedAt).verify(request, service, protocol, emptySha256),
        (error: AwsError) => `${error.status} ${error.code}` === codes[index],
      );
    });
  }
}

test("S3 refuses x-amz headers that were not signed: a presigned URL cannot be given an ACL", async () => {
  const headers = presignHeaders(s3);
  const plain = httpRequest({ method: "PUT", path: "/b/k", query: {}, headers, body: "" });
  const signed = await signer(s3).presign(plain, { signingDate: signedAt, expiresIn: 60 });
  const request = head(signed);
  const verifier = verifierAt(signedAt);
  const check = (given: RequestHead) => codeOf(() => verifier.verify(given, s3, "restXml", emptySha256));
  const withAcl = { ...request, headers: { ...request.headers, "x-amz-acl": "public-read" } };
  assert.equal(check(request), "accepted");
  assert.equal(check(withAcl), "AccessDenied");
});

const credentials: readonly (readonly [string, Partial<RequestHead>, string | undefined])[] = [
  ["nothing", {}, undefined],
  ["a bearer token", { headers: { authorization: "Bearer abc" } }, undefined],
  ["a scope that is cut off", { headers: { authorization: "AWS4-HMAC-SHA256 Credential=A/b" } }, undefined],
  [
    "a header without spaces",
    { headers: { authorization: "AWS4-HMAC-SHA256 Credential=A/20260101/r/s/aws4_request,SignedHeaders=a" } },
    "A r s header v4",
  ],
  [
    "an access key with slashes",
    { headers: { authorization: "AWS4-HMAC-SHA256 Credential=A/B/20260101/r/s/aws4_request" } },
    "A/B r s header v4",
  ],
  [
    "a presigned URL",
    {
      query: "a=1&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2F20260101%2Fr%2Fs%2Faws4_request",
    },
    "A r s query v4",
  ],
  ["a legacy presigned URL", { query: "AWSAccessKeyId=A&Signature=x&Expires=1" }, "A   query other"],
  [
    "SigV4a",
    { headers: { authorization: "AWS4-ECDSA-P256-SHA256 Credential=A/20260101/s/aws4_request" } },
    "A  s header other",
  ],
];

for (const [what, given, expected] of credentials) {
  test(`the credential of ${what} is read without verifying it`, () => {
    const found = readCredential({ method: "GET", path: "/", query: "", headers: {}, ...given });
    const text =
      found && `${found.accessKey} ${found.region} ${found.service} ${found.carriedIn} ${found.version}`;
    assert.equal(text, expected);
  });
}
