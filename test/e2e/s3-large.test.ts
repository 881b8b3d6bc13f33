/**
 * A large object goes in and out while lambdad's memory stays flat. 512 MB; another size in MB:
 *
 *     node test/e2e/s3-large.test.ts --mb 5120
 */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { test } from "node:test";
import { parseArgs } from "node:util";
import * as S3 from "@aws-sdk/client-s3";
import { startServer } from "../harness/server.ts";

const { values: options } = parseArgs({
  options: { mb: { type: "string", default: "512" } },
  strict: false,
});
const blocks = Number(options.mb);
const growthMbMax = 150;

test(`an object of ${blocks} MB goes in and out, and memory stays flat`, async () => {
  const server = await startServer({ args: ["--isolation", "process"] });
  try {
    const s3 = new S3.S3Client({
      endpoint: server.url,
      region: "us-east-1",
      forcePathStyle: true,
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    });
    await s3.send(new S3.CreateBucketCommand({ Bucket: "large" }));
    const block = randomBytes(1024 * 1024);
    const beforeMb = residentMb(server.pid);
    let peakMb = beforeMb;
    const watch = setInterval(() => (peakMb = Math.max(peakMb, residentMb(server.pid))), 50);

    const sent = createHash("md5");
    const asked = request({
      port: server.port,
      method: "PUT",
      path: "/large/object",
      headers: { "content-length": blocks * block.length, expect: "100-continue" },
    });
    await once(asked, "continue");
    for (let at = 0; at < blocks; at += 1) {
      block.writeUInt32LE(at, 0);
      const bytes = Buffer.from(block);
      sent.update(bytes);
      if (!asked.write(bytes)) await once(asked, "drain");
    }
    asked.end();
    const [answer] = (await once(asked, "response")) as [import("node:http").IncomingMessage];
    answer.resume();
    const md5 = sent.digest("hex");
    assert.equal(answer.statusCode, 200);
    assert.equal(answer.headers.etag, `"${md5}"`);

    const received = createHash("md5");
    const got = await s3.send(new S3.GetObjectCommand({ Bucket: "large", Key: "object" }));
    for await (const chunk of got.Body as AsyncIterable<Uint8Array>) received.update(chunk);
    assert.equal(received.digest("hex"), md5);
    clearInterval(watch);
    console.log(`resident before ${beforeMb} MB, at most ${peakMb} MB`);
    assert(peakMb - beforeMb < growthMbMax, `${peakMb - beforeMb} MB more than before`);
  } finally {
    await server.stop();
  }
});

function residentMb(pid: number): number {
  const [, kb] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Math.round(Number(kb) / 1024);
}
