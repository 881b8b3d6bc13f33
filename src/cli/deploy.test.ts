import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../base/clock.ts";
import { ApiError, type Client } from "./client.ts";
import { deploy } from "./deploy.ts";

const runtimes = { python: "python3.13", ruby: "ruby3.3" };
const java = { runtime: "java21", handler: "a.B::c" };

test("a jar is deployed as it is, under its name, and has to be told how it runs", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "lambdad-deploy-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const jar = join(directory, "orders.jar");
  await writeFile(jar, "its bytes");
  const created: unknown[] = [];
  const client = {
    async lambda(method: string, path: string, body?: unknown): Promise<unknown> {
      if (method === "POST") created.push(body);
      else if (created.length === 0) throw new ApiError("ResourceNotFoundException", 404, path);
      return { State: "Active", LastUpdateStatus: "Successful" };
    },
  } as unknown as Client;
  const deps = { client, clock: systemClock, newestRuntimes: async () => runtimes };

  await assert.rejects(deploy(deps, jar, {}), /cannot tell how .*orders\.jar wants to run/);
  await assert.rejects(deploy(deps, jar, { ...java, watch: true }), /--watch takes a folder/);
  await assert.rejects(
    deploy(deps, join(directory, "gone.jar"), java),
    /is neither a folder nor a \.zip or \.jar/,
  );
  assert.deepEqual(created, []);

  await deploy(deps, jar, { ...java, json: true });
  assert.deepEqual(created, [
    {
      FunctionName: "orders",
      Role: "arn:aws:iam::000000000000:role/lambdad",
      Code: { ZipFile: Buffer.from("its bytes").toString("base64") },
      Runtime: "java21",
      Handler: "a.B::c",
    },
  ]);
});
