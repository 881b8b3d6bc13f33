/**
 * What sandboxes reach outside, tried in a small internet made of network namespaces: a machine (in which a driver runs,
 * as a process of its own), a neighbour on its uplink, and a private link of the machine's, as Docker's bridges are.
 * Nothing leaves this machine.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { test, type TestContext } from "node:test";
import { systemRandom } from "../../base/random.ts";
import { sandboxesUntestable } from "../suite-tools.ts";

const skip = sandboxesUntestable();

/** Runs in the neighbour: says who came, on every port that the test uses, also at the clouds' metadata address. */
const neighbour = `
import socket, threading
def serve(port):
    s = socket.create_server(('0.0.0.0', port))
    while True:
        c, peer = s.accept()
        c.send(peer[0].encode()); c.close()
for port in (25, 80): threading.Thread(target=serve, args=(port,)).start()
print('ready', flush=True)`;

/** Runs on the machine: a sandbox tries to reach each target, then the driver closes. */
const machine = `
import { readFileSync } from "node:fs";
import { bubblewrapForTest, ending, specOf } from ${JSON.stringify(import.meta.resolve("../suite-tools.ts"))};
const forwarding = () => readFileSync("/proc/sys/net/ipv4/conf/up0/forwarding", "utf8").trim();
const [instance, program, ...targets] = process.argv.slice(1);
const before = forwarding();
const { driver } = await bubblewrapForTest(instance);
const during = forwarding();
const argv = ["/usr/bin/python3", "-c", program, ...targets];
const { stdout, stderr } = await ending(await driver.create(specOf(argv)));
const limited = await ending(await driver.create(specOf(argv, { network: "endpoints" })));
const { guarantees } = driver;
await driver.close();
console.log(JSON.stringify({ stdout, stderr, limited: limited.stdout, guarantees, forwarding: [before, during, forwarding()] }));
`;

const visitor = `
import socket, sys
for target in sys.argv[1:]:
    host, port = target.split(':')
    try:
        print(target, socket.create_connection((host, int(port)), timeout=1).recv(100).decode())
    except OSError as e:
        print(target, 'refused')`;

const targets = [
  "203.0.113.1:80",
  "203.0.113.1:25",
  "169.254.169.254:80",
  "198.51.100.1:80",
  "203.0.113.2:22",
];

test("D1: the outside is the world behind the uplink, with the machine's address, and nothing else", async (t) => {
  if (skip !== undefined) return t.skip(skip);
  const { inMachine } = await smallInternet(t);
  const argv = [process.execPath, "--input-type=module-typescript", "--eval", machine];
  const out = inMachine(...argv, `t${systemRandom.hex(6)}`, visitor, ...targets);
  const report: unknown = JSON.parse(out);
  const lines = (answers: readonly string[]) =>
    targets.map((target, at) => `${target} ${answers[at]}\n`).join("");
  assert.deepEqual(report, {
    stdout: lines(["203.0.113.2", "refused", "refused", "refused", "refused"]),
    stderr: "",
    limited: lines(["refused", "refused", "refused", "refused", "refused"]),
    guarantees: { separated: true, limited: true, networked: true, freezes: true, missing: [] },
    forwarding: ["0", "1", "0"],
  });
});

/** `machine` has up0 (203.0.113.2, default route over 203.0.113.1) and private0 (to 198.51.100.1), each to the neighbour. */
async function smallInternet(t: TestContext) {
  const name = systemRandom.hex(4);
  const [machineSpace, worldSpace] = [`ldtest-m-${name}`, `ldtest-w-${name}`];
  const ip = (...args: string[]) => void execFileSync("ip", args, { stdio: "pipe" });
  for (const space of [machineSpace, worldSpace]) {
    ip("netns", "add", space);
    t.after(() => ip("netns", "del", space));
    ip("-n", space, "link", "set", "lo", "up");
  }
  for (const [link, own, peer] of [
    ["up0", "203.0.113.2/24", "203.0.113.1/24"],
    ["private0", "198.51.100.2/24", "198.51.100.1/24"],
  ] as const) {
    ip("-n", machineSpace, "link", "add", link, "type", "veth", "peer", "name", link, "netns", worldSpace);
    ip("-n", machineSpace, "addr", "add", own, "dev", link);
    ip("-n", worldSpace, "addr", "add", peer, "dev", link);
    for (const space of [machineSpace, worldSpace]) ip("-n", space, "link", "set", link, "up");
  }
  ip("-n", machineSpace, "route", "add", "default", "via", "203.0.113.1");
  ip("-n", worldSpace, "addr", "add", "169.254.169.254/32", "dev", "up0");
  const within = (space: string) => [`--net=/run/netns/${space}`, "--"];
  const servers = spawn("nsenter", [...within(worldSpace), "/usr/bin/python3", "-c", neighbour], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(async () => {
    servers.kill("SIGKILL");
    await once(servers, "exit");
  });
  await once(servers.stdout, "data");
  const inMachine = (...argv: string[]) =>
    execFileSync("nsenter", [...within(machineSpace), ...argv], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
  // The detector: without a sandbox, all of it is reachable.
  for (const [host, port] of [
    ["203.0.113.1", "25"],
    ["169.254.169.254", "80"],
    ["198.51.100.1", "80"],
  ] as const) {
    assert.match(inMachine("/usr/bin/python3", "-c", visitor, `${host}:${port}`), /\d+\.\d+\n$/);
  }
  return { inMachine };
}
