/**
 * Download URLs for deployment packages: `Code.Location` of GetFunction, and the plain HTTP route behind it. A URL names
 * content by its hash and is signed with the data directory's secret; it works for ten minutes, without credentials, for
 * whoever has it, as AWS's presigned ones do.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import { codeLocationLifeMs } from "../../limits.ts";
import type { WebRequest, WebResponse, WebRoute } from "../service.ts";
import type { CodeStore } from "./code-store.ts";

const pathPrefix = "/_lambdad/code/";

export interface CodeLocationDeps {
  readonly clock: Clock;
  readonly codeStore: Pick<CodeStore, "secret" | "stat" | "stream">;
}

export async function codeLocation(
  deps: CodeLocationDeps,
  endpoint: string,
  sha256: string,
): Promise<string> {
  const expiresAtMs = deps.clock.now() + codeLocationLifeMs;
  const signature = sign(await deps.codeStore.secret(), sha256, String(expiresAtMs));
  return `${endpoint}${pathPrefix}${sha256}?expires=${expiresAtMs}&signature=${signature}`;
}

export function createCodeDownloads(deps: CodeLocationDeps): WebRoute {
  return async (request) => {
    if (!request.path.startsWith(pathPrefix)) return undefined;
    if (request.method !== "GET" && request.method !== "HEAD") return refused(405, "Method Not Allowed");
    const sha256 = request.path.slice(pathPrefix.length);
    if (!(await isGranted(deps, sha256, request)))
      return refused(403, "Request has expired or is not signed");
    const blob = await deps.codeStore.stat(sha256);
    if (!blob) return refused(404, "The code is no longer there");
    const headers = { "content-type": "application/zip", "content-length": String(blob.sizeBytes) };
    return request.method === "HEAD"
      ? { status: 200, headers }
      : { status: 200, headers, body: deps.codeStore.stream(sha256) };
  };
}

async function isGranted(deps: CodeLocationDeps, sha256: string, { query }: WebRequest): Promise<boolean> {
  const parameters = new URLSearchParams(query);
  const expires = parameters.get("expires") ?? "";
  const signature = parameters.get("signature") ?? "";
  if (!/^\d{1,15}$/.test(expires) || !/^[0-9a-f]{64}$/.test(sha256)) return false;
  const expected = sign(await deps.codeStore.secret(), sha256, expires);
  const isSigned =
    signature.length === expected.length && timingSafeEqual(Buffer.from(signature), Buffer.from(expected));
  return isSigned && Number(expires) >= deps.clock.now();
}

function sign(secret: Uint8Array, sha256: string, expires: string): string {
  return createHmac("sha256", secret).update(`${sha256}\n${expires}`).digest("hex");
}

function refused(status: number, why: string): WebResponse {
  return { status, headers: { "content-type": "text/plain" }, body: `${why}\n` };
}
