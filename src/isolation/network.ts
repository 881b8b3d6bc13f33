/**
 * The sandboxes' network on this machine, as root: lambdad's number and address, the packet filter, forwarding. Links
 * and namespaces of single sandboxes are not made here: each belongs to its sandbox's processes, and the kernel takes it
 * away with them. What this file does change outlives a crash until the next lambdad that gets the same number.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { DriverError } from "./driver.ts";
import { findTool, run } from "./command.ts";
import { instancesMax, networkPlan, type NetworkPlan, ruleset } from "./network-plan.ts";

/** A number that no other living lambdad on this machine has. */
export interface InstanceNumber {
  readonly number: number;
  release(): Promise<void>;
}

/**
 * Holds a number by listening on a socket name of Linux's abstract namespace: it is exclusive within the network
 * namespace, exactly where addresses and links would collide, and a crash gives it back. `former`, the number of a
 * predecessor that crashed, is tried first; if it is taken, its new owner has replaced what was left.
 */
export async function takeInstanceNumber(former = 0): Promise<InstanceNumber> {
  const numbers = Array.from({ length: instancesMax }, (_, index) => index);
  for (const number of numbers.sort((a, b) => Number(b === former) - Number(a === former) || a - b)) {
    const server = await listen(lockName(number));
    if (server) return { number, release: () => new Promise((done) => server.close(() => done())) };
  }
  throw new DriverError("unavailable", `${instancesMax} instances of lambdad run on this machine already`);
}

function lockName(number: number): string {
  return `\0lambdad-instance-${number}`;
}

function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => void socket.destroy());
    server.unref();
    server.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "EADDRINUSE" ? resolve(undefined) : reject(error),
    );
    server.listen(path, () => resolve(server));
  });
}

export interface Network {
  readonly plan: NetworkPlan;
  /** Sentences for `Guarantees.missing`; empty: everything works. */
  readonly missing: readonly string[];
  /** The packet filter is in force. */
  readonly isFiltered: boolean;
  /** Sandboxes may be given the way to the outside. */
  readonly hasOutside: boolean;
  /** Name servers for sandboxes, IPv4. */
  readonly resolvers: readonly string[];
  /** The link of a sandbox has appeared on this side: lets its packets through to the outside, or not. */
  admit(link: string, isForwarding: boolean): Promise<void>;
  close(): Promise<void>;
}

export async function openNetwork(number: number): Promise<Network> {
  const plan = networkPlan(number);
  const missing: string[] = [];
  const addAddress = [
    "ip",
    "addr",
    "replace",
    `${plan.hostAddress}/32`,
    "dev",
    "lo",
    "scope",
    "host",
  ] as const;
  const [there] = await Promise.all([filterThere(), run("network", addAddress)]);
  const uplinks = defaultUplinks(readOr("/proc/self/net/route"));
  const resolvers = nameServers();
  if (uplinks.length === 0) missing.push("Functions reach lambdad only: this machine has no default route.");
  if (resolvers.length === 0) {
    missing.push(
      "Functions resolve no names: the machine's only name servers are on its loopback or metadata address. Put a " +
        "reachable one into /etc/resolv.conf.",
    );
  }
  // One that is on already is somebody else's decision, and not ours to undo.
  const closed = uplinks.filter((uplink) => readOr(forwardingFile(uplink)).trim() === "0");
  const opened = uplinks.filter((uplink) => closed.includes(uplink) || notedUplinks(there).includes(uplink));
  const isFiltered = await applyRules(plan, { uplinks, resolvers, opened, closed }, missing);
  // Only now: until the rules are there, packets of others would be forwarded too.
  if (isFiltered) for (const uplink of closed) writeFileSync(forwardingFile(uplink), "1");
  if (isFiltered && forwardsAreDropped(there)) {
    missing.push(
      "Functions may not reach the outside: another firewall drops forwarded packets. With Docker: " +
        "iptables -I DOCKER-USER -i ld+ -j ACCEPT; iptables -I DOCKER-USER -o ld+ -j ACCEPT.",
    );
  }
  return {
    plan,
    missing,
    isFiltered,
    hasOutside: isFiltered && uplinks.length > 0,
    resolvers,
    admit: (link, isForwarding) => setForwarding(link, isForwarding ? "1" : "0"),
    async close() {
      if (isFiltered) await closeForwarding(number);
      if (isFiltered) await run("network", ["nft", "delete", "table", "inet", plan.table]);
      await removeAddress(plan.hostAddress);
    },
  };
}

async function removeAddress(address: string): Promise<void> {
  await run("network", ["ip", "addr", "flush", "dev", "lo", "to", `${address}/32`]);
}

