/**
 * Buckets as websites, at `<bucket>.s3-website.<region>.<domain>` and `<bucket>.s3-website-<region>.<domain>`: anybody's
 * GETs, pages for errors, redirects. Source: map-sqs-sns-s3 3.17.
 */
import type * as S3 from "@aws-sdk/client-s3";
import { AwsError } from "../../wire/aws-error.ts";
import { hostIdOf } from "../../wire/error-body.ts";
import { escapeText } from "../../wire/xml.ts";
import type { WebRequest, WebResponse, WebRoute } from "../service.ts";
import type { Bucket } from "./buckets.ts";
import type { ObjectVersion } from "./domain/object.ts";
import { contentRange, rangeOf } from "./domain/range.ts";
import { pageKey, type Redirection, routed } from "./domain/website.ts";
import { accessDenied, methodNotAllowed, noSuchBucket, notConfigured, noSuchKey } from "./errors.ts";
import type { S3Parts } from "./parts.ts";
import type { Guard } from "./guard.ts";
import { quoted } from "./to-wire.ts";

export function createWebsite(
  parts: S3Parts & { readonly secure: boolean; readonly guard: Guard },
): WebRoute {
  const { buckets, files, guard, objects, secure, store } = parts;

  /** Throws NoSuchKey or AccessDenied. */
  async function page(bucket: Bucket, key: string, http: WebRequest): Promise<ObjectVersion> {
    if (secure) {
      // That something is not there is told who may list only.
      const isThere = (await objects.find(bucket, key)) !== undefined;
      const [action, what] = isThere ? (["s3:GetObject", key] as const) : (["s3:ListBucket"] as const);
      if (!(await guard.isPublic(bucket, action, what, { http }))) throw accessDenied();
    }
    return objects.object(bucket, key, undefined, "GET");
  }

  async function show(
    { method, headers: asked }: WebRequest,
    version: ObjectVersion,
    status: number,
  ): Promise<WebResponse> {
    if (version.redirect !== undefined) return redirected({ status: 301, location: version.redirect });
    const headers: Record<string, string> = {
      ...version.headers,
      etag: quoted(version.etag),
      "accept-ranges": "bytes",
      "last-modified": new Date(version.modifiedAtMs).toUTCString(),
      "content-length": String(version.sizeBytes),
    };
    if (status === 200 && asked["if-none-match"] === headers["etag"]) return { status: 304, headers };
    const range = status === 200 ? asked["range"] : undefined;
    const part = range === undefined ? undefined : rangeOf(range, version.sizeBytes);
    if (part) {
      headers["content-length"] = String(part.length);
      headers["content-range"] = contentRange(part, version.sizeBytes);
    }
    const answered = part ? 206 : status;
    if (method === "HEAD" || version.sizeBytes === 0) return { status: answered, headers, body: "" };
    const slice = part ?? { start: 0, length: version.sizeBytes };
    const body = files.readBody(version.body, await store.layout(version), slice);
    return { status: answered, headers, body };
  }

  async function answer(
    request: WebRequest,
    bucket: Bucket,
    site: S3.WebsiteConfiguration,
    key: string,
  ): Promise<WebResponse> {
    const all = site.RedirectAllRequestsTo;
    if (all) {
      const location = `${all.Protocol ?? "http"}://${all.HostName}/${key}`;
      return redirected({ status: 301, location });
    }
    const before = routed(site, key, undefined, request.host);
    if (before) return redirected(before);
    try {
      return await show(request, await page(bucket, pageKey(site, key), request), 200);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      const folder = `${key}/`;
      if (
        (error.code === "NoSuchKey" || error.code === "AccessDenied") &&
        key !== "" &&
        !key.endsWith("/") &&
        (await objects.find(bucket, pageKey(site, folder)))
      ) {
        return redirected({ status: 302, location: `/${folder}` });
      }
      const after = routed(site, key, error.status, request.host);
      if (after) return redirected(after);
      return errorPage(request, bucket, site, error);
    }
  }

  async function errorPage(
    request: WebRequest,
    bucket: Bucket,
    { ErrorDocument: document }: S3.WebsiteConfiguration,
    error: AwsError,
  ): Promise<WebResponse> {
    if (!document?.Key) return listedError(request, error);
    try {
      return await show(request, await page(bucket, document.Key, request), error.status ?? 404);
    } catch (failure) {
      if (failure instanceof AwsError) return listedError(request, error, failure);
      throw failure;
    }
  }

  return async (request) => {
    const name = siteOf(request.host);
    if (name === undefined) return undefined;
    const bucket = await buckets.find(name);
    if (!bucket) return listedError(request, noSuchBucket(name));
    if (request.method !== "GET" && request.method !== "HEAD") {
      return listedError(request, methodNotAllowed(request.method, "OBJECT"));
    }
    const site = bucket.value.settings.website;
    if (!site) {
      const text = "The specified bucket does not have a website configuration";
      return listedError(request, notConfigured("NoSuchWebsiteConfiguration", text, name));
    }
    const key = decodedKey(request.path);
    if (key === undefined) return listedError(request, noSuchKey(request.path));
    return answer(request, bucket, site, key);
  };
}

function redirected({ status, location }: Redirection): WebResponse {
  return { status, headers: { location, "content-length": "0" }, body: "" };
}

/** The bucket of a website's host name. */
export function siteOf(host: string): string | undefined {
  return /^(.+)\.s3-website[.-]/.exec(host.toLowerCase())?.[1];
}

function decodedKey(path: string): string | undefined {
  try {
    return decodeURIComponent(path.slice(1));
  } catch {
    return undefined;
  }
}

function listedError({ requestId }: WebRequest, error: AwsError, custom?: AwsError): WebResponse {
  const status = error.status ?? 500;
  const reason = reasons[status] ?? "Error";
  const item = (name: string, value: unknown) => `<li>${name}: ${escapeText(String(value))}</li>`;
  const itemsOf = ({ code, message, members }: AwsError) =>
    [
      item("Code", code),
      item("Message", message),
      ...Object.entries(members).map(([name, value]) => item(name, value)),
    ].join("\n");
  const ids = [item("RequestId", requestId), item("HostId", hostIdOf(requestId))].join("\n");
  const second = custom
    ? `<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>\n<ul>\n${itemsOf(custom)}\n</ul>\n`
    : "";
  const body =
    `<html>\n<head><title>${status} ${reason}</title></head>\n<body>\n<h1>${status} ${reason}</h1>\n` +
    `<ul>\n${itemsOf(error)}\n${ids}\n</ul>\n${second}<hr/>\n</body>\n</html>\n`;
  const headers = { "content-type": "text/html; charset=utf-8", "x-amz-request-id": requestId };
  return { status, headers: { ...headers, ...error.headers }, body };
}

const reasons: Readonly<Record<number, string>> = {
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  416: "Requested Range Not Satisfiable",
};
