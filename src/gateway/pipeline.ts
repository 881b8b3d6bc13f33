/**
 * What happens to a request, stage by stage. Read `serveOperation` first: it is the list of stages. Everything before
 * it sorts out what is no API call (admin routes, someone's web endpoint, a browser's preflight); everything that goes
 * wrong becomes an AWS error in the caller's protocol in one place.
 *
 * Knows no sockets: it takes an `Exchange` and answers a response, always. Must not hold a request's body longer than
 * its handler does.
 */
import { hash } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { type Logger, silentLogger } from "../base/logger.ts";
import type { Metrics } from "../base/metrics.ts";
import type { Random } from "../base/random.ts";
import { invokePayloadBytesMax, requestBodyBytesMax } from "../limits.ts";
import type { PageRequest, Service, UploadedForm, WebRequest, WebRoute } from "../services/service.ts";
import { AwsError } from "../wire/aws-error.ts";
import { chunkedFraming } from "../wire/chunked.ts";
import {
  type Credential,
  credentialFromScope,
  isSha256,
  payloadOf,
  readCredential,
  signingAlgorithm,
} from "../wire/credential.ts";
import { identityOf, type Identity } from "../wire/identity.ts";
import { loadModel } from "../wire/model-load.ts";
import type { WireRequest, WireResponse } from "../wire/protocol.ts";
import { protocolById } from "../wire/protocols.ts";
import { decodeQuery, queryValue } from "../wire/query-string.ts";
import { s3RegionFault } from "../wire/s3-claim-words.ts";
import type { Session, TemporaryCredentials } from "../wire/temporary-credentials.ts";
import { isPresignedV2, verifyPresignedV2, verifyTextV2 } from "../wire/sigv2.ts";
import { type ChunkSeed, createVerifier, type KeyStore } from "../wire/sigv4.ts";
import { signatureError, signatureFamily, type SignatureFamily } from "../wire/sigv4-errors.ts";
import { type Admin } from "./admin.ts";
import { authorize } from "./authorize.ts";
import { bodyBytesMax, invocationTooLarge, streamsInput } from "./body-limits.ts";
import { RequestContext } from "./context.ts";
import { addCorsHeaders, isPreflight, preflightResponse, refuseForeignPage } from "./cors.ts";
import { decodeBody, isWrapped } from "./decode-body.ts";
import { asAwsError, checkInput, createDispatcher, runHandler } from "./dispatch.ts";
import { BodyTooLarge, type Exchange } from "./exchange.ts";
import { bucketInHost, isWebHost } from "./hosts.ts";
import { createRouter, type OperationRoute, type Route, s3Path, type UploadRoute } from "./route.ts";
import { checkedRestXml } from "./s3-request.ts";

