/**
 * Requests as nearly every client sends them: an ordinary method, a path, single headers, a short body of known length.
 * They are read here at a fraction of what a whole HTTP parser costs; whatever else HTTP/1.1 allows is left to one.
 *
 * Pure. It must take nothing that a stricter reader would refuse or read otherwise: when in doubt, it is not plain.
 */
import { plainRequestBytesMax, requestHeaderBytesMax } from "../limits.ts";
import type { RequestHead } from "../wire/sigv4-canonical.ts";

export interface PlainRequest extends RequestHead {
  readonly body: Uint8Array;
}

/**
 * `bytes` are all that has come since the last request. "begun": the head is plain, and more of the body is to come.
 * Undefined: not plain, which includes a head that has not come whole, and a second request behind the first.
 */
export function readPlainRequest(bytes: Buffer): PlainRequest | "begun" | undefined {
  const headLength = bytes.indexOf(headEnd);
  if (headLength === -1 || headLength > requestHeaderBytesMax) return undefined;
  const head = bytes.toString("latin1", 0, headLength);
  if (!plainHead.test(head)) return undefined;
  const lineEnd = head.indexOf("\r\n");
  const headers = singleHeaders(head, lineEnd + 2);
  if (!headers || headers["host"] === undefined || !isPersistent(headers["connection"])) return undefined;
  const bodyLength = Number(headers["content-length"] ?? 0);
  const length = headLength + headEnd.length + bodyLength;
  if (bytes.length > length || length > plainRequestBytesMax) return undefined;
  if (bytes.length < length) return "begun";

  const methodEnd = head.indexOf(" ");
  const target = head.slice(methodEnd + 1, lineEnd - protocol.length);
  const question = target.indexOf("?");
  return {
    method: head.slice(0, methodEnd),
    path: question === -1 ? target : target.slice(0, question),
    query: question === -1 ? "" : target.slice(question + 1),
    headers,
    body: bytes.subarray(headLength + headEnd.length),
  };
}

const headEnd = "\r\n\r\n";
const protocol = " HTTP/1.1";
/** RFC 9112, 3 and 5, without what is rare: other methods and targets, bytes beyond ASCII, no header at all. */
const plainHead =
  /^(?:GET|POST|PUT|DELETE) \/[!-~]* HTTP\/1\.1(?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~]*)+$/;

/** Undefined when one comes twice, or changes how the message is framed or what is expected of us. */
function singleHeaders(head: string, from: number): Record<string, string> | undefined {
  // Without a prototype, for names come from the network.
  const headers = Object.create(null) as Record<string, string>;
  for (let at = from; at < head.length;) {
    const found = head.indexOf("\r\n", at);
    const end = found === -1 ? head.length : found;
    const colon = head.indexOf(":", at);
    const name = head.slice(at, colon).toLowerCase();
    const value = head.slice(colon + 1, end).trim();
    if (headers[name] !== undefined || isSpecial(name, value)) return undefined;
    headers[name] = value;
    at = end + 2;
  }
  return headers;
}

function isSpecial(name: string, value: string): boolean {
  switch (name) {
    case "content-length":
      return !/^\d{1,9}$/.test(value);
    case "expect":
    case "http2-settings":
    case "te":
    case "trailer":
    case "transfer-encoding":
    case "upgrade":
      return true;
    default:
      return false;
  }
}

function isPersistent(connection: string | undefined): boolean {
  return connection === undefined || connection.toLowerCase() === "keep-alive";
}
