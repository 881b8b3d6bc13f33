/**
 * Decides, from a request's head, which service, protocol and operation it is for. The order is that of
 * `detect`; what every signed request has, the credential's scope, settles nearly all. The protocol is chosen per
 * request. An awsQuery request names its operation in the body: `routeForm` goes on when that has been read.
 *
 * Services that have a model but are not served are routed too, so that the refusal comes in the caller's protocol;
 * their models are loaded only then. Never looks at the User-Agent.
 */
import { AwsError } from "../wire/aws-error.ts";
import { loadModel, serviceNames } from "../wire/model-load.ts";
import type { Operation, ProtocolId, ServiceModel } from "../wire/model.ts";
import type { Labels } from "../wire/protocol.ts";
import { queryValue } from "../wire/query-string.ts";
import type { Credential } from "../wire/credential.ts";
import type { RequestHead } from "../wire/sigv4-canonical.ts";
import { createOperationTrie, type OperationTrie } from "./operation-trie.ts";
import { bucketInHost, serviceInHost } from "./hosts.ts";

export type Route =
  | OperationRoute
  /** awsQuery: read the body, then `routeForm`. `addressed`: the signing name that the address says. */
  | { readonly kind: "form"; readonly addressed?: string | undefined }
  | RefusedRoute
  | UploadRoute
  /** No AWS protocol claims it. */
  | { readonly kind: "unclaimed" };

export interface OperationRoute {
  readonly kind: "operation";
  readonly service: ServiceModel;
  readonly protocol: ProtocolId;
  readonly operation: Operation;
  readonly labels: Labels;
}

export interface RefusedRoute {
  readonly kind: "refused";
  readonly service: ServiceModel | undefined;
  readonly protocol: ProtocolId;
  readonly error: AwsError;
}

/** A form with a file in it, as browsers post it to a bucket. */
export interface UploadRoute {
  readonly kind: "upload";
  readonly service: ServiceModel;
  /** Percent-encoded. */
  readonly bucket: string;
}

export interface Router {
  route(head: RequestHead, credential: Credential | undefined): Route;
  /** `form`: the urlencoded body, or the query string of a GET. */
  routeForm(
    form: string,
    credential: Credential | undefined,
    addressed?: string,
  ): OperationRoute | RefusedRoute;
}

export function createRouter(served: readonly string[]): Router {
  const own = createIndex(served.map(loadModel));
  const s3 = own.byName.get("s3");
  let everything: Index | undefined;
  const others = () => (everything ??= createIndex(serviceNames.map(loadModel)));

  return {
    route(head, credential) {
      const upload = s3 && uploadRoute(s3.model, head);
      if (upload) return upload;
      const route =
        detect(own, head, credential) ??
        (namesService(head, credential) ? detect(others(), head, credential) : undefined);
      if (route) return route;
      if (credential && credential.service !== "") return notServed(credential.service, protocolGuess(head));
      const addressed = own.bySigningName.get(serviceInHost(head.headers["host"] ?? "") ?? "")?.[0];
      if (addressed && addressed !== s3) {
        return refused(addressed.model, "awsQuery", unknownOperation(addressed.model, head.method));
      }
      // What is left is anonymous or signed by S3's old scheme: S3's, where there is an S3.
      return s3 ? routeRest([s3], head, head.path) : { kind: "unclaimed" };
    },
    routeForm(form, credential, addressed) {
      const action = queryValue(form, "Action");
      if (!action) return refused(undefined, "awsQuery", missingAction());
      const names = { signingName: credential?.service, addressed };
      const service = formService(own, form, names) ?? formService(others(), form, names);
      if (!service) return notServed(credential?.service ?? addressed ?? "unknown", "awsQuery");
      const operation = service.model.operations.get(action);
      if (!operation) return refused(service.model, "awsQuery", invalidAction(service.model, action, form));
      return { kind: "operation", service: service.model, protocol: "awsQuery", operation, labels: noLabels };
    },
  };
}

function detect(index: Index, head: RequestHead, credential: Credential | undefined): Route | undefined {
  const target = head.headers["x-amz-target"];
  if (target !== undefined) return routeTarget(index, target, head);
  if (head.headers["smithy-protocol"] !== undefined) return routeRpcPath(index, head);
  const candidates = credential && index.bySigningName.get(credential.service);
  if (isForm(head) && claimsForm(candidates, head, credential)) {
    return {
      kind: "form",
      addressed: isQueuePath(head.path) ? "sqs" : serviceInHost(head.headers["host"] ?? ""),
    };
  }
  if (candidates) return routeRest(candidates, head, head.path);
  if (credential || !hasLambdaPath(head.path)) return undefined;
  const lambda = index.byName.get("lambda");
  return lambda && routeRest([lambda], head, head.path);
}

/** Worth loading every model for: a browser's `GET /favicon.ico` is not. */
function namesService(head: RequestHead, credential: Credential | undefined): boolean {
  const { headers } = head;
  return (
    credential !== undefined ||
    headers["x-amz-target"] !== undefined ||
    headers["smithy-protocol"] !== undefined ||
    isForm(head)
  );
}

