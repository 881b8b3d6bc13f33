/**
 * What a function behind a URL has answered, as the HTTP response. Pure. Source: map-http-frontdoors 1.5, 1.6. Undefined: the
 * function asks for what is no response, which the client sees as 502.
 */
export interface UrlResponse extends UrlResponseHead {
  readonly body: Uint8Array | string;
}

export interface UrlResponseHead {
  readonly status: number;
  readonly headers: Record<string, string | string[]>;
}

export function urlResponse(payload: Uint8Array): UrlResponse | undefined {
  const text = Buffer.from(payload).toString();
  const value = parsed(text);
  if (value === undefined) return plain(text);
  if (isRecord(value) && value["statusCode"] !== undefined) return described(value);
  return plain(textOf(value));
}

function plain(body: string): UrlResponse {
  return { status: 200, headers: { "content-type": "application/json" }, body };
}

/** Strings without quotes; everything else as compact JSON. Recorded. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/**
 * What comes before the body of a streamed response: JSON with the same members, none of them required, and multiValueHeaders.
 * documented: AWS's client for Rust, and with it the Lambda Web Adapter, sends a repeated header as a list; inferred: so it is sent.
 */
export function streamedHead(prelude: string): UrlResponseHead | undefined {
  const value = parsed(prelude);
  if (!isRecord(value)) return undefined;
  const { statusCode = 200, headers, multiValueHeaders } = value;
  const repeated = headersOf(multiValueHeaders, { mayRepeat: true });
  const head = headOf({ ...value, statusCode, headers }, "application/octet-stream", { mayRepeat: true });
  return head && repeated && { ...head, headers: { ...head.headers, ...repeated } };
}

/** A function that names a status names everything. */
function described(answer: Readonly<Record<string, unknown>>): UrlResponse | undefined {
  const head = headOf(answer, "application/json", { mayRepeat: false });
  const body = bodyOf(answer["body"] ?? "", answer["isBase64Encoded"] === true);
  return head && body !== undefined ? { ...head, body } : undefined;
}

interface HeaderForm {
  /** Whether a list stands for several headers of that name. */
  readonly mayRepeat: boolean;
}

function headOf(
  answer: Readonly<Record<string, unknown>>,
  contentType: string,
  form: HeaderForm,
): UrlResponseHead | undefined {
  const status = statusOf(answer["statusCode"]);
  const headers = headersOf(answer["headers"], form);
  const cookies = answer["cookies"] ?? [];
  if (status === undefined || !headers || !Array.isArray(cookies)) return undefined;
  if (!cookies.every((cookie) => isHeaderValue(String(cookie)))) return undefined;
  const own = headers["set-cookie"];
  const setCookie = [...(own === undefined ? [] : [own].flat()), ...cookies.map(String)]; // inferred: none is lost
  return {
    status,
    headers: {
      "content-type": contentType,
      ...headers,
      ...(setCookie.length > 0 && { "set-cookie": setCookie }),
    },
  };
}

/** A whole number, or its digits, from 200 to 599: interim responses are not the function's to send. */
function statusOf(value: unknown): number | undefined {
  const status = typeof value === "string" && /^\d{3}$/.test(value) ? Number(value) : value;
  if (typeof status !== "number" || !Number.isInteger(status)) return undefined;
  return status >= 200 && status <= 599 ? status : undefined;
}

function headersOf(value: unknown, { mayRepeat }: HeaderForm): Record<string, string | string[]> | undefined {
  if (value === undefined || value === null) return {};
  if (!isRecord(value)) return undefined;
  const headers: Record<string, string | string[]> = {};
  for (const [given, held] of Object.entries(value)) {
    const name = given.toLowerCase();
    if (held === null) continue; // inferred
    const texts = (mayRepeat && Array.isArray(held) ? held : [held]).map(scalarText);
    if (!namePattern.test(name) || !texts.every(isHeaderText)) return undefined;
    if (dropped.has(name)) continue;
    const [only = []] = texts;
    headers[remapped.has(name) ? `x-amzn-remapped-${name}` : name] = texts.length > 1 ? texts : only;
  }
  return headers;
}

function isHeaderText(text: string | undefined): text is string {
  return text !== undefined && isHeaderValue(text);
}

function scalarText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}

function bodyOf(value: unknown, isBase64: boolean): Uint8Array | string | undefined {
  const text = textOf(value);
  if (!isBase64) return text;
  return /^[A-Za-z0-9+/]*={0,2}$/.test(text) ? Buffer.from(text, "base64") : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What HTTP itself can carry: a line break would begin another header. */
export function isHeaderValue(text: string): boolean {
  return valuePattern.test(text);
}

const namePattern = /^[\w!#$%&'*+.^`|~-]+$/;
const valuePattern = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Ours to set, or of a connection that the function does not see: HTTP/2 knows no such headers. */
const dropped: ReadonlySet<string> = new Set([
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-amzn-requestid",
  "x-amzn-trace-id",
]);

/** recalled: AWS moves these out of the way and keeps them. */
const remapped: ReadonlySet<string> = new Set([
  "authorization",
  "connection",
  "content-length",
  "date",
  "host",
  "server",
  "user-agent",
  "www-authenticate",
]);