export interface PipelineDeps {
  readonly secure: boolean;
  readonly defaultRegion: string;
  readonly defaultAccount: string;
  readonly services: readonly Service[];
  /** Asked only with `secure`. */
  readonly keyStore: KeyStore;
  readonly temporary: TemporaryCredentials;
  /** The operator's, for admin routes with `secure`: functions have keys, too. */
  readonly accessKey: string | undefined;
  readonly admin: Admin;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface Pipeline {
  /** Never rejects. */
  answer(exchange: Exchange): Promise<WireResponse>;
}

export function createPipeline(deps: PipelineDeps): Pipeline {
  const { secure, logger, metrics } = deps;
  const router = createRouter(deps.services.map(({ name }) => name));
  const dispatcher = createDispatcher(deps.services);
  const verifier = createVerifier({ clock: deps.clock, keyStore: secretOf });
  const anonymous = new Set(deps.services.filter((each) => each.admitsAnonymous).map(({ name }) => name));
  const originRules = new Map(
    deps.services.flatMap(({ name, origins }) => (origins ? [[name, origins]] : [])),
  );
  const webRoutes = deps.services.flatMap(({ web }) => (web ? [web] : []));
  const requests = metrics.counter("lambdad_gateway_requests_total", "Requests answered.");
  const failures = metrics.counter("lambdad_gateway_failures_total", "Requests answered with a 5xx.");

  return {
    async answer(exchange) {
      const requestId = deps.random.uuid();
      const response = await serve(exchange, requestId);
      response.headers["x-amzn-requestid"] = requestId;
      requests.add();
      if (response.status >= 500) failures.add();
      return response;
    },
  };

  async function serve(exchange: Exchange, requestId: string): Promise<WireResponse> {
    let route: Route = { kind: "unclaimed" };
    try {
      if (isOutsideApi(exchange)) {
        const answered = await serveOutside(exchange, requestId);
        if (answered) return answered;
        if (isOwnPath(exchange.path)) throw nothingHere(exchange);
      }
      const credential = readCredential(exchange);
      if (isPreflight(exchange)) return await answerPreflight(exchange, requestId);
      route = router.route(exchange, credential);
      if (hasOrigin(exchange)) await refuseForeign(exchange, route, requestId);
      else refuseForeignPage(exchange, secure);
      if (route.kind === "upload") {
        const response = await serveUpload(exchange, route, requestId);
        return await withPageHeaders(exchange, route, requestId, response);
      }
      if (route.kind === "unclaimed") return await serveUnclaimed(exchange, requestId);

      let body: WireRequest["body"] | undefined;
      if (route.kind === "form") {
        body = await exchange.collect(requestBodyBytesMax);
        if (body.length === 0) body = Buffer.from(exchange.query); // a GET
        route = router.routeForm(Buffer.from(body).toString("latin1"), credential, route.addressed);
      }
      if (route.kind === "refused") throw route.error;
      const response = await serveOperation(exchange, route, body, credential, requestId);
      return hasOrigin(exchange) ? await withPageHeaders(exchange, route, requestId, response) : response;
    } catch (error) {
      const response = errorResponse(exchange, error, route, requestId);
      if (!hasOrigin(exchange)) return response;
      return await withPageHeaders(exchange, route, requestId, response).catch((fault: unknown) =>
        errorResponse(exchange, fault, route, requestId),
      );
    }
  }

  /** The stages: find the handler, receive, verify, authorise, decode, parse, validate, run, serialise. */
  async function serveOperation(
    exchange: Exchange,
    route: OperationRoute,
    received: WireRequest["body"] | undefined,
    credential: Credential | undefined,
    requestId: string,
  ): Promise<WireResponse> {
    const { operation, protocol: protocolId } = route;
    const protocol = protocolById(protocolId);
    const handler = dispatcher.find(operation);
    const body = received ?? (await receive(exchange, route));
    const session = sessionOf(exchange, credential);
    const seed = secure ? verify(exchange, route, body, { credential, session }) : undefined;
    const region = regionOf(route, credential);
    const identity = identityOf(credential, deps.defaultAccount, region, session);
    authorize(identity, operation, protocolId, {
      secure,
      admitsAnonymous: anonymous.has(operation.service.name),
    });
    const decoded = isWrapped(exchange, seed)
      ? await decodeBody(exchange, body, seed)
      : plainRequest(exchange, body);
    const request = protocolId === "restXml" ? checkedRestXml(decoded, credential) : decoded;
    const input = protocol.read(operation, request, route.labels);
    checkInput(operation, input, protocolId);
    const ctx = contextOf(exchange, identity, region, requestId);
    const output = await runHandler(handler, input, ctx);
    return protocol.write(operation, output, requestId);
  }

  /** S3's buckets have their own word on pages of other origins; a preflight names no service, so they are asked first. */
  async function answerPreflight(exchange: Exchange, requestId: string): Promise<WireResponse> {
    for (const rules of originRules.values()) {
      const answered = await rules.preflight(pageRequest(exchange, requestId));
      if (answered) return answered;
    }
    refuseForeignPage(exchange, secure);
    return withCors(exchange, preflightResponse(exchange));
  }

  async function refuseForeign(exchange: Exchange, route: Route, requestId: string): Promise<void> {
    const rules = rulesOf(route);
    if (rules && (await rules.allow(pageRequest(exchange, requestId)))) return;
    refuseForeignPage(exchange, secure);
  }

  async function withPageHeaders(
    exchange: Exchange,
    route: Route,
    requestId: string,
    response: WireResponse,
  ): Promise<WireResponse> {
    const rules = rulesOf(route);
    if (!rules) return withCors(exchange, response);
    if (hasOrigin(exchange)) {
      Object.assign(response.headers, await rules.allow(pageRequest(exchange, requestId)));
    }
    return response;
  }

  function rulesOf(route: Route) {
    const service = "service" in route ? route.service : undefined;
    return service && originRules.get(service.name);
  }

  async function serveUpload(
    exchange: Exchange,
    route: UploadRoute,
    requestId: string,
  ): Promise<WireResponse> {
    const upload = deps.services.find(({ name }) => name === route.service.name)?.upload;
    if (!upload) throw nothingHere(exchange);
    const identity = identityOf(undefined, deps.defaultAccount, deps.defaultRegion);
    const ctx = contextOf(exchange, identity, deps.defaultRegion, requestId);
    const form: UploadedForm = {
      bucket: decodeQuery(route.bucket),
      body: exchange.stream(),
      isVerified: secure,
      verify(text, signed) {
        if ("accessKey" in signed) return verifyTextV2(text, signed, deps.keyStore);
        const { credential: scope, signature } = signed;
        const credential = credentialFromScope(scope, "query", signingAlgorithm);
        if (!credential) throw signatureError("incomplete", "s3");
        if (secure && deps.keyStore(credential.accessKey) === undefined)
          throw signatureError("unknown-key", "s3");
        if (secure) verifier.verifyText(text, credential, signature);
      },
    };
    return await upload(form, ctx);
  }

  /** Throws for a bad signature; undefined for no signature, which `authorize` judges. */
  function verify(
    exchange: Exchange,
    route: OperationRoute,
    body: WireRequest["body"],
    { credential, session }: { credential: Credential | undefined; session: Session | undefined },
  ): ChunkSeed | undefined {
    const isUnsigned = exchange.headers["authorization"] === undefined && !hasSignature(exchange.query);
    if (!credential && isUnsigned) return undefined;
    const { service, protocol } = route;
    if (service.name === "s3" && isPresignedV2(exchange)) {
      verifyPresignedV2(exchange, s3Path(exchange, exchange.path), deps.keyStore, deps.clock.now());
      return undefined;
    }
    const given = payloadOf(exchange);
    const isHashed = given === undefined || isSha256(given);
    const sha256 = isHashed && body instanceof Uint8Array ? hash("sha256", body, "hex") : "";
    const seed = verifier.verify(exchange, service, protocol, sha256);
    if (credential) checkSession(credential, session, seed.family);
    if (isHashed && sha256 !== "" && given !== undefined && given !== sha256) {
      throw signatureError("payload-mismatch", seed.family);
    }
    // A body signed in a way that we cannot check (event streams) is an unsigned body.
    const isKnown = isHashed || given === "UNSIGNED-PAYLOAD" || chunkedFraming(exchange) !== undefined;
    if (!isKnown) throw signatureError("unsupported", seed.family);
    return seed;
  }

  function secretOf(accessKey: string): string | undefined {
    return deps.keyStore(accessKey) ?? deps.temporary.secretOf(accessKey);
  }

  /** Of who comes with temporary credentials. Without `secure` they count for ever, as all credentials do. */
  function sessionOf(exchange: Exchange, credential: Credential | undefined): Session | undefined {
    const token = exchange.headers["x-amz-security-token"] ?? tokenInQuery(exchange.query);
    if (!credential || token === undefined) return undefined;
    return deps.temporary.read(credential.accessKey, token);
  }

  /** Signed rightly with a key that may have been issued is not enough: it takes the token that was issued with it. */
  function checkSession(credential: Credential, session: Session | undefined, family: SignatureFamily): void {
    if (deps.keyStore(credential.accessKey) !== undefined) return;
    if (!session) throw signatureError("unknown-key", family);
    if (session.expiresAtMs <= deps.clock.now()) throw signatureError("session-expired", family);
  }

  function regionOf(route: OperationRoute, credential: Credential | undefined): string {
    const region = credential?.region;
    if (region === undefined || region === "") return deps.defaultRegion;
    if (/^[a-z][a-z0-9-]{0,31}$/.test(region)) return region;
    const family = signatureFamily(route.service.name, route.protocol);
    if (family === "s3") throw s3RegionFault(region, deps.defaultRegion);
    throw signatureError("wrong-scope", family, "Credential should be scoped to a valid region.");
  }

  function contextOf(exchange: Exchange, identity: Identity, region: string, requestId: string) {
    return new RequestContext({ exchange, identity, region, requestId }, dispatcher.call);
  }

  async function webRequest(exchange: Exchange, requestId: string): Promise<WebRequest> {
    const { method, path, query, headers, remoteAddress } = exchange;
    const body = await receiveWeb(exchange);
    return {
      method,
      path,
      query,
      headers,
      body,
      remoteAddress,
      requestId,
      host: headers["host"] ?? "",
      signer: (serviceName, region) => signerOf(exchange, body, serviceName, region),
    };
  }

  /** As for an operation of that service; without `secure`, whoever carries a signature is who it says. */
  function signerOf(
    exchange: Exchange,
    body: Uint8Array,
    serviceName: string,
    wanted: string | undefined,
  ): Identity | undefined {
    const credential = readCredential(exchange);
    if (!credential) return undefined;
    const session = sessionOf(exchange, credential);
    if (secure) {
      const given = payloadOf(exchange);
      const sha256 = hash("sha256", body, "hex");
      const seed = verifier.verify(exchange, loadModel(serviceName), "restJson1", sha256);
      checkSession(credential, session, seed.family);
      if (given !== undefined && isSha256(given) && given !== sha256) {
        throw signatureError("payload-mismatch", seed.family);
      }
      if (wanted !== undefined && wanted !== credential.region) {
        throw signatureError("wrong-scope", seed.family, "Credential should be scoped to a valid region.");
      }
    }
    const region = credential.region || deps.defaultRegion;
    return identityOf(credential, deps.defaultAccount, region, session);
  }

  /** Admin routes; code downloads and function URLs, whose paths and hosts no API has. */
  async function serveOutside(exchange: Exchange, requestId: string): Promise<WireResponse | undefined> {
    const route = deps.admin.find(exchange);
    if (route) refuseForeignPage(exchange, secure);
    if (!route && webRoutes.length === 0) return undefined;
    const request = await webRequest(exchange, requestId);
    if (!route) return firstAnswer(webRoutes, request);
    if (secure && !route.isOpen) requireOperator(request);
    return route.answer(request);
  }

  /** Admin routes are signed as requests to Lambda are. */
  function requireOperator(request: WebRequest): void {
    const identity = request.signer("lambda");
    if (!identity) throw signatureError("missing", signatureFamily("lambda", "restJson1"));
    if (identity.accessKey === deps.accessKey) return;
    throw new AwsError("AccessDeniedException", "Only the operator may do this.", { status: 403 });
  }

  async function serveUnclaimed(exchange: Exchange, requestId: string): Promise<WireResponse> {
    const request = await webRequest(exchange, requestId);
    const answered = await firstAnswer(webRoutes, request);
    if (answered) return answered;
    throw nothingHere(exchange);
  }

  function errorResponse(exchange: Exchange, error: unknown, route: Route, requestId: string): WireResponse {
    const service = "service" in route ? route.service : undefined;
    const operation = route.kind === "operation" ? route.operation : undefined;
    const awsError = asAwsError(error, {
      service,
      operation,
      requestId,
      logger: exchange.isGone ? silentLogger : logger,
    });
    return protocolById(protocolOf(route)).error(awsError, requestId, service, operation);
  }
}

function protocolOf(route: Route) {
  if (route.kind === "unclaimed") return "restJson1";
  if (route.kind === "upload") return "restXml";
  return route.kind === "form" ? "awsQuery" : route.protocol;
}

async function receive(exchange: Exchange, { operation }: OperationRoute): Promise<WireRequest["body"]> {
  return streamsInput(operation) ? exchange.stream() : await exchange.collect(bodyBytesMax(operation));
}

function plainRequest(exchange: Exchange, body: WireRequest["body"]): WireRequest {
  const { method, path, query, headers } = exchange;
  return { method, path, query, headers, body };
}

/** Also one that cannot be read. */
function hasSignature(query: string): boolean {
  return query !== "" && queryValue(query, "X-Amz-Credential") !== undefined;
}

function tokenInQuery(query: string): string | undefined {
  return query === "" ? undefined : queryValue(query, "X-Amz-Security-Token");
}

function hasOrigin({ headers }: Exchange): boolean {
  return headers["origin"] !== undefined;
}

function pageRequest({ method, path, headers }: Exchange, requestId: string): PageRequest {
  return { method, path, headers, bucketInHost: bucketInHost(headers["host"] ?? ""), requestId };
}

function withCors(exchange: Exchange, response: WireResponse): WireResponse {
  addCorsHeaders(exchange, response);
  return response;
}

function isOutsideApi({ path, headers }: Exchange): boolean {
  return isOwnPath(path) || isWebHost(headers["host"] ?? "");
}

/** No bucket, the only thing that could stand there, begins with "_". */
function isOwnPath(path: string): boolean {
  return path.startsWith("/_lambdad/") || path.startsWith("/_localstack/");
}

function nothingHere({ method, path }: Exchange): AwsError {
  const text = `${method} ${path.slice(0, 256)} is neither an AWS request nor anything else here`;
  return new AwsError("UnknownOperationException", text, { status: 404 });
}

async function receiveWeb(exchange: Exchange): Promise<Uint8Array> {
  try {
    return await exchange.collect(invokePayloadBytesMax);
  } catch (error) {
    // recalled: a function URL answers as Invoke does.
    throw error instanceof BodyTooLarge ? invocationTooLarge() : error;
  }
}

async function firstAnswer(routes: readonly WebRoute[], request: WebRequest) {
  for (const route of routes) {
    const response = await route(request);
    if (response) return response;
  }
  return undefined;
}
