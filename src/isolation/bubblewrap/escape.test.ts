/**
 * D1: real attempts to get out, in a sandbox beside another one, on this machine only. What lambdad offers is reachable,
 * everything else is not; each attack that can succeed at all is shown to succeed without a sandbox.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import { systemRandom } from "../../base/random.ts";
import type { Driver, SandboxSpec } from "../driver.ts";
import { createProcessDriver } from "../process/process.ts";
import { safe } from "../safe.ts";
import { background, bubblewrapForTest, ending, sandboxesUntestable, specOf, text } from "../suite-tools.ts";
import { attacks, prelude } from "./attacks.ts";

const skip = sandboxesUntestable();

if (skip !== undefined) test("D1: escapes", (t) => t.skip(skip));
else escapes();

interface Battlefield {
  readonly driver: Driver;
  readonly plain: Driver;
  readonly directory: string;
  /** What the attacks are told. */
  readonly env: Readonly<Record<string, string>>;
  readonly peers: string[];
  close(): Promise<void>;
}

function escapes(): void {
  let field: Battlefield;
  before(async () => {
    field = await prepare();
  });
  after(() => field.close());

  const attacker = (program: string): SandboxSpec =>
    specOf(["/usr/bin/python3", "-c", "exec(__import__('os').environ['PROGRAM'])"], {
      env: { PATH: "/usr/sbin:/usr/bin:/bin", ...field.env, PROGRAM: prelude + program },
      mounts: [{ source: join(field.directory, "attacker"), target: "/var/task" }],
      memoryMb: 512,
    });

  for (const { name, program, refusal, isPossibleOutside } of attacks) {
    test(`D1: a sandbox cannot ${name}`, async () => {
      const inside = await ending(await field.driver.create(attacker(program)));
      assert.match(inside.stdout.trim(), refusal, inside.stderr);
      if (!isPossibleOutside) return;
      const outside = await ending(await field.plain.create(attacker(program)));
      assert.match(outside.stdout, /^ESCAPED /, `without a sandbox it works: ${outside.stderr}`);
    });
  }

  test("D1: foreign instruction sets and the x32 interface kill the program", async (t) => {
    if (process.arch !== "x64") return t.skip("x86 only");
    const machineCode = {
      i386: "b814000000cd80c3", // mov eax, getpid; int 0x80; ret
      x32: "b8270000400f05c3", // mov eax, 0x40000000 + getpid; syscall; ret
    };
    for (const [name, code] of Object.entries(machineCode)) {
      const program = `
import mmap
code = bytes.fromhex('${code}')
memory = mmap.mmap(-1, 4096, prot=7)
memory.write(code)
ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))()
print('ESCAPED')`;
      const { exit, stdout } = await ending(await field.driver.create(attacker(program)));
      assert.equal(stdout, "", name);
      assert.deepEqual(exit, { kind: "signal", signal: "SIGSYS", oom: false }, name);
    }
  });

  test("D1: the sandbox that nobody reaches is there: lambdad itself reaches it", async () => {
    const { VICTIM_ADDRESS: host, VICTIM_PORT: port } = field.env;
    const socket = connect({ host, port: Number(port), localAddress: field.driver.hostAddress });
    assert.equal(await text(socket), "victim");
  });

  test("D1: lambdad's endpoint sees exactly the sandbox's address", async () => {
    const program = "print(connect(E['HOST_ADDRESS'], E['ENDPOINT_PORT']).decode())";
    const first = await field.driver.create(attacker(program));
    const second = await field.driver.create(attacker(program));
    assert.notEqual(first.address, second.address);
    const [one, two] = await Promise.all([ending(first), ending(second)]);
    assert.equal(one.stdout.trim(), `endpoint for ${first.address}`);
    assert.equal(two.stdout.trim(), `endpoint for ${second.address}`);
  });

  test("D1: only addresses of sandboxes ever reached lambdad's endpoint", () => {
    assert.ok(field.peers.length >= 2);
    const victim = field.env["VICTIM_ADDRESS"] ?? "";
    assert.deepEqual(
      field.peers.filter((peer) => peer === victim || !peer.startsWith("169.254.")),
      [],
    );
  });

  test("D1: with the network limited to endpoints, lambdad is reached and there is no way to anything else", async () => {
    const program = `
print(connect(E['HOST_ADDRESS'], E['ENDPOINT_PORT']).decode())
attempt(lambda: connect('192.0.2.77', 80))`;
    const spec = { ...attacker(program), network: "endpoints" as const };
    const sandbox = await field.driver.create(spec);
    const { stdout } = await ending(sandbox);
    assert.equal(stdout, `endpoint for ${sandbox.address}\nrefused ENETUNREACH\n`);
  });

  test("D1: a second lambdad's sandboxes are as far away as one's own", async () => {
    const other = await bubblewrapForTest();
    try {
      assert.notEqual(other.driver.hostAddress, field.driver.hostAddress);
      const program = `
attempt(lambda: connect(E['VICTIM_ADDRESS'], E['VICTIM_PORT']))
attempt(lambda: connect(E['HOST_ADDRESS'], E['ENDPOINT_PORT']))`;
      const { stdout } = await ending(await other.driver.create(attacker(program)));
      assert.match(stdout, /^refused [\w ]+\nrefused [\w ]+\n$/);
    } finally {
      await other.driver.close();
    }
  });
}