/** `X-Amz-Target: DynamoDB_20120810.GetItem`: awsJson, or Kinesis's CBOR. */
function routeTarget(index: Index, target: string, head: RequestHead): Route | undefined {
  const dot = target.indexOf(".");
  const service = index.rpcByTarget.get(dot === -1 ? "" : target.slice(0, dot));
  if (!service) return undefined;
  const protocol = jsonProtocol(service.model, head.headers["content-type"] ?? "");
  return routeRpc(service.model, protocol, target.slice(dot + 1));
}

function jsonProtocol(model: ServiceModel, contentType: string): ProtocolId {
  if (contentType.startsWith("application/x-amz-json-1.0")) return "awsJson1_0";
  if (contentType.startsWith("application/x-amz-json-1.1")) return "awsJson1_1";
  if (contentType.startsWith("application/x-amz-cbor-1.1")) return "amzCbor";
  return model.protocols.find((id) => id === "awsJson1_0") ?? "awsJson1_1";
}

/** `/service/GraniteServiceVersion20100801/operation/PutMetricData`. */
function routeRpcPath(index: Index, head: RequestHead): Route | undefined {
  const [, name, operation] = /\/service\/([^/]+)\/operation\/([^/]+)$/.exec(head.path) ?? [];
  if (name === undefined || operation === undefined) return undefined;
  const service = index.rpcByTarget.get(name);
  return service && routeRpc(service.model, "rpcv2Cbor", operation);
}

function routeRpc(service: ServiceModel, protocol: ProtocolId, name: string): Route {
  const operation = service.operations.get(name);
  if (!operation) return refused(service, protocol, unknownOperation(service, name));
  return { kind: "operation", service, protocol, operation, labels: noLabels };
}

/** Several services share a signing name (apigateway, ses): the one whose paths match gets it. */
function routeRest(candidates: readonly Indexed[], head: RequestHead, path: string): Route {
  for (const { model, restProtocol, trie } of candidates) {
    if (!restProtocol) continue;
    const found = trie().find(head, model.name === "s3" ? s3Path(head, path) : path);
    if (!found) continue;
    const { operation, labels } = found;
    // A POST to a key that names nothing of it: no other operation of S3 has a method to itself but for its query.
    if (operation === completion(model) && queryValue(head.query, "uploadId") === undefined) continue;
    return { kind: "operation", service: model, protocol: restProtocol, operation, labels };
  }
  const rest = candidates.find(({ restProtocol }) => restProtocol !== undefined) ?? candidates[0];
  const protocol = rest?.restProtocol ?? rest?.model.protocols[0] ?? "restJson1";
  if (rest?.model.name === "s3") return refused(rest.model, protocol, notAllowed(head));
  return refused(rest?.model, protocol, unknownOperation(rest?.model, `${head.method} ${path}`));
}

function completion(model: ServiceModel) {
  return model.name === "s3" ? model.operations.get("CompleteMultipartUpload") : undefined;
}

/** recorded: a POST to a bucket is a form, or none; OPTIONS is a page's question, or nobody's. */
function notAllowed(head: RequestHead): AwsError {
  const [, bucket, key] = /^\/([^/]*)\/?(.*)$/.exec(s3Path(head, head.path)) ?? [];
  if (head.method === "POST" && bucket && !key && head.query === "") {
    const text = "At least one of the pre-conditions you specified did not hold";
    const Condition = "Bucket POST must be of the enclosure-type multipart/form-data";
    return new AwsError("PreconditionFailed", text, { status: 412, members: { Condition } });
  }
  if (head.method === "OPTIONS") {
    const text = "Insufficient information. Origin request header needed.";
    return new AwsError("BadRequest", text, { status: 400 });
  }
  const inBucket = key ? "OBJECT" : "BUCKET";
  const text = "The specified method is not allowed against this resource.";
  const members = { Method: head.method, ResourceType: bucket ? inBucket : "SERVICE" };
  return new AwsError("MethodNotAllowed", text, { status: 405, members });
}

function uploadRoute(service: ServiceModel, head: RequestHead): UploadRoute | undefined {
  const { method, headers, query } = head;
  if (method !== "POST" || headers["content-type"]?.startsWith("multipart/form-data") !== true)
    return undefined;
  const [, bucket] = /^\/([^/]+)\/?$/.exec(s3Path(head, head.path)) ?? [];
  return bucket !== undefined && query === "" ? { kind: "upload", service, bucket } : undefined;
}

/** With the bucket as its first segment, wherever it stood. */
export function s3Path(head: RequestHead, path: string): string {
  const bucket = bucketInHost(head.headers["host"] ?? "");
  return bucket === undefined ? path : `/${bucket}${path}`;
}

