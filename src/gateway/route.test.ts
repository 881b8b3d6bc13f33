import assert from "node:assert/strict";
import { test } from "node:test";
import { loadModel, serviceNames } from "../wire/model-load.ts";
import type { Operation, ServiceModel } from "../wire/model.ts";
import { type Credential, readCredential } from "../wire/credential.ts";
import type { RequestHead } from "../wire/sigv4-canonical.ts";
import { createRouter, type Route } from "./route.ts";

const everything = createRouter(serviceNames);

function signed(signingName: string): Record<string, string> {
  return {
    host: "127.0.0.1:4566",
    authorization: `AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/${signingName}/aws4_request, SignedHeaders=host, Signature=0`,
  };
}

function route(given: Partial<RequestHead>, router = everything): Route {
  const head: RequestHead = { method: "GET", path: "/", query: "", headers: {}, ...given };
  return router.route(head, readCredential(head));
}

function described(found: Route): string {
  if (found.kind === "operation") return `${found.service.name} ${found.operation.name} ${found.protocol}`;
  return found.kind === "refused"
    ? `${found.error.status} ${found.error.code} ${found.protocol}`
    : found.kind;
}

/** A request for `operation` as an SDK makes it: labels filled, required query and header members given. */
function restRequest(operation: Operation, label: string, trailing = ""): RequestHead {
  const { http, input, service } = operation;
  assert.ok(http);
  const [template = "", literals = ""] = http.uri.split("?");
  const placed = template.includes("{Bucket}") || service.name !== "s3" || !hasBucket(operation);
  const path = (placed ? template : `/bucket${template}`).replace(/\{[^}]+\}/g, label) + trailing;
  const query = literals === "" ? [] : [literals];
  const headers: Record<string, string> = signed(service.signingName);
  for (const { binding, required } of input.members) {
    if (required && binding.in === "query") query.push(`${binding.name}=x`);
    if (required && binding.in === "header") headers[binding.name.toLowerCase()] = "x";
  }
  return { method: http.method, path, query: query.join("&"), headers };
}

function hasBucket({ input }: Operation): boolean {
  return input.members.some(({ name, binding }) => name === "Bucket" && binding.in === "label");
}

function restModels(): ServiceModel[] {
  return serviceNames.map(loadModel).filter(({ protocols }) => protocols.some((id) => id.startsWith("rest")));
}

for (const model of restModels()) {
  test(`each of ${model.name}'s ${model.operations.size} operations is found by its own path`, () => {
    for (const operation of model.operations.values()) {
      for (const label of [
        "x",
        "arn%3Aaws%3Alambda%3Aus-east-1%3A0%3Aa%2Fb%2Fc",
        "arn:aws:x:1",
        "functions",
      ]) {
        const found = route(restRequest(operation, label));
        const expected = `${model.name} ${operation.name} ${model.protocols[0]}`;
        assert.equal(described(found), expected, `${operation.http?.method} ${operation.http?.uri}`);
        if (found.kind !== "operation") continue;
        for (const [name, value] of Object.entries(found.labels)) {
          assert.equal(value, name === "Bucket" ? "bucket" : label, `${operation.name} ${name}`);
        }
      }
    }
  });
}

test("each of Lambda's 88 operations is found with a trailing slash too, and without a signature", () => {
  const lambda = loadModel("lambda");
  assert.equal(lambda.operations.size, 88);
  for (const operation of lambda.operations.values()) {
    const slashed = restRequest(operation, "x", "/");
    assert.equal(described(route(slashed)), `lambda ${operation.name} restJson1`);
    const { authorization: _, ...headers } = slashed.headers;
    assert.equal(described(route({ ...slashed, headers })), `lambda ${operation.name} restJson1`);
  }
});

for (const model of serviceNames.map(loadModel).filter((model) => !restModels().includes(model))) {
  test(`each of ${model.name}'s ${model.operations.size} operations is found in every protocol that names it`, () => {
    for (const name of model.operations.keys()) {
      for (const protocol of model.protocols) {
        assert.equal(described(rpcRoute(model, name, protocol)), `${model.name} ${name} ${protocol}`);
      }
    }
  });
}

