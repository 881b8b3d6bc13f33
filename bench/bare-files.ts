/**
 * The yardstick of S3's bench: a `node:http` server that does the same to files, and nothing else. PUT hashes the body
 * (MD5), writes it to a new file, makes file and directory durable, renames; GET sends the file. Prints its port.
 */
import { createHash, randomBytes } from "node:crypto";
import { createReadStream, createWriteStream, mkdtempSync } from "node:fs";
import { open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";

const dir = mkdtempSync(join(tmpdir(), "lambdad-bare-"));
process.on("exit", () => void rm(dir, { recursive: true, force: true }));
const largeBytes = 1024 * 1024;

const server = createServer((request, response) => {
  const path = join(dir, basename(request.url ?? "/"));
  const work = request.method === "PUT" ? put(path, request, response) : get(path, response);
  work.catch((error: unknown) => response.writeHead(500).end(String(error)));
});

async function put(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const temp = `${path}.${randomBytes(8).toString("hex")}`;
  const hash = createHash("md5");
  if (Number(request.headers["content-length"]) > largeBytes) {
    const hashing = new Transform({
      transform(chunk: Buffer, _, done) {
        hash.update(chunk);
        done(null, chunk);
      },
    });
    await pipeline(request, hashing, createWriteStream(temp));
  } else {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    hash.update(bytes);
    await writeFile(temp, bytes);
  }
  await sync(temp);
  await rename(temp, path);
  await sync(dir);
  response.writeHead(200, { etag: hash.digest("hex"), "content-length": "0" }).end();
}

async function sync(path: string): Promise<void> {
  const file = await open(path, "r");
  await file.sync();
  await file.close();
}

async function get(path: string, response: ServerResponse): Promise<void> {
  const { size } = await stat(path);
  response.writeHead(200, { "content-length": size });
  if (size > largeBytes) return pipeline(createReadStream(path), response);
  response.end(await readFile(path));
}

server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
