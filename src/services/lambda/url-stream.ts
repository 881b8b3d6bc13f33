/**
 * What a function behind a URL streams, as the HTTP response. The head is there as soon as the function has sent it: as
 * JSON before the body, closed by eight NUL bytes, where the content type says so; else with the first byte. What goes
 * wrong before is 502 (undefined here), what goes wrong afterwards breaks the body off.
 * Source: map-http-frontdoors 1.6.
 */
import type { StreamedAnswer } from "./streamed.ts";
import { invokeResponseBytesMax, urlPreludeBytesMax } from "../../limits.ts";
import type { WebResponse } from "../service.ts";
import type { UrlResponse, UrlResponseHead } from "./domain/url-response.ts";
import { isHeaderValue, streamedHead, urlResponse } from "./domain/url-response.ts";

type Streamed = Extract<StreamedAnswer, { kind: "stream" }>;

interface Begun {
  /** Undefined: the function has sent none. */
  readonly head: UrlResponseHead | undefined;
  readonly body: AsyncIterable<Uint8Array>;
}

const preludeType = "application/vnd.awslambda.http-integration-response";
const delimiter = Buffer.alloc(8);

/** For URLs with InvokeMode RESPONSE_STREAM. */
export async function streamedResponse(streamed: Streamed): Promise<WebResponse | undefined> {
  const begun = await begin(streamed);
  if (!begun) return undefined;
  const { contentType = "" } = streamed.stream;
  const type = contentType !== "" && isHeaderValue(contentType) ? contentType : "application/octet-stream";
  const head = begun.head ?? { status: 200, headers: { "content-type": type } };
  return { ...head, body: begun.body };
}

/** For URLs with InvokeMode BUFFERED: all of it at once. */
export async function collectedResponse(streamed: Streamed): Promise<UrlResponse | undefined> {
  const begun = await begin(streamed);
  const body = begun && (await collected(begun.body));
  if (!body) return undefined;
  return begun.head ? { ...begun.head, body } : urlResponse(body);
}

async function begin(streamed: Streamed): Promise<Begun | undefined> {
  const pieces = streamed.stream[Symbol.asyncIterator]();
  const isPreluded = streamed.stream.contentType?.split(";", 1)[0]?.trim().toLowerCase() === preludeType;
  let first = Buffer.alloc(0);
  let end = isPreluded ? -1 : 0;
  while (end < 0 || first.length === 0) {
    const next = await pieces.next();
    if (next.done) break;
    first = Buffer.concat([first, next.value]);
    if (isPreluded) end = first.subarray(0, urlPreludeBytesMax + delimiter.length).indexOf(delimiter);
    if (end < 0 && first.length > urlPreludeBytesMax) break;
  }
  const head = isPreluded && end >= 0 ? streamedHead(first.toString("utf8", 0, end)) : undefined;
  if (isPreluded ? !head : first.length === 0 && !(await hasSucceeded(streamed))) {
    streamed.stream.abandon();
    return undefined;
  }
  return { head, body: bodyOf(streamed, first.subarray(isPreluded ? end + delimiter.length : 0), pieces) };
}

async function* bodyOf(
  streamed: Streamed,
  first: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    if (first.length > 0) yield first;
    yield* rest;
    if (!(await hasSucceeded(streamed))) throw new Error("the function failed within its streamed response");
  } finally {
    streamed.stream.abandon();
  }
}

async function hasSucceeded({ ended }: Streamed): Promise<boolean> {
  const answer = await ended;
  return answer.kind === "done" && answer.outcome.kind === "success";
}

/** Undefined: the function failed, or there was too much of it. */
async function collected(body: AsyncIterable<Uint8Array>): Promise<Uint8Array | undefined> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const piece of body) {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes > invokeResponseBytesMax) return undefined;
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(pieces);
}
