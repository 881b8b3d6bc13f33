/**
 * The data plane of function URLs: an HTTP request becomes an event, what the function answers becomes the response.
 * Source: map-http-frontdoors 1.2 to 1.7.
 *
 * In this order: is there such a URL → is it a preflight → may the caller → run. The invocation has the request's id, so
 * that `x-amzn-RequestId` leads to the log. Nothing that goes wrong inside is shown to the caller.
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Invoker } from "../../invoke/contract.ts";
import { invokeStreamed } from "./streamed.ts";
import { functionUrlsCachedMax, invokePayloadBytesMax } from "../../limits.ts";
import type { Records } from "../../store/records.ts";
import { AwsError } from "../../wire/aws-error.ts";
import type { WebRequest, WebResponse, WebRoute } from "../service.ts";
import type { UrlOwner } from "./collections.ts";
import type { FunctionRecord } from "./domain/function.ts";
import { findAlias } from "./domain/function.ts";
import { arnOfRef, latest } from "./domain/function-ref.ts";
import type { AddressedUrl, FunctionUrl } from "./domain/function-url.ts";
import { addressedUrl } from "./domain/function-url.ts";
import { isUrlPreflight, preflightHeaders, simpleHeaders } from "./domain/url-cors.ts";
import type { UrlCaller, UrlRequest } from "./domain/url-event.ts";
import { urlEvent } from "./domain/url-event.ts";
import { urlResponse } from "./domain/url-response.ts";
import { admitsVisitor } from "./permission.ts";
import type { Functions } from "./store.ts";
import type { Recursion } from "./recursion.ts";
import type { InvokeTarget, Targets } from "./targets.ts";
import { collectedResponse, streamedResponse } from "./url-stream.ts";

export interface UrlRouteDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly functions: Pick<Functions, "get">;
  readonly urls: Records<UrlOwner>;
  readonly targets: Targets;
  readonly recursion: Recursion;
  readonly invoker: Pick<Invoker, "invoke">;
}

interface Found {
  readonly owner: UrlOwner;
  readonly fn: FunctionRecord;
  readonly url: FunctionUrl;
}

export function createUrlRoute(deps: UrlRouteDeps): WebRoute {
  const owners = new Map<string, UrlOwner>();

  return async (request) => {
    const addressed = addressedUrl(request.host, request.path);
    if (!addressed) return undefined;
    const found = await find(addressed.urlId);
    if (!found) return refused(403, { Message: null }, "AccessDeniedException");
    const { cors } = found.url;
    if (cors && isUrlPreflight(request))
      return { status: 200, headers: preflightHeaders(cors, request), body: "" };
    const response = below(addressed.prefix, await answer(request, addressed, found));
    return cors ? withHeaders(response, simpleHeaders(cors, request)) : response;
  };

  /** An id never comes to mean another function, so what was read stays right; whether it is still set is looked up. */
  async function find(urlId: string): Promise<Found | undefined> {
    const owner = owners.get(urlId) ?? (await deps.urls.get([urlId]))?.value;
    if (!owner) return undefined;
    if (owners.size >= functionUrlsCachedMax) owners.clear();
    owners.set(urlId, owner);
    const fn = await deps.functions.get(owner);
    const url = fn?.settings.urls[owner.qualifier];
    return fn && url?.urlId === urlId ? { owner, fn, url } : undefined;
  }

  async function answer(
    request: WebRequest,
    { urlId, path }: AddressedUrl,
    { owner, fn, url }: Found,
  ): Promise<WebResponse> {
    const caller = callerOf(request, url, owner.region);
    if (caller === "refused") return forbidden();
    const isGone = owner.qualifier !== latest && !findAlias(fn, owner.qualifier);
    if (isGone) return forbidden();
    const ref = { id: owner, qualifier: owner.qualifier === latest ? undefined : owner.qualifier };
    if (!admitsVisitor(fn, ref, { caller, authType: url.authType })) {
      deps.logger.info("a call of a function URL was refused: see AddPermission for what it needs", {
        function: arnOfRef(ref),
        caller: caller?.principalArn ?? "*",
        missing: urlPermissions(url),
      });
      return forbidden();
    }

    try {
      const target = await deps.targets.resolve(ref);
      const nowMs = deps.clock.now();
      return await run(target, url, { ...request, urlId, path, nowMs, caller });
    } catch (error) {
      // A function that is not ready, or was deleted just now.
      if (error instanceof AwsError) return failed();
      throw error;
    }
  }

  async function run(
    target: InvokeTarget,
    { invokeMode }: FunctionUrl,
    request: Omit<UrlRequest, "traceHeader">,
  ): Promise<WebResponse> {
    const given = deps.targets.traceOf(target.configuration, request.headers["x-amzn-trace-id"]);
    const traceHeader = deps.recursion(target, given);
    if (traceHeader === undefined) return failed(); // inferred
    const response = await respond(target, invokeMode, { ...request, traceHeader });
    return { ...response, headers: { ...response.headers, "x-amzn-trace-id": traceHeader } };
  }

  async function respond(
    target: InvokeTarget,
    invokeMode: FunctionUrl["invokeMode"],
    request: UrlRequest,
  ): Promise<WebResponse> {
    const { traceHeader } = request;
    const payload = Buffer.from(JSON.stringify(urlEvent(request)));
    if (payload.length > invokePayloadBytesMax) return tooLarge();
    const answered = await invokeStreamed(deps.invoker, {
      spec: target.spec,
      request: {
        requestId: request.requestId,
        invokedFunctionArn: target.invokedFunctionArn,
        payload,
        traceHeader,
        clientContext: undefined,
      },
      wantTail: false,
      ...target.shares,
    });
    if (answered.kind === "throttled") {
      const body = { Reason: answered.reason, Type: "User", message: "Rate Exceeded." };
      const answer = refused(429, body, "TooManyRequestsException");
      return { ...answer, headers: { ...answer.headers, "retry-after": "1" } };
    }
    if (answered.kind === "stream") {
      const read = invokeMode === "RESPONSE_STREAM" ? streamedResponse : collectedResponse;
      return (await read(answered)) ?? failed();
    }
    const { outcome } = answered;
    return (outcome.kind === "success" && urlResponse(outcome.payload)) || failed();
  }
}

