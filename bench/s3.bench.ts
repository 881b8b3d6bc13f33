/**
 * Objects of 64 KB in and out, and one large object, against a bare `node:http` server that does the same to files
 * (`bare-files.ts`), turn about; the medians of the rounds are compared. Then the time from the answer to a PUT to the
 * handler that its notification runs.
 *
 * The large object has 256 MB unless `S3_BENCH_MB` says otherwise.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { crc32 } from "node:zlib";
import {
  CreateBucketCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { startServer } from "../test/harness/server.ts";
import { enteredAfterMs, nowMs } from "./entered.ts";
import { median } from "./load.ts";
import type { Row } from "./row.ts";

const rounds = 3;
const measureMs = 2000;
const connections = 16;
const smallBytes = 64 * 1024;
const largeBytes = Number(process.env["S3_BENCH_MB"] ?? 256) * 1024 * 1024;
const samples = 100;
const Bucket = "bench";

export async function run(): Promise<Row[]> {
  const bare = spawn(process.execPath, [new URL("bare-files.ts", import.meta.url).pathname], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [port] = (await once(bare.stdout, "data")) as [Buffer];
  const server = await startServer();
  try {
    const s3 = clientOf(server.url);
    await s3.send(new CreateBucketCommand({ Bucket }));
    const targets = { bare: Number(port.toString()), lambdad: server.port } as const;
    const small: Measured = { bare: { put: [], get: [] }, lambdad: { put: [], get: [] } };
    const large: Measured = { bare: { put: [], get: [] }, lambdad: { put: [], get: [] } };
    for (let round = 0; round < rounds; round += 1) {
      for (const name of ["bare", "lambdad"] as const) {
        small[name].put.push(await perSecond(targets[name], "PUT"));
        small[name].get.push(await perSecond(targets[name], "GET"));
      }
    }
    for (let round = 0; round < 2; round += 1) {
      for (const name of ["bare", "lambdad"] as const) {
        large[name].put.push(await upload(targets[name]));
        large[name].get.push(await download(targets[name]));
      }
    }
    const rows = (["put", "get"] as const).flatMap((kind) => [
      row(`64 KB ${kind.toUpperCase()}, 16 connections ÷ bare`, small, kind, "requests/s", "≥ 0.25"),
      row(
        `${largeBytes >> 20} MB ${kind.toUpperCase()} ÷ bare${kind === "put" ? " with MD5" : ""}`,
        large,
        kind,
        "MB/s",
        "≥ 0.5",
      ),
    ]);
    const latencyMs = await notificationMs();
    return [
      ...rows,
      {
        id: "",
        what: "S3 PUT returned to handler entered, p50",
        value: latencyMs,
        yardstick: Number.NaN,
        result: latencyMs,
        unit: "ms",
        goal: "≤ 10",
      },
    ];
  } finally {
    bare.kill();
    await server.stop();
  }
}

type Kind = "put" | "get";
type Measured = Record<"bare" | "lambdad", Record<Kind, number[]>>;

function row(what: string, measured: Measured, kind: Kind, unit: string, goal: string): Row {
  const value = median(measured.lambdad[kind]);
  const yardstick = median(measured.bare[kind]);
  return { id: "", what, value, yardstick, result: value / yardstick, unit, goal };
}

const agent = new Agent({ keepAlive: true, maxSockets: connections });
const smallBody = randomBytes(smallBytes);
const smallHeaders = {
  "content-length": smallBytes,
  "x-amz-checksum-crc32": Buffer.from(crc32(smallBody).toString(16).padStart(8, "0"), "hex").toString(
    "base64",
  ),
};

/** Each connection has objects of its own. */
async function perSecond(port: number, method: "PUT" | "GET"): Promise<number> {
  const endMs = performance.now() + measureMs;
  let done = 0;
  const drive = async (connection: number) => {
    for (let n = 0; performance.now() < endMs; n += 1) {
      const path = `/${Bucket}/small-${connection}-${method === "PUT" ? n % 50 : 0}`;
      const headers = method === "PUT" ? smallHeaders : {};
      await exchange(port, method, path, headers, method === "PUT" ? [smallBody] : []);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, (_, connection) => drive(connection)));
  return done / (measureMs / 1000);
}

const block = randomBytes(1024 * 1024);

async function upload(port: number): Promise<number> {
  let crc = 0;
  const blocks = largeBytes / block.length;
  for (let at = 0; at < blocks; at += 1) crc = crc32(block, crc);
  const headers = {
    "content-length": largeBytes,
    "x-amz-checksum-crc32": Buffer.from(crc.toString(16).padStart(8, "0"), "hex").toString("base64"),
  };
  const sinceMs = performance.now();
  await exchange(
    port,
    "PUT",
    `/${Bucket}/large`,
    headers,
    Array.from({ length: blocks }, () => block),
  );
  return mbPerSecond(sinceMs);
}

async function download(port: number): Promise<number> {
  const sinceMs = performance.now();
  const received = await exchange(port, "GET", `/${Bucket}/large`, {}, []);
  if (received !== largeBytes) throw new Error(`${received} bytes came back`);
  return mbPerSecond(sinceMs);
}

function mbPerSecond(sinceMs: number): number {
  return largeBytes / 2 ** 20 / ((performance.now() - sinceMs) / 1000);
}

/** Answers how many bytes came back. */
function exchange(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string | number>,
  body: readonly Uint8Array[],
): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ port, method, path, headers, agent }, (response) => {
      let received = 0;
      response.on("data", (chunk: Buffer) => (received += chunk.length));
      response.on("end", () =>
        response.statusCode === 200 ? resolve(received) : reject(new Error(`status ${response.statusCode}`)),
      );
    });
    asked.on("error", reject);
    void (async () => {
      for (const bytes of body) if (!asked.write(bytes)) await once(asked, "drain");
      asked.end();
    })();
  });
}

function notificationMs(): Promise<number> {
  return enteredAfterMs({
    principal: "s3.amazonaws.com",
    number: "event.Records[0].s3.object.key",
    samples,
    async connect({ endpoint }, LambdaFunctionArn) {
      const s3 = clientOf(endpoint);
      await s3.send(new CreateBucketCommand({ Bucket }));
      const LambdaFunctionConfigurations = [{ LambdaFunctionArn, Events: ["s3:ObjectCreated:*" as const] }];
      await s3.send(
        new PutBucketNotificationConfigurationCommand({
          Bucket,
          NotificationConfiguration: { LambdaFunctionConfigurations },
        }),
      );
      return async (n) => {
        await s3.send(new PutObjectCommand({ Bucket, Key: String(n), Body: "x" }));
        return nowMs();
      };
    },
  });
}

function clientOf(url: string): S3Client {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  return new S3Client({ endpoint: url, region: "us-east-1", forcePathStyle: true, credentials });
}
