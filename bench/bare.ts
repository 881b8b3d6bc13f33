/** The yardstick "bare": a `node:http` server that runs the echo handler in its own process. Prints its port. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const handler = async (event: unknown): Promise<unknown> => event;

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    void handler(JSON.parse(Buffer.concat(chunks).toString())).then((result) => {
      const body = JSON.stringify(result);
      response.writeHead(200, {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
      });
      response.end(body);
    });
  });
});

server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