function isForm({ method, headers, query }: RequestHead): boolean {
  if (method === "POST" && headers["content-type"]?.startsWith(formType) === true) return true;
  return query !== "" && queryValue(query, "Action") !== undefined;
}

/** `curl -d` sends JSON as a form: what goes to a REST service, or to Lambda's paths, is not awsQuery. */
function claimsForm(
  candidates: readonly Indexed[] | undefined,
  head: RequestHead,
  credential: Credential | undefined,
): boolean {
  if (candidates) return candidates.some(speaksQuery);
  return !credential && (head.path === "/" || isQueuePath(head.path));
}

/** By the signature; without one by the version, which old programs leave out; then by the address. */
function formService(
  index: Index,
  form: string,
  names: { readonly signingName: string | undefined; readonly addressed: string | undefined },
): Indexed | undefined {
  const candidates =
    names.signingName === undefined
      ? (index.byVersion.get(queryValue(form, "Version") ?? "") ??
        index.bySigningName.get(names.addressed ?? ""))
      : index.bySigningName.get(names.signingName);
  const action = queryValue(form, "Action") ?? "";
  const speaking = candidates?.filter(speaksQuery);
  return speaking?.find(({ model }) => model.operations.has(action)) ?? speaking?.[0];
}

/** Services, by all that a request may name them with. */
interface Index {
  readonly byName: ReadonlyMap<string, Indexed>;
  readonly bySigningName: ReadonlyMap<string, readonly Indexed[]>;
  readonly byVersion: ReadonlyMap<string, readonly Indexed[]>;
  readonly rpcByTarget: ReadonlyMap<string, Indexed>;
}

interface Indexed {
  readonly model: ServiceModel;
  readonly restProtocol: "restJson1" | "restXml" | undefined;
  /** Made on first use. */
  readonly trie: () => OperationTrie;
}

function createIndex(models: readonly ServiceModel[]): Index {
  const indexed = models.map(indexedModel);
  return {
    byName: new Map(indexed.map((service) => [service.model.name, service])),
    bySigningName: Map.groupBy(indexed, ({ model }) => model.signingName),
    byVersion: Map.groupBy(indexed, ({ model }) => model.apiVersion),
    rpcByTarget: new Map(indexed.filter(speaksQuery).map((service) => [service.model.targetPrefix, service])),
  };
}

function indexedModel(model: ServiceModel): Indexed {
  let made: OperationTrie | undefined;
  const restProtocol = model.protocols.find((id) => id === "restJson1" || id === "restXml");
  return { model, restProtocol, trie: () => (made ??= createOperationTrie(model)) };
}

/** Every service without HTTP bindings may be called in every RPC protocol: the members are the same. */
function speaksQuery({ restProtocol }: Indexed): boolean {
  return restProtocol === undefined;
}

/** `/2015-03-31/…`. */
function hasLambdaPath(path: string): boolean {
  return /^\/20\d\d-\d\d-\d\d\//.test(path);
}

/** `/000000000000/queue`, in the time of awsQuery the address that SQS's operations were posted to. */
function isQueuePath(path: string): boolean {
  return /^\/\d{12}\/[^/]+$/.test(path);
}

/** For services that we have no model of. */
function protocolGuess(head: RequestHead): ProtocolId {
  if (head.headers["x-amz-target"] !== undefined) return "awsJson1_1";
  if (head.headers["smithy-protocol"] !== undefined) return "rpcv2Cbor";
  return isForm(head) ? "awsQuery" : "restJson1";
}

function refused(service: ServiceModel | undefined, protocol: ProtocolId, error: AwsError): RefusedRoute {
  return { kind: "refused", service, protocol, error };
}

function notServed(signingName: string, protocol: ProtocolId): RefusedRoute {
  const text = `The service '${signingName.slice(0, 64)}' is not there in lambdad.`;
  return refused(undefined, protocol, new AwsError("UnsupportedOperationException", text, { status: 400 }));
}

// inferred: AWS's front ends answer 404 with little more than the code; S3's list has MethodNotAllowed.
function unknownOperation(service: ServiceModel | undefined, asked: string): AwsError {
  const text = `${service?.serviceId ?? "AWS"} has no operation ${asked.slice(0, 256)}`;
  return new AwsError("UnknownOperationException", text, { status: 404 });
}

function invalidAction(service: ServiceModel, action: string, form: string): AwsError {
  if (service.name === "sqs") {
    const text = `The action ${action.slice(0, 128)} is not valid for this endpoint.`; // recorded
    return new AwsError("InvalidAction", text, { status: 400 });
  }
  const version = queryValue(form, "Version") ?? "";
  const text = `Could not find operation ${action.slice(0, 128)} for version ${version.slice(0, 32)}`;
  return new AwsError("InvalidAction", text, { status: 400 });
}

function missingAction(): AwsError {
  return new AwsError("MissingAction", "The request is missing an action or a required parameter.", {
    status: 400,
  });
}

const formType = "application/x-www-form-urlencoded";
const noLabels: Labels = {};
