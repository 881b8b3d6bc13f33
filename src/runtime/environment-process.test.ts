/** The environment with a real program behind real pipes and sockets: what only they can get wrong. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { fixedCatalog, fixedCode, invocation, payloadOf } from "../../test/harness/runtime-stage.ts";
import { versionSpec } from "../../test/harness/fake-environment.ts";
import { systemClock } from "../base/clock.ts";
import { silentLogger } from "../base/logger.ts";
import { systemRandom } from "../base/random.ts";
import { createProcessDriver } from "../isolation/process/process.ts";
import { createRuntimeApi } from "./api/server.ts";
import type { Environment, VersionSpec } from "./contract.ts";
import { startEnvironment } from "./environment.ts";

/** A bootstrap in one screen: prints what the event says, then answers and asks for more in one write. */
const program = `
const net = require("node:net"), fs = require("node:fs");
const socket = net.connect(process.env._LAMBDAD_RUNTIME_SOCKET);
const next = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\n\\r\\n";
let pending = "";
socket.write(next);
socket.on("data", (chunk) => {
  pending += chunk;
  for (let at = pending.indexOf("\\r\\n\\r\\n"); at >= 0; at = pending.indexOf("\\r\\n\\r\\n")) {
    const head = pending.slice(0, at), length = Number(/content-length: (\\d+)/i.exec(head)[1]);
    if (pending.length < at + 4 + length) return;
    const body = pending.slice(at + 4, at + 4 + length);
    pending = pending.slice(at + 4 + length);
    const id = /request-id: (.*)/i.exec(head)?.[1];
    if (id) run(id, JSON.parse(body));
  }
});
function run(id, { lines = 0, exit, bytes = 0 }) {
  for (let line = 0; line < lines; line += 1) fs.writeSync(line % 2 + 1, id + " " + line + "\\n");
  for (let left = bytes; left > 0; left -= 65536) fs.writeSync(1, "x".repeat(65535) + "\\n");
  if (exit !== undefined) process.exit(exit);
  const answer = JSON.stringify({ id });
  socket.write("POST /2018-06-01/runtime/invocation/" + id + "/response HTTP/1.1\\r\\nContent-Length: " + answer.length + "\\r\\n\\r\\n" + answer + next);
}
`;

interface RealStage {
  readonly environment: Environment;
  readonly messages: string[];
}

async function realStage(t: TestContext, spec: Partial<VersionSpec> = {}): Promise<RealStage> {
  const dir = await mkdtemp(join(tmpdir(), "lambdad-"));
  const path = join(dir, "program.cjs");
  await writeFile(path, program);
  const driver = createProcessDriver({ stageDir: join(dir, "stage"), clock: systemClock });
  const common = { clock: systemClock, logger: silentLogger };
  const api = await createRuntimeApi({
    ...common,
    dir: join(dir, "api"),
    hostAddress: driver.hostAddress,
    networked: false,
  });
  const messages: string[] = [];
  const plan = { ...(await fixedCatalog.plan("")), argv: [process.execPath, path], mounts: [] };
  const environment = startEnvironment(
    {
      ...common,
      random: systemRandom,
      driver,
      api,
      catalog: { ...fixedCatalog, plan: async () => plan },
      codeMounts: { ...fixedCode, mount: async () => ({ source: dir, target: "/var/task" }) },
      logs: { append: (_stream, _atMs, text) => void messages.push(text) },
      endpointUrl: "",
      network: "outside",
      credentials: () => ({ accessKeyId: "a", secretAccessKey: "b", sessionToken: "c" }),
    },
    versionSpec({ timeoutMs: 60_000, ...spec }),
  );
  t.after(async () => {
    await environment.shutdown();
    await api.close();
    await driver.close();
    await rm(dir, { recursive: true, force: true });
  });
  await environment.initialised;
  assert.equal(environment.status, "idle");
  return { environment, messages };
}

test("every line is between START and END of the invocation that printed it, a thousand times", async (t) => {
  const { environment, messages } = await realStage(t);
  messages.length = 0;
  const expected: string[] = [];
  for (let count = 0; count < 1000; count += 1) {
    const id = `r-${count}`;
    const result = await environment.invoke(invocation(id, '{"lines":2}'));
    assert.equal(payloadOf(result), JSON.stringify({ id }));
    await environment.settled();
    expected.push(`START RequestId: ${id} Version: $LATEST\n`, `${id} 0\n`, `${id} 1\n`);
    expected.push(`END RequestId: ${id}\n`, "REPORT\n");
  }
  // Two pipes keep no order between them.
  for (let at = 0; at < messages.length; at += 5)
    messages.splice(at + 1, 2, ...messages.slice(at + 1, at + 3).sort());
  assert.deepEqual(
    messages.map((message) => message.replace(/^REPORT .*/, "REPORT")),
    expected,
  );
});

test("a function that prints faster than it is read loses nothing, and is settled after its last line", async (t) => {
  const { environment, messages } = await realStage(t);
  messages.length = 0;
  await environment.invoke(invocation("r-1", '{"bytes":67108864}'));
  await environment.settled();
  const printed = messages.filter((text) => text.startsWith("x"));
  assert.equal(printed.length, 1024);
  assert.ok(printed.every((text) => text.length === 65_536));
});

test("what a program printed before it exited is there when the invocation is settled", async (t) => {
  const { environment, messages } = await realStage(t);
  messages.length = 0;
  const result = await environment.invoke(invocation("r-1", '{"lines":501,"exit":7}'));
  assert.match(payloadOf(result), /exit status 7/);
  await environment.settled();
  assert.equal(messages.filter((text) => text.startsWith("r-1 ")).length, 501);
  assert.equal(environment.status, "down");
  assert.equal(payloadOf(await environment.invoke(invocation("r-2"))), '{"id":"r-2"}');
  await environment.settled();
});
