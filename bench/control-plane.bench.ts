/**
 * Lambda's control plane with 10,000 functions stored: GetFunction of functions all over the place, and ListFunctions
 * through all of them, page by page. The store is filled by the service's own code, in this process, before lambdad
 * starts on it. The server's time is what one connection sees, less what it sees of a bare `node:http` server.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { paginateListFunctions } from "@aws-sdk/client-lambda";
import { systemClock } from "../src/base/clock.ts";
import { silentLogger } from "../src/base/logger.ts";
import { systemRandom } from "../src/base/random.ts";
import { CodeStore } from "../src/services/lambda/code-store.ts";
import { lambdaCollections } from "../src/services/lambda/collections.ts";
import { newConfiguration } from "../src/services/lambda/domain/configuration.ts";
import { activationEnded, created } from "../src/services/lambda/domain/lifecycle.ts";
import { Functions } from "../src/services/lambda/store.ts";
import { openSqliteStore } from "../src/store/sqlite/sqlite-store.ts";
import { startServer } from "../test/harness/server.ts";
import { zipOf } from "../test/harness/zip.ts";
import { echoSources, lambdaClient, signedInvoke, signedRequest } from "./echo.ts";
import { load, median } from "./load.ts";
import type { Row } from "./row.ts";

const functionCount = 10_000;
const askedCount = 200;
const pageItems = 50;
const rounds = 3;
const account = "000000000000";
const region = "us-east-1";

export async function run(): Promise<Row[]> {
  const dataDir = await mkdtemp(join(tmpdir(), "lambdad-bench-"));
  await fill(join(dataDir, "store"));
  const bare = spawn(process.execPath, [new URL("bare.ts", import.meta.url).pathname], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [barePort] = (await once(bare.stdout, "data")) as [Buffer];
  const server = await startServer({ dataDir });
  try {
    const yardstick = { port: Number(barePort.toString()), requests: [signedInvoke(server.url)] };
    const gets = { port: server.port, requests: getRequests(server.url) };
    const lists = { port: server.port, requests: await listRequests(server.url) };
    const figures: Record<"getMs" | "bareMs" | "pages" | "barePerSecond", number[]> = {
      getMs: [],
      bareMs: [],
      pages: [],
      barePerSecond: [],
    };
    for (let round = 0; round < rounds; round += 1) {
      const measured = async (target: typeof gets, connections: number) => {
        const result = await load({ ...target, connections, warmupMs: 1000, measureMs: 3000 });
        if (result.failures > 0) throw new Error(`${result.failures} requests failed`);
        return result;
      };
      figures.bareMs.push((await measured(yardstick, 1)).p50Ms);
      figures.getMs.push((await measured(gets, 1)).p50Ms);
      figures.barePerSecond.push((await measured(yardstick, 16)).perSecond);
      figures.pages.push((await measured(lists, 16)).perSecond);
    }
    const [getMs, bareMs] = [median(figures.getMs), median(figures.bareMs)];
    const [pages, barePerSecond] = [median(figures.pages), median(figures.barePerSecond)];
    return [
      {
        id: "",
        what: `GetFunction with ${functionCount} functions stored, one connection: p50 added over bare`,
        value: getMs,
        yardstick: bareMs,
        result: getMs - bareMs,
        unit: "ms",
        goal: "≤ 2 ms",
      },
      {
        id: "",
        what: `ListFunctions through ${functionCount} functions, ${lists.requests.length} pages, 16 connections: rate ÷ bare`,
        value: pages,
        yardstick: barePerSecond,
        result: pages / barePerSecond,
        unit: "requests/s",
        goal: "≥ 0.1",
      },
    ];
  } finally {
    bare.kill();
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

function nameOf(index: number): string {
  return `function-${String(index).padStart(5, "0")}`;
}

async function fill(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  const store = await openSqliteStore({ dir, clock: systemClock, logger: silentLogger });
  const collections = lambdaCollections(store);
  const functions = new Functions(store, collections);
  const codeMounts = { async remove() {} };
  const codeStore = new CodeStore({ store, collections, codeMounts, random: systemRandom });
  const bytes = await zipOf(echoSources);
  const { code, release } = await codeStore.stage({ bytes, unzippedBytes: 100 });
  const stamp = { nowMs: systemClock.now(), uuid: () => systemRandom.uuid() };
  const make = async (index: number): Promise<void> => {
    const FunctionName = nameOf(index);
    const input = {
      FunctionName,
      Runtime: "nodejs24.x" as const,
      Handler: "index.handler",
      Role: `arn:aws:iam::${account}:role/any`,
      Description: "one of many",
      Environment: { Variables: { STAGE: "bench", TABLE: "orders" } },
      Code: {},
    };
    const origin = { name: FunctionName, code, layers: [], changeId: stamp.uuid(), ...stamp };
    const configuration = newConfiguration(input, { ...origin, architecture: "x86_64" });
    const id = { account, region, name: FunctionName };
    const fn = created({ id, configuration, tags: { team: "bench" }, publish: false }, stamp);
    const end = { kind: "ready", runtimeVersionArn: "arn:aws:lambda:us-east-1::runtime:00" } as const;
    await functions.create(activationEnded(fn, { changeId: configuration.changeId, end }, stamp));
  };
  for (let first = 0; first < functionCount; first += 1000) {
    await Promise.all(Array.from({ length: 1000 }, (_, index) => make(first + index)));
  }
  release();
  functions.close();
  await store.close();
}

/** Spread over all of them, in no order. */
function getRequests(url: string): string[] {
  return Array.from({ length: askedCount }, (_, index) =>
    signedRequest(url, {
      method: "GET",
      path: `/2015-03-31/functions/${nameOf((index * 7919) % functionCount)}`,
    }),
  );
}

/** One for each page. */
async function listRequests(url: string): Promise<string[]> {
  const requests: string[] = [];
  let marker: string | undefined;
  const pages = paginateListFunctions({ client: lambdaClient(url), pageSize: pageItems }, {});
  for await (const { NextMarker } of pages) {
    const markerQuery = marker === undefined ? "" : `Marker=${encodeURIComponent(marker)}&`;
    const query = `${markerQuery}MaxItems=${pageItems}`;
    requests.push(signedRequest(url, { method: "GET", path: "/2015-03-31/functions", query }));
    marker = NextMarker;
  }
  return requests;
}
