/** What pages of other origins may do with a bucket: its CORS configuration decides. Source: map-sqs-sns-s3 3.16. */
import { escapeText } from "../../wire/xml.ts";
import { hostIdOf } from "../../wire/error-body.ts";
import type { OriginRules, PageRequest, WebResponse } from "../service.ts";
import type { Buckets } from "./buckets.ts";
import { askedHeaders, corsHeaders, corsMethods, isHeaderName } from "./domain/cors.ts";

export function createOriginRules(buckets: Buckets): OriginRules {
  return {
    async preflight(request) {
      const { bucketInHost: inHost, headers } = request;
      const name = inHost ?? decodedSegment(request.path);
      const bucket = name === undefined ? undefined : await buckets.find(name);
      // A path that begins with no bucket's name may be any other service's.
      if (!bucket && inHost === undefined) return undefined;
      const { origin = "" } = headers;
      const method = headers["access-control-request-method"];
      if (method === undefined || !corsMethods.has(method)) {
        return refusal(
          request,
          400,
          "BadRequest",
          `Invalid Access-Control-Request-Method: ${method ?? "null"}`,
        );
      }
      const of = (text: string, type: string) =>
        refusal(request, 403, "AccessForbidden", `CORSResponse: ${text}`, {
          Method: method,
          ResourceType: type,
        });
      if (!bucket) return of("Bucket not found", "BUCKET");
      const rules = bucket.value.settings.cors;
      if (!rules) return of("CORS is not enabled for this bucket.", "BUCKET");
      const asked = askedHeaders(headers["access-control-request-headers"]);
      const wrong = asked.find((name) => !isHeaderName(name));
      if (wrong !== undefined) {
        const text = `Access-Control-Request-Headers "${wrong}" contains invalid character.`;
        return refusal(request, 400, "BadRequest", text);
      }
      const allowed = corsHeaders(rules, origin, method, asked);
      if (!allowed) return of(notAllowed, "OBJECT");
      return { status: 200, headers: allowed, body: "" };
    },

    async allow({ bucketInHost, headers, method, path }) {
      const name = bucketInHost ?? decodedSegment(path);
      const rules = name === undefined ? undefined : (await buckets.find(name))?.value.settings.cors;
      return rules && corsHeaders(rules, headers["origin"] ?? "", method, []);
    },
  };
}

function refusal(
  { requestId }: PageRequest,
  status: number,
  code: string,
  message: string,
  members: Readonly<Record<string, string>> = {},
): WebResponse {
  const hostId = hostIdOf(requestId);
  const all = { Code: code, Message: message, ...members, RequestId: requestId, HostId: hostId };
  const content = Object.entries(all).map(([name, value]) => `<${name}>${escapeText(value)}</${name}>`);
  return {
    status,
    headers: { "content-type": "application/xml", "x-amz-request-id": requestId, "x-amz-id-2": hostId },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n<Error>${content.join("")}</Error>`,
  };
}

function decodedSegment(path: string): string | undefined {
  const [, segment] = /^\/([^/]+)/.exec(path) ?? [];
  if (segment === undefined) return undefined;
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

const notAllowed =
  "This CORS request is not allowed. This is usually because the evalution of Origin, request method / " +
  "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.";