async function prepare(): Promise<Battlefield> {
  const { driver } = await bubblewrapForTest();
  try {
    return await populate(driver);
  } catch (error) {
    await driver.close();
    throw error;
  }
}

async function populate(driver: Driver): Promise<Battlefield> {
  const directory = mkdtempSync(join(tmpdir(), "lambdad-escape-"));
  const plain = safe(
    createProcessDriver({ stageDir: join(directory, "plain"), clock: systemClock }),
    silentLogger,
  );
  chmodSync(directory, 0o755);
  for (const name of ["victim", "attacker"]) {
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, "secret"), `secret of ${name}`);
  }
  copyFileSync("/usr/bin/id", join(directory, "attacker", "setuid-id"));
  chmodSync(join(directory, "attacker", "setuid-id"), 0o4755);

  const peers: string[] = [];
  const servers: Server[] = [];
  const serve = async (where: object, name: string) => {
    const server = createServer((socket) => {
      if (name === "endpoint") peers.push(socket.remoteAddress ?? "");
      socket.on("error", () => {});
      socket.end(`${name} for ${socket.remoteAddress}`);
    });
    servers.push(server);
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(where, resolve));
    const address = server.address();
    return typeof address === "object" && address ? String(address.port) : "";
  };
  const metadata = useMetadataAddress();
  const abstractName = `lambdad-test-${systemRandom.hex(4)}`;
  const ports = {
    ENDPOINT_PORT: await serve({ host: driver.hostAddress, port: 0 }, "endpoint"),
    LOOPBACK_PORT: await serve({ host: "127.0.0.1", port: 0 }, "loopback"),
    WILDCARD_PORT: await serve({ host: "0.0.0.0", port: 0 }, "wildcard"),
    METADATA_PORT: await serve({ host: "169.254.169.254", port: 0 }, "metadata"),
    ABSTRACT: await serve({ path: `\0${abstractName}` }, "abstract"),
  };

  const secret = systemRandom.hex(8);
  const listener = `
import os, socket
open('/tmp/' + os.environ['FILE'], 'w').write('secret')
s = socket.create_server(('0.0.0.0', 0))
print(s.getsockname()[1], flush=True)
while True: s.accept()[0].send(b'victim')`;
  const victim = await background(
    driver,
    specOf(["/usr/bin/python3", "-c", listener, `${secret}-argument`], {
      env: { FILE: `file-${secret}`, SECRET: `${secret}-variable` },
      mounts: [{ source: join(directory, "victim"), target: "/var/task" }],
    }),
  );
  const pid =
    execFileSync("pgrep", ["-f", `${secret}-argument$`], { encoding: "utf8" })
      .trim()
      .split("\n")
      .at(-1) ?? "";
  const addresses = Object.values(networkInterfaces())
    .flat()
    .filter((entry) => entry?.family === "IPv4" && !entry.internal)
    .map((entry) => entry?.address);

  return {
    driver,
    plain,
    directory,
    peers,
    env: {
      ...ports,
      VICTIM_CODE: join(directory, "victim"),
      VICTIM_PID: pid,
      VICTIM_FILE: `file-${secret}`,
      VICTIM_SECRET_PART: secret,
      VICTIM_ADDRESS: victim.sandbox.address ?? "",
      VICTIM_PORT: victim.line,
      HOST_DIR: directory,
      HOST_ADDRESS: driver.hostAddress,
      MACHINE_ADDRESSES: addresses.join(" "),
      ABSTRACT_NAME: abstractName,
      LAMBDAD_VARIABLE_HEX: Buffer.from(ownVariable()).toString("hex"),
    },
    async close() {
      await driver.close();
      await plain.close();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
      metadata.restore();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** One whole entry of this process's environment, which no program in these tests is given. */
function ownVariable(): string {
  const [longest = ""] = readFileSync("/proc/self/environ", "utf8")
    .split("\0")
    .sort((a, b) => b.length - a.length);
  return longest;
}

/** Puts the clouds' metadata address on this machine's loopback, so that there is something to reach. */
function useMetadataAddress() {
  const change = (verb: string) => execFileSync("ip", ["addr", verb, "169.254.169.254/32", "dev", "lo"]);
  change("replace");
  return { restore: () => void change("del") };
}
