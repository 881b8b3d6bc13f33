/**
 * `node test/fuzz/gateway.fuzz.ts --requests 1000000 [--seed 1]`: mutated requests for every operation of every
 * service, most through the bare pipeline, some as raw bytes through a socket (HTTP/1 and HTTP/2). Every answer must be
 * well-formed, none may be a 5xx (the handlers behind cannot fail), nothing may crash, and nothing may be left over:
 * no running request, no held byte, no handle, no growth of the heap. Prints one line with the seed.
 */
import { validateHeaderName, validateHeaderValue } from "node:http";
import { connect } from "node:net";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Random, seededRandom } from "../../src/base/random.ts";
import type { Exchange } from "../../src/gateway/exchange.ts";
import type { Service } from "../../src/services/service.ts";
import { loadModel, serviceNames } from "../../src/wire/model-load.ts";
import type { WireResponse } from "../../src/wire/protocol.ts";
import { createTestGateway, fakeExchange, fakeService, type TestGateway } from "../harness/gateway.ts";
import { gatewayCorpus, type Seed } from "./gateway-corpus.ts";
import { mutate, mutateBytes } from "./mutation.ts";
import { pick } from "./plausible.ts";

export interface FuzzResult {
  readonly requests: number;
  readonly raw: number;
  /** By first digit of the status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** What went wrong, the first few of each kind. */
  readonly faults: readonly string[];
  readonly heapGrowthMb: number;
}

/** One of this many goes through a socket; one of the other through signature verification. */
const rawShare = 50;
const secureShare = 10;
const faultsKeptMax = 20;

/** `makeService`: what stands behind the gateway; only a test of the fuzzer itself has another. */
export async function fuzzGateway(
  requests: number,
  seed: number,
  makeService: (name: string) => Service = willing,
): Promise<FuzzResult> {
  const random = seededRandom(seed);
  const corpus = gatewayCorpus(random, serviceNames);
  const services = serviceNames.map(makeService);
  const open = createTestGateway({ services });
  const secure = createTestGateway({ services, secure: true });
  const { port } = await open.gateway.listen({ host: "127.0.0.1", port: 0, admin: true });
  const statuses: Record<string, number> = {};
  const faults: string[] = [];
  let raw = 0;
  let heapBefore = 0;

  function record(status: number | string, fault: string | undefined) {
    const kind = `${String(status).charAt(0)}xx`;
    statuses[kind] = (statuses[kind] ?? 0) + 1;
    if (fault !== undefined && faults.length < faultsKeptMax) faults.push(fault);
  }

  for (let at = 0; at < requests; at += 1) {
    // Everything has been loaded and compiled once by now: from here on the heap may not grow.
    if (at === Math.floor(requests / 2)) heapBefore = heapAfterCollection();
    const mutated = mutate(pick(random, corpus), corpus, random);
    if (at % rawShare === 0) {
      raw += 1;
      const answer = await sendRaw(port, mutateBytes(serialised(mutated, random), random, 3));
      record(answer.slice(9, 10) || "none", rawFault(answer));
    } else {
      const gateway = at % secureShare === 1 ? secure : open;
      const response = await answerOrThrow(gateway, mutated);
      record(response.status, await responseFault(response, mutated, gateway));
    }
    open.log.length = 0;
    secure.log.length = 0;
  }

  const heapGrowthMb = Math.round((heapAfterCollection() - heapBefore) / 1e6);
  await open.gateway.close(1000);
  faults.push(...leftOvers(open), ...leftOvers(secure));
  return { requests, raw, statuses, faults, heapGrowthMb };
}

/** A service whose every handler succeeds, reading its input's stream if it has one. */
function willing(name: string): Service {
  const handlers: Record<string, (input: Record<string, unknown>) => Promise<object>> = {};
  for (const { name: operation, output } of loadModel(name).operations.values()) {
    const events = output.members.find(({ shape }) => shape.isEventStream);
    handlers[operation] = async (input) => {
      for (const value of Object.values(input)) if (isStream(value)) for await (const _ of value);
      return events ? { [events.name]: (async function* () {})() } : {};
    };
  }
  return fakeService(name, handlers);
}

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

async function answerOrThrow(gateway: TestGateway, { method, path, query, headers, body }: Seed) {
  const exchange: Exchange = fakeExchange({ method, path, query, headers, body });
  return await gateway.pipeline.answer(exchange);
}

