/**
 * The official SDK's clients as oracles: what a client makes of an input is caught before it is sent, and what we write
 * is given to it as the answer.
 */
import { Readable } from "node:stream";
import type { Operation, ProtocolId } from "../../../src/wire/model.ts";
import type { WireRequest, WireResponse } from "../../../src/wire/protocol.ts";

interface SdkRequest {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

interface SdkClient {
  send(command: unknown): Promise<Record<string, unknown>>;
  destroy(): void;
}

type Constructor<T> = new (options: unknown) => T;

/** Answers what the client sends. */
export type Answer = (request: WireRequest) => WireResponse;

export interface Oracle {
  call(operation: Operation, input: unknown, answer: Answer): Promise<Record<string, unknown>>;
  close(): void;
}

/** `options`: further configuration of the client, such as another protocol. */
export async function openOracle(
  service: string,
  options: Readonly<Record<string, unknown>> = {},
): Promise<Oracle> {
  const sdk = (await import(`@aws-sdk/client-${service}`)) as Record<string, unknown>;
  const clientName = Object.keys(sdk).find((name) => name.endsWith("Client") && name !== "__Client");
  const checks = service === "sqs" ? { md5: false } : {}; // random digests do not fit random bodies
  let answer: Answer | undefined;
  const client = new (sdk[clientName ?? ""] as Constructor<SdkClient>)({
    region: "us-east-1",
    endpoint: "http://localhost:4566",
    credentials: { accessKeyId: "a", secretAccessKey: "b" },
    maxAttempts: 1,
    disableHostPrefix: true,
    forcePathStyle: true,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: {
      async handle(request: SdkRequest) {
        if (!answer) throw new Error("a request without a test");
        return { response: toSdk(answer(await fromSdk(request))) };
      },
    },
    ...checks,
    ...options,
  });
  return {
    async call(operation, input, answerOnce) {
      answer = answerOnce;
      const command = new (sdk[`${operation.name}Command`] as Constructor<unknown>)(input);
      const { $metadata: _, ...output } = await client.send(command);
      return collectStreams(output);
    },
    close: () => client.destroy(),
  };
}

async function fromSdk(request: SdkRequest): Promise<WireRequest> {
  const query = Object.entries(request.query ?? {}).flatMap(([name, value]) =>
    [value ?? ""].flat().map((v) => `${encodeURIComponent(name)}=${encodeURIComponent(v)}`),
  );
  return {
    method: request.method,
    path: request.path,
    query: query.join("&"),
    headers: Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]),
    ),
    body: await bytesOf(request.body),
  };
}

async function bytesOf(body: unknown): Promise<Uint8Array> {
  if (body === undefined || body === null) return new Uint8Array();
  if (typeof body === "string") return Buffer.from(body);
  if (body instanceof Uint8Array) return body;
  return Buffer.concat(await Readable.from(body as AsyncIterable<Uint8Array>).toArray());
}

function toSdk(response: WireResponse): object {
  const { body } = response;
  const portions =
    typeof body === "string" || body instanceof Uint8Array ? [Buffer.from(body)] : (body ?? []);
  return { statusCode: response.status, headers: response.headers, body: Readable.from(portions) };
}

/** Streamed bodies as bytes. */
async function collectStreams(output: Record<string, unknown>): Promise<Record<string, unknown>> {
  const entries = Object.entries(output).map(async ([name, value]) => [
    name,
    value instanceof Readable ? Buffer.concat(await value.toArray()) : value,
  ]);
  return Object.fromEntries(await Promise.all(entries)) as Record<string, unknown>;
}

/** What the router finds: the labels of the path. S3's bucket comes before the path of its model. */
export function labelsOf(operation: Operation, protocol: ProtocolId, path: string): Record<string, string> {
  const labels: Record<string, string> = {};
  if (!protocol.startsWith("rest")) return labels;
  const segments = path.slice(1).split("/");
  if (operation.service.name === "s3" && operation.input.memberByName.has("Bucket")) {
    labels["Bucket"] = segments.shift() ?? "";
  }
  const [template = ""] = (operation.http?.uri ?? "/").split("?");
  template
    .slice(1)
    .split("/")
    .forEach((part, i) => {
      const label = /^\{([^}+]+)(\+?)\}$/.exec(part);
      if (label?.[1]) labels[label[1]] = label[2] ? segments.slice(i).join("/") : (segments[i] ?? "");
    });
  return labels;
}
