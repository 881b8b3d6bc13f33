/**
 * A gateway with small fake services behind it: on a real port for clients, or as a bare pipeline that takes exchanges
 * made of nothing. What the fakes saw, and what was logged, can be read afterwards.
 */
import { createAdmin, type AdminRoute } from "../../src/gateway/admin.ts";
import type { Exchange } from "../../src/gateway/exchange.ts";
import { createGateway, type Gateway } from "../../src/gateway/http.ts";
import { createPipeline, type Pipeline } from "../../src/gateway/pipeline.ts";
import { systemClock, type Clock } from "../../src/base/clock.ts";
import { createLogger } from "../../src/base/logger.ts";
import { createMetrics, type Metrics } from "../../src/base/metrics.ts";
import { systemRandom } from "../../src/base/random.ts";
import { TemporaryCredentials } from "../../src/wire/temporary-credentials.ts";
import type { Context, Operations, Service, WebRoute } from "../../src/services/service.ts";

export const testTemporary = new TemporaryCredentials(new Uint8Array(32), systemRandom);
export const testKeys = { accessKeyId: "AKIDTEST", secretAccessKey: "secret" };

export interface TestGateway {
  readonly pipeline: Pipeline;
  readonly gateway: Gateway;
  readonly metrics: Metrics;
  /** Lines of the log. */
  readonly log: string[];
}

export interface TestGatewayOptions {
  readonly services: readonly Service[];
  readonly secure?: boolean;
  /** Left out: the test keys are the operator's. */
  readonly accessKey?: string;
  readonly clock?: Clock;
  readonly routes?: readonly AdminRoute[];
}

export function createTestGateway(options: TestGatewayOptions): TestGateway {
  const clock = options.clock ?? systemClock;
  const metrics = createMetrics();
  const log: string[] = [];
  const logger = createLogger({ clock, level: "debug", format: "json", write: (line) => log.push(line) });
  const services = options.services;
  const admin = createAdmin({
    version: "0.0.0",
    isolation: "fake",
    services: services.map(({ name }) => name),
    metrics,
    routes: options.routes ?? [],
  });
  const pipeline = createPipeline({
    secure: options.secure ?? false,
    defaultRegion: "us-east-1",
    defaultAccount: "000000000000",
    services,
    keyStore: (key) => (key === testKeys.accessKeyId ? testKeys.secretAccessKey : undefined),
    temporary: testTemporary,
    accessKey: options.accessKey ?? testKeys.accessKeyId,
    admin,
    clock,
    random: systemRandom,
    logger,
    metrics,
  });
  const gateway = createGateway({ pipeline, clock, logger, metrics });
  gateway.open();
  return { pipeline, metrics, log, gateway };
}

type Handler = (input: Record<string, unknown>, ctx: Context) => Promise<object>;

/** Handlers whose inputs the test itself knows. */
export function fakeService(
  name: string,
  handlers: Readonly<Record<string, Handler | { notImplemented: string }>>,
  web?: WebRoute,
): Service {
  const operations: Record<string, Operations[string]> = {};
  for (const [operation, handler] of Object.entries(handlers)) {
    operations[operation] = typeof handler === "function" ? handler : handler;
  }
  return { name, operations, ...(web ? { web } : {}) };
}

/** Lambda's Invoke answers its payload; the others show what a handler was given, or what happens when one fails. */
export function echoLambda(): Service {
  return fakeService("lambda", {
    async Invoke({ Payload, FunctionName }) {
      return { StatusCode: 200, ExecutedVersion: FunctionName, Payload: Payload ?? new Uint8Array() };
    },
    async ListFunctions(_input, ctx) {
      const { account, region, identity, endpoint } = ctx;
      const seen = [account, region, identity.signed, endpoint].join(" ");
      return { Functions: [{ FunctionName: seen }] };
    },
    async GetFunction() {
      throw new TypeError("a bug with a secret in it");
    },
    CreateFunction: async () => ({ FunctionName: "made" }),
    PublishLayerVersion: { notImplemented: "layers are not there yet" },
  });
}

/** An object store of one object. */
export function tinyS3(): Service {
  return fakeService("s3", {
    async PutObject({ Bucket, Key, Body }) {
      let size = 0;
      for await (const bytes of Body as AsyncIterable<Uint8Array>) size += bytes.length;
      return { ETag: `"${String(Bucket)}/${encodeURIComponent(String(Key))}/${size}"` };
    },
    async GetObject() {
      async function* body() {
        yield Buffer.from("hello ");
        yield Buffer.from("world");
      }
      return { Body: body() };
    },
    ListObjectsV2: async ({ Bucket }) => ({ Name: Bucket, KeyCount: 0 }),
  });
}

export interface FakeRequest {
  readonly method?: string;
  readonly path?: string;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly admin?: boolean;
}

/** An exchange without a socket. */
export function fakeExchange(request: FakeRequest): Exchange {
  const body = request.body ?? new Uint8Array();
  return {
    method: request.method ?? "GET",
    path: request.path ?? "/",
    query: request.query ?? "",
    headers: { host: "127.0.0.1:4566", ...request.headers },
    listener: { url: "http://127.0.0.1:4566", admin: request.admin ?? true },
    remoteAddress: "127.0.0.1",
    isGone: false,
    signal: new AbortController().signal,
    collect: () => Promise.resolve(body),
    async *stream() {
      yield body;
    },
  };
}