/** Undefined: anyone may call, and nobody is asked who it is. */
function callerOf(
  request: WebRequest,
  { authType }: FunctionUrl,
  region: string,
): UrlCaller | undefined | "refused" {
  if (authType === "NONE") return undefined;
  return request.signer("lambda", region) ?? "refused";
}

/** What AddPermission is to be told, twice. */
function urlPermissions({ authType }: FunctionUrl): string {
  return `lambda:InvokeFunctionUrl with FunctionUrlAuthType ${authType}, and lambda:InvokeFunction with InvokedViaFunctionUrl`;
}

function forbidden(): WebResponse {
  const text =
    "Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html";
  return refused(403, { Message: text }, "AccessDeniedException");
}

function tooLarge(): WebResponse {
  const message = `Request must be smaller than ${invokePayloadBytesMax} bytes for the InvokeFunction operation`;
  return refused(413, { message }, "RequestEntityTooLargeException");
}

function refused(status: number, body: object, errorType: string): WebResponse {
  const headers = { "content-type": "application/json", "x-amzn-errortype": errorType };
  return { status, headers, body: JSON.stringify(body) };
}

function failed(): WebResponse {
  return { status: 502, headers: { "content-type": "text/plain" }, body: "Internal Server Error" };
}

/** A redirection within a URL that is a path stays within it. */
function below(prefix: string, response: WebResponse): WebResponse {
  const { location } = response.headers;
  if (prefix === "" || typeof location !== "string" || !/^\/(?!\/)/.test(location)) return response;
  return { ...response, headers: { ...response.headers, location: prefix + location } };
}

/** Beside what the function has set under the same names: AWS sends both. */
function withHeaders(response: WebResponse, added: Readonly<Record<string, string>>): WebResponse {
  const headers = { ...response.headers };
  for (const [name, value] of Object.entries(added)) {
    const before = headers[name];
    headers[name] = before === undefined ? value : [before, value].flat();
  }
  return { ...response, headers };
}