function rpcRoute(model: ServiceModel, name: string, protocol: string): Route {
  const headers = signed(model.signingName);
  if (protocol === "awsQuery") {
    const form: RequestHead = {
      method: "POST",
      path: "/",
      query: "",
      headers: { ...headers, "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
    };
    assert.equal(route(form).kind, "form");
    const body = `Action=${name}&Version=${model.apiVersion}`;
    const bySignature = everything.routeForm(body, readCredential(form));
    const byVersion = everything.routeForm(body, undefined);
    assert.equal(described(byVersion), described(bySignature));
    return bySignature;
  }
  if (protocol === "rpcv2Cbor") {
    const path = `/service/${model.targetPrefix}/operation/${name}`;
    return route({ method: "POST", path, headers: { ...headers, "smithy-protocol": "rpc-v2-cbor" } });
  }
  const type = { awsJson1_0: "json-1.0", awsJson1_1: "json-1.1", amzCbor: "cbor-1.1" }[protocol];
  const target = `${model.targetPrefix}.${name}`;
  return route({
    method: "POST",
    headers: { ...headers, "x-amz-target": target, "content-type": `application/x-amz-${type}` },
  });
}

const lambdaHead = signed("lambda");
const s3Head = signed("s3");
const form = { "content-type": "application/x-www-form-urlencoded" };
const functions = "/2015-03-31/functions";

const routes: readonly (readonly [what: string, head: Partial<RequestHead>, expected: string])[] = [
  [
    "a layer version by ARN, by its query key",
    { path: "/2018-10-31/layers", query: "find=LayerVersion&Arn=x", headers: lambdaHead },
    "lambda GetLayerVersionByArn restJson1",
  ],
  ["layers", { path: "/2018-10-31/layers", headers: lambdaHead }, "lambda ListLayers restJson1"],
  [
    "a query key with another value",
    { path: "/2018-10-31/layers", query: "find=Other", headers: lambdaHead },
    "lambda ListLayers restJson1",
  ],
  [
    "provisioned concurrency, all of it",
    {
      path: "/2019-09-30/functions/f/provisioned-concurrency",
      query: "List=ALL&MaxItems=1",
      headers: lambdaHead,
    },
    "lambda ListProvisionedConcurrencyConfigs restJson1",
  ],
  [
    "provisioned concurrency without its required qualifier, for validation to say so",
    { path: "/2019-09-30/functions/f/provisioned-concurrency", headers: lambdaHead },
    "lambda GetProvisionedConcurrencyConfig restJson1",
  ],
  [
    "a label that looks like a literal",
    { path: `${functions}/aliases/aliases`, headers: lambdaHead },
    "lambda ListAliases restJson1",
  ],
  [
    "an invoke by curl -d, which says that it is a form",
    { method: "POST", path: `${functions}/f/invocations`, headers: form },
    "lambda Invoke restJson1",
  ],
  [
    "a signed invoke that says that it is a form",
    { method: "POST", path: `${functions}/f/invocations`, headers: { ...lambdaHead, ...form } },
    "lambda Invoke restJson1",
  ],
  [
    "a path that Lambda does not have",
    { path: `${functions}/f/nonsense`, headers: lambdaHead },
    "404 UnknownOperationException restJson1",
  ],
  [
    "a method that Lambda does not have",
    { method: "PATCH", path: functions, headers: lambdaHead },
    "404 UnknownOperationException restJson1",
  ],
  [
    "an empty function name",
    { method: "POST", path: `${functions}//invocations`, headers: lambdaHead },
    "404 UnknownOperationException restJson1",
  ],
  [
    "an unknown JSON operation",
    { method: "POST", headers: { "x-amz-target": "DynamoDB_20120810.Nonsense" } },
    "404 UnknownOperationException awsJson1_0",
  ],
  [
    "an operation named like something that every object has",
    { method: "POST", headers: { "x-amz-target": "DynamoDB_20120810.constructor" } },
    "404 UnknownOperationException awsJson1_0",
  ],
  [
    "a JSON target that nobody has",
    {
      method: "POST",
      headers: { ...signed("ec2"), "x-amz-target": "Nobody.Nothing", "content-type": "application/json" },
    },
    "400 UnsupportedOperationException awsJson1_1",
  ],
  [
    "a service that nobody has",
    { method: "POST", headers: { ...signed("ec2"), ...form } },
    "400 UnsupportedOperationException awsQuery",
  ],
  ["a GET with an action", { query: "Action=ConfirmSubscription&Version=2010-03-31" }, "form"],
  ["a form to a queue's address", { method: "POST", path: "/000000000000/q", headers: form }, "form"],
  [
    "a queue's address without an action",
    { path: "/000000000000/q", headers: { host: "sqs.us-east-1.amazonaws.com" } },
    "404 UnknownOperationException awsQuery",
  ],
  ["buckets", { headers: s3Head }, "s3 ListBuckets restXml"],
  ["a POST to a key", { method: "POST", path: "/b/k", headers: s3Head }, "405 MethodNotAllowed restXml"],
  [
    "the end of an upload",
    { method: "POST", path: "/b/k", query: "uploadId=u", headers: s3Head },
    "s3 CompleteMultipartUpload restXml",
  ],
  ["a preflight of no page", { method: "OPTIONS", path: "/b/k", headers: s3Head }, "400 BadRequest restXml"],
  [
    "a POST to a bucket that is no form",
    { method: "POST", path: "/b", headers: s3Head },
    "412 PreconditionFailed restXml",
  ],
  ["a bucket", { path: "/bucket", headers: s3Head }, "s3 ListObjects restXml"],
  [
    "a bucket's newer list",
    { path: "/bucket/", query: "list-type=2", headers: s3Head },
    "s3 ListObjectsV2 restXml",
  ],
  [
    "a key that ends in a slash",
    { method: "PUT", path: "/bucket/dir/", headers: s3Head },
    "s3 PutObject restXml",
  ],
  [
    "a part",
    { method: "PUT", path: "/b/k", query: "partNumber=1&uploadId=u", headers: s3Head },
    "s3 UploadPart restXml",
  ],
  [
    "a copied part",
    {
      method: "PUT",
      path: "/b/k",
      query: "partNumber=1&uploadId=u",
      headers: { ...s3Head, "x-amz-copy-source": "a/b" },
    },
    "s3 UploadPartCopy restXml",
  ],
  [
    "a copy",
    { method: "PUT", path: "/b/k", headers: { ...s3Head, "x-amz-copy-source": "a/b" } },
    "s3 CopyObject restXml",
  ],
  [
    "a hint that agrees",
    { path: "/", query: "x-id=ListDirectoryBuckets", headers: s3Head },
    "s3 ListDirectoryBuckets restXml",
  ],
  [
    "a bucket in the host",
    { path: "/k", headers: { ...s3Head, host: "bucket.s3.us-east-1.amazonaws.com" } },
    "s3 GetObject restXml",
  ],
  ["an object without a signature", { path: "/bucket/key" }, "s3 GetObject restXml"],
  [
    "an object with a legacy signature",
    { path: "/bucket/key", query: "AWSAccessKeyId=a&Signature=b&Expires=1" },
    "s3 GetObject restXml",
  ],
  [
    "an S3 method that is none",
    { method: "PATCH", path: "/bucket", headers: s3Head },
    "405 MethodNotAllowed restXml",
  ],
];

for (const [what, head, expected] of routes) {
  test(`${what}: ${expected}`, () => assert.equal(described(route(head)), expected));
}

test("labels stay as they were sent, and a bucket in the host is a label too", () => {
  const found = route({
    path: "/dir//a%2Fb/",
    headers: { ...s3Head, host: "my.bucket.s3.eu-west-1.amazonaws.com:4566" },
  });
  assert.ok(found.kind === "operation");
  assert.deepEqual(found.labels, { Bucket: "my.bucket", Key: "dir//a%2Fb/" });
});

const forms: readonly (readonly [form: string, signingName: string | undefined, expected: string])[] = [
  ["Action=SendMessage&Version=2012-11-05", undefined, "sqs SendMessage awsQuery"],
  ["Version=2010-03-31&Action=Publish", "sns", "sns Publish awsQuery"],
  ["Action=SendEmail&Version=2010-12-01", "ses", "ses SendEmail awsQuery"],
  ["Action=Nonsense&Version=2010-03-31", "sns", "400 InvalidAction awsQuery"],
  ["Action=constructor&Version=2010-03-31", "sns", "400 InvalidAction awsQuery"],
  ["Version=2010-03-31", "sns", "400 MissingAction awsQuery"],
  ["", undefined, "400 MissingAction awsQuery"],
  ["Action=RunInstances&Version=2016-11-15", "ec2", "400 UnsupportedOperationException awsQuery"],
];

for (const [body, signingName, expected] of forms) {
  test(`the form "${body}" signed for ${signingName}: ${expected}`, () => {
    const head: RequestHead = {
      method: "POST",
      path: "/",
      query: "",
      headers: signed(signingName ?? ""),
    };
    const credential: Credential | undefined = signingName === undefined ? undefined : readCredential(head);
    assert.equal(described(everything.routeForm(body, credential)), expected);
  });
}

for (const [path, host, expected] of [
  ["/000000000000/q", "127.0.0.1:4566", "sqs SendMessage awsQuery"],
  ["/", "sqs.eu-west-1.amazonaws.com", "sqs SendMessage awsQuery"],
  ["/", "eu-west-1.queue.amazonaws.com", "sqs SendMessage awsQuery"],
  ["/", "queue.amazonaws.com", "sqs SendMessage awsQuery"],
  ["/", "sqs.localhost:4566", "sqs SendMessage awsQuery"],
  ["/", "127.0.0.1:4566", "400 UnsupportedOperationException awsQuery"],
] as const) {
  test(`a form without a version and a signature, to ${host}${path}: ${expected}`, () => {
    const form = "Action=SendMessage&MessageBody=hello";
    const found = route({ path, query: form, headers: { host } });
    assert.ok(found.kind === "form");
    assert.equal(described(everything.routeForm(form, undefined, found.addressed)), expected);
  });
}

test("a service that is not served is still routed, and what is nobody's stays unclaimed", () => {
  const lambdaOnly = createRouter(["lambda"]);
  assert.equal(described(route({ headers: s3Head }, lambdaOnly)), "s3 ListBuckets restXml");
  assert.equal(described(route({ path: "/favicon.ico" }, lambdaOnly)), "unclaimed");
  assert.equal(described(route({ method: "DELETE", path: "/" }, lambdaOnly)), "unclaimed");
});
