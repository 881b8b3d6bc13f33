/**
 * `node test/fuzz/services.fuzz.ts --requests 100000 [--seed 1] [--service s3]`: mutated requests for every operation that
 * there is, to the services as they are (`services.ts`). Every answer must be well-formed, none may be a 5xx but S3's "not
 * implemented", none may fail to come, nothing may crash. Prints one line with the seed.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { SimClock } from "../../src/base/clock-sim.ts";
import { seededRandom } from "../../src/base/random.ts";
import { createTestGateway, fakeExchange, type TestGateway } from "../harness/gateway.ts";
import { kindsOf, type Seed, seedOf } from "./gateway-corpus.ts";
import { responseFault, textOf } from "./gateway.fuzz.ts";
import { mutate } from "./mutation.ts";
import { pick, Words } from "./plausible.ts";
import { createServices } from "./services.ts";

export interface ServicesFuzzResult {
  readonly statuses: Readonly<Record<string, number>>;
  /** Operations that have succeeded at least once. */
  readonly succeeded: ReadonlySet<string>;
  /** What went wrong, once of each kind. */
  readonly faults: readonly string[];
}

/** Then the services are made anew: most of what they had is deleted by then. */
const requestsPerLife = 2000;
/** Are sent as they were made. */
const untouchedShare = 0.4;
/** From which mutation takes bodies. */
const earlierMax = 100;
/** Virtual time in which an answer must come: long polls have twenty seconds. */
const answerMsMax = 120_000;

export async function fuzzServices(
  requests: number,
  seed: number,
  isWanted: (service: string) => boolean = () => true,
): Promise<ServicesFuzzResult> {
  const random = seededRandom(seed);
  const statuses: Record<string, number> = {};
  const succeeded = new Set<string>();
  const faults = new Map<string, string>();
  for (let left = requests; left > 0; left -= requestsPerLife) {
    const { services, clock } = await createServices();
    const gateway = createTestGateway({ services });
    const names = services.map(({ name }) => name).filter(isWanted);
    const kinds = kindsOf(names);
    const words = new Words(random);
    const earlier: Seed[] = [];
    for (let at = 0; at < Math.min(left, requestsPerLife); at += 1) {
      const kind = pick(random, kinds);
      const made = seedOf(kind, words);
      earlier[at % earlierMax] = made;
      const isUntouched = random.float() < untouchedShare;
      const request = isUntouched ? made : mutate(made, earlier, random);
      const { status, text, fault } = await answered(gateway, request, clock);
      const statusClass = `${String(status).charAt(0)}xx`;
      statuses[statusClass] = (statuses[statusClass] ?? 0) + 1;
      if (isUntouched && statusClass === "2xx") {
        succeeded.add(`${kind.model.name} ${kind.operation.name}`);
        words.learn(text);
      }
      // One of a kind: where it was thrown.
      if (fault !== undefined)
        faults.set(/ at [^\n]*?\(?(src[^)\s]*|\/[^)\s]*)/.exec(fault)?.[1] ?? fault, fault);
      gateway.log.length = 0;
    }
  }
  return { statuses, succeeded, faults: [...faults.values()] };
}

interface Judged {
  readonly status: number;
  readonly text: string;
  /** Undefined: none. */
  readonly fault: string | undefined;
}

async function answered(gateway: TestGateway, request: Seed, clock: SimClock): Promise<Judged> {
  let judged: Judged | undefined;
  const sent = answerOf(gateway, request).then((given) => (judged = given));
  const patienceEndMs = performance.now() + 10_000;
  for (let waitedMs = 0; !judged; waitedMs += 500) {
    // Time is ours, but what decompresses has threads of its own.
    if (waitedMs > answerMsMax) await sleep(1);
    if (performance.now() > patienceEndMs)
      return { status: 0, text: "", fault: `no answer: ${described(request)}` };
    await clock.advance(waitedMs === 0 ? 0 : 500);
  }
  return await sent;
}

function described({ method, path, query, headers, body }: Seed): string {
  return `${method} ${path}?${query} ${JSON.stringify(headers)} ${body.toString("latin1").slice(0, 400)}`;
}

async function answerOf(gateway: TestGateway, request: Seed): Promise<Judged> {
  const response = await gateway.pipeline.answer(fakeExchange(request));
  const { status } = response;
  const body = await textOf(response.body);
  const judged = { ...response, body, status: status === 501 ? 400 : status };
  return { status, text: body, fault: await responseFault(judged, request, gateway) };
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { requests: { type: "string" }, seed: { type: "string" }, service: { type: "string" } },
  });
  const requests = Number(values.requests ?? 100_000);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  const { service } = values;
  console.log(`seed ${seed}`);
  const result = await fuzzServices(requests, seed, (name) => service === undefined || name === service);
  for (const fault of result.faults) console.error(fault);
  console.log(
    `services fuzz ${result.faults.length === 0 ? "passed" : "FAILED"}: seed=${seed} requests=${requests} ` +
      `statuses=${JSON.stringify(result.statuses)} succeeded=${result.succeeded.size} faults=${result.faults.length}`,
  );
  process.exitCode = result.faults.length === 0 ? 0 : 1;
}
