/** One HTTP request to an address outside, in at most some seconds; redirects are not followed. What it answers is bounded. */
import { request as httpsRequest } from "node:https";
import { request as httpRequest } from "../../base/http.ts";
import { apiDestinationTimeoutMs, tokenResponseBytesMax } from "../../limits.ts";
import type { HttpRequest } from "./domain/http-request.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** Its beginning. */
  readonly body: string;
}

export type Http = (request: HttpRequest) => Promise<HttpAnswer>;

/** Rejects when there is no answer in time. */
export const sendHttp: Http = ({ method, url, headers, body }) =>
  new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    const signal = AbortSignal.timeout(apiDestinationTimeoutMs);
    const outgoing = send(url, { method, headers, signal }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const end = () => {
        const { statusCode: status = 0, headers: received } = response;
        const text = Buffer.concat(chunks).subarray(0, tokenResponseBytesMax).toString();
        resolve({ status, retryAfter: received["retry-after"], body: text });
      };
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        chunks.push(chunk);
        if (size <= tokenResponseBytesMax) return;
        response.destroy();
        end();
      });
      response.on("end", end);
      response.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