interface Rules {
  readonly uplinks: readonly string[];
  readonly resolvers: readonly string[];
  readonly opened: readonly string[];
  /** Of those, the ones that are still to be opened. */
  readonly closed: readonly string[];
}

async function applyRules(plan: NetworkPlan, rules: Rules, missing: string[]): Promise<boolean> {
  if (!findTool("nft")) {
    missing.push(
      "Functions reach lambdad only, and services of this machine that listen on every address: nft is not installed. " +
        "Install it: apt-get install nftables.",
    );
    return false;
  }
  try {
    await run("network", ["nft", "-f", "-"], ruleset({ plan, ...rules }) + forwardingNote(rules.closed));
    return true;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    missing.push(`Functions reach lambdad only: the kernel refuses the packet filter (${reason}).`);
    return false;
  }
}

const routeIsUp = 0x1; // RTF_UP

/** Links of default routes, from the kernel's table: what "outside" means. Docker's bridges, for one, are not among them. */
export function defaultUplinks(table: string): readonly string[] {
  const rows = table.split("\n").map((line) => line.trim().split(/\s+/));
  const links = rows.flatMap(([link = "", destination, , flags = "", , , , mask]) => {
    const isDefault = destination === "00000000" && mask === "00000000";
    return isDefault && (Number.parseInt(flags, 16) & routeIsUp) !== 0 ? [link] : [];
  });
  return [...new Set(links)];
}

/** systemd-resolved puts its loopback address into the first file and the real servers into the second. */
const resolverFiles = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

function nameServers(): readonly string[] {
  for (const file of resolverFiles) {
    const servers = parseNameServers(readOr(file));
    if (servers.length > 0) return servers;
  }
  return [];
}

/** IPv4 servers that a sandbox may ask; resolv.conf(5) reads the first three. */
export function parseNameServers(text: string): readonly string[] {
  const listed = [...text.matchAll(/^\s*nameserver\s+(\d+\.\d+\.\d+\.\d+)\s*$/gm)].map(
    (match) => match[1] ?? "",
  );
  return listed.filter((server) => !server.startsWith("127.") && server !== "169.254.169.254").slice(0, 3);
}

/** What is in the machine's packet filter already, without rules: sets and the chains of IPv4. */
function filterThere(): Promise<string> {
  return run("network", ["nft", "list sets inet; list chains ip"]).catch(() => "");
}

function forwardsAreDropped(filter: string): boolean {
  const [, chains = ""] = filter.split("\ntable ip filter {");
  return /chain FORWARD \{[^}]*policy drop/.test(chains.split("\n}")[0] ?? "");
}

/**
 * The kernel looks at the arriving link when it decides to forward, so answers need it switched on at the uplink too.
 * Which uplinks lambdad switched on is noted in a table of the packet filter that all lambdads of a network namespace
 * share, and that outlives a crash; the last of them to leave switches them off.
 */
const forwardingTable = "lambdad_forwarding";

function forwardingNote(closed: readonly string[]): string {
  if (closed.length === 0) return "";
  const elements = closed.map((uplink) => JSON.stringify(uplink)).join(", ");
  return `add table inet ${forwardingTable}
add set inet ${forwardingTable} opened { type ifname; }
add element inet ${forwardingTable} opened { ${elements} }
`;
}

async function closeForwarding(own: number): Promise<void> {
  const noted = notedUplinks(await filterThere());
  if (noted.length === 0 || (await othersLive(own))) return;
  for (const uplink of noted) {
    if (existsSync(forwardingFile(uplink))) writeFileSync(forwardingFile(uplink), "0");
  }
  await run("network", ["nft", "delete", "table", "inet", forwardingTable]);
}

function notedUplinks(filter: string): readonly string[] {
  const [, table = ""] = filter.split(`table inet ${forwardingTable} {`);
  const elements = /elements = \{([^}]*)\}/.exec(table.split("\n}")[0] ?? "")?.[1] ?? "";
  return [...elements.matchAll(/"([^"]+)"/g)].map((match) => match[1] ?? "");
}

/** Another lambdad of this network namespace holds its number. */
async function othersLive(own: number): Promise<boolean> {
  for (let number = 0; number < instancesMax; number += 1) {
    if (number === own) continue;
    const server = await listen(lockName(number));
    if (!server) return true;
    await new Promise((done) => server.close(done));
  }
  return false;
}

/** Not synchronously, and only if it has to be: the kernel lets one network change at a time happen, and others wait. */
async function setForwarding(link: string, value: "0" | "1"): Promise<void> {
  const file = forwardingFile(link);
  if ((await readFile(file, "utf8")).trim() !== value) await writeFile(file, value);
}

function forwardingFile(link: string): string {
  return `/proc/sys/net/ipv4/conf/${link}/forwarding`;
}

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