/** What is wrong with it; undefined: nothing. */
export async function responseFault(response: WireResponse, request: Seed, gateway: TestGateway) {
  const { status, headers, body } = response;
  const describe = (what: string) =>
    `${what}: ${request.method} ${request.path}?${request.query} ${JSON.stringify(request.headers)} ` +
    `${JSON.stringify(request.body.toString("latin1").slice(0, 400))} -> ${gateway.log.join("").slice(0, 800)}`;
  if (status >= 500 || status < 200) return describe(`status ${status}`);
  if (headers["x-amzn-requestid"] === undefined) return describe("no request id");
  for (const [name, value] of Object.entries(headers)) {
    try {
      validateHeaderName(name);
      for (const one of [value].flat()) validateHeaderValue(name, one);
    } catch {
      return describe(`header ${name}: ${JSON.stringify(value)}`);
    }
  }
  const text = await textOf(body);
  const type = String(headers["content-type"] ?? "");
  if (type.includes("json") && text !== "" && !isJson(text)) return describe(`not JSON: ${text}`);
  if (type.includes("xml") && text !== "" && !text.startsWith("<")) return describe(`not XML: ${text}`);
  return undefined;
}

export async function textOf(body: WireResponse["body"]): Promise<string> {
  if (body === undefined || typeof body === "string") return body ?? "";
  if (body instanceof Uint8Array) return Buffer.from(body).toString("latin1");
  let text = "";
  for await (const part of body) text += Buffer.from(part).toString("latin1");
  return text;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Whatever we send, what comes back is HTTP, or nothing because we were cut off. */
function rawFault(answer: string): string | undefined {
  if (answer === "" || answer.startsWith(http2Settings)) return undefined;
  const status = /^HTTP\/1\.1 (\d{3}) [\w ]*\r\n/.exec(answer)?.[1];
  if (status === undefined) return `not HTTP: ${JSON.stringify(answer.slice(0, 200))}`;
  return Number(status) >= 500 && status !== "503" && status !== "505"
    ? `raw ${status}: ${answer.slice(0, 400)}`
    : undefined;
}

function sendRaw(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    let answer = "";
    // Half of a request is a request that we never finish: our end is the server's cue to give up.
    const timer = setTimeout(() => reject(new Error(`no end after: ${bytes.toString("latin1")}`)), 20_000);
    socket.on("data", (part) => (answer += part.toString("latin1")));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(answer);
    });
    socket.on("end", () => socket.destroy());
    socket.end(bytes);
  });
}

function serialised({ method, path, query, headers, body }: Seed, random: Random): Buffer {
  if (random.float() < 0.1) return Buffer.concat([http2Preface, random.bytes(40)]);
  const lines = Object.entries({ host: "localhost", ...headers, "content-length": String(body.length) });
  const target = query === "" ? path : `${path}?${query}`;
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return Buffer.concat([
    Buffer.from(`${method} ${target} HTTP/1.1\r\n${head}connection: close\r\n\r\n`),
    body,
  ]);
}

const http2Preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const http2Settings = "\0\0";

function leftOvers({ metrics }: TestGateway): string[] {
  const text = metrics.render();
  return ["lambdad_gateway_running_requests", "lambdad_gateway_held_bytes"].flatMap((name) => {
    const value = new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1];
    return value === "0" ? [] : [`${name} is ${value} in the end`];
  });
}

function heapAfterCollection(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { requests: { type: "string" }, seed: { type: "string" } } });
  const requests = Number(values.requests ?? 100_000);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  const handlesBefore = process.getActiveResourcesInfo().length;
  const startedAt = performance.now();
  const result = await fuzzGateway(requests, seed);
  const handles = process.getActiveResourcesInfo().length - handlesBefore;
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  const isGood = result.faults.length === 0 && result.heapGrowthMb < 32 && handles <= 2;
  for (const fault of result.faults) console.error(fault);
  console.log(
    `gateway fuzz ${isGood ? "passed" : "FAILED"}: seed=${seed} requests=${requests} raw=${result.raw} ` +
      `statuses=${JSON.stringify(result.statuses)} faults=${result.faults.length} ` +
      `heapGrowthMb=${result.heapGrowthMb} handles=${handles} seconds=${seconds}`,
  );
  process.exitCode = isGood ? 0 : 1;
}
