/**
 * Names, addresses and rules of the sandboxes' network, computed and nothing else: `network.ts` puts them into effect.
 * Each lambdad on a machine has a number, and with it a block of link-local addresses, a prefix for links and a range of
 * user ids of its own. The packet filter is written once per lambdad and knows sandboxes by the prefix of their links, so
 * that starting one changes no rule.
 */
import { sandboxesMax } from "../limits.ts";
import type { Listener } from "./driver.ts";

/**
 * Third octets at which the /20 blocks of 169.254.0.0/16 begin, in the order of lambdad's numbers. The first gives
 * 169.254.100.1, the address that AWS's environments know. Left out: 0 and 240 (reserved by RFC 3927), 160 (169.254.169.254,
 * the metadata address of every cloud).
 */
const blocks = [96, 112, 128, 144, 176, 192, 208, 224, 16, 32, 48, 64, 80] as const;

export const instancesMax = blocks.length;

/** Above every range that systemd documents for users, containers and itself; below 2^31, which some tools can't print. */
const userIdBase = 1_900_000_000;
const userIdsPerInstance = 8192;

export type NetworkMode = "endpoints" | "outside";

export interface NetworkPlan {
  readonly number: number;
  readonly table: string;
  /** lambdad's own address on the sandboxes' network. */
  readonly hostAddress: string;
  readonly block: string;
  /** Links of this instance's sandboxes, as a pattern of nft. */
  readonly links: string;
}

export function networkPlan(number: number): NetworkPlan {
  const third = blocks[number];
  if (third === undefined) throw new RangeError(`no block of addresses has the number ${number}`);
  return {
    number,
    table: `lambdad_${number}`, // by number, so that whoever has it next replaces what a crash left
    hostAddress: `169.254.${third + 4}.1`,
    block: `169.254.${third}.0/20`,
    links: `ld${number}_*`,
  };
}

/** Slots count from 1 to `sandboxesMax`, and take the upper half of the block: the lower has the host address. */
export function sandboxAddress(plan: NetworkPlan, slot: number): string {
  if (slot < 1 || slot > sandboxesMax) throw new RangeError(`no slot has the number ${slot}`);
  const third = (blocks[plan.number] ?? 0) + 8 + (slot >> 8);
  return `169.254.${third}.${slot & 255}`;
}

/** At most 15 characters, Linux's limit: "ld12_o2000". */
export function sandboxLink(plan: NetworkPlan, mode: NetworkMode, slot: number): string {
  return `ld${plan.number}_${mode === "outside" ? "o" : "e"}${slot}`;
}

/** The group that all sandboxes of an instance have outside. */
export function sandboxGroup(number: number): number {
  return userIdBase + number * userIdsPerInstance;
}

/** The unprivileged user that a sandbox is outside: nobody else's. */
export function sandboxUser(number: number, slot: number): { readonly uid: number; readonly gid: number } {
  const gid = sandboxGroup(number);
  return { uid: gid + slot, gid };
}

export interface LinkSpec {
  readonly plan: NetworkPlan;
  readonly mode: NetworkMode;
  readonly slot: number;
  readonly lambdadPid: number;
}

/**
 * Two scripts for `ip -batch`: one for inside the sandbox's namespace, which makes the pair of links, and one for
 * lambdad's side of it. Without a default route, `endpoints` cannot even address anything else; programs inside have no
 * privilege over their namespace with which to change that.
 */
export function linkBatches({ plan, mode, slot, lambdadPid }: LinkSpec) {
  const link = sandboxLink(plan, mode, slot);
  const address = sandboxAddress(plan, slot);
  const inside = [
    `link add eth0 type veth peer name ${link} netns ${lambdadPid}`,
    "link set lo up",
    "link set eth0 up",
    `addr add ${address}/32 dev eth0`,
    `route add ${plan.hostAddress} dev eth0 scope link src ${address}`,
    ...(mode === "outside" ? [`route add default via ${plan.hostAddress} dev eth0 onlink`] : []),
  ];
  const outside = [`link set ${link} up`, `route add ${address}/32 dev ${link}`];
  return { link, address, inside: lines(inside), outside: lines(outside) };
}

/**
 * For `nft -f` in a sandbox's own namespace: 127.0.0.1 leads to lambdad's listener, as it does outside. Needs
 * `route_localnet`. Programs inside have no privilege to change it.
 */
export function loopbackRules({ hostAddress }: NetworkPlan, { port, hostPort }: Listener): string {
  return lines([
    "table ip loopback {",
    "chain out {",
    "type nat hook output priority -100; policy accept;",
    `ip daddr 127.0.0.1 tcp dport ${port} dnat to ${hostAddress}:${hostPort}`,
    "}",
    "chain leaving {",
    "type nat hook postrouting priority srcnat; policy accept;",
    `ip saddr 127.0.0.1 ip daddr ${hostAddress} masquerade`,
    "}",
    "}",
  ]);
}

export interface RulesSpec {
  readonly plan: NetworkPlan;
  /** Links with a default route: what "outside" is reached through. */
  readonly uplinks: readonly string[];
  /** IPv4 name servers of this machine. */
  readonly resolvers: readonly string[];
  /** Uplinks that forward only because lambdad asked them to: for nobody else's packets, then. */
  readonly opened: readonly string[];
}

/** For `nft -f`: replaces the instance's table as a whole, in one transaction. */
export function ruleset({ plan, uplinks, resolvers, opened }: RulesSpec): string {
  const { table, hostAddress, block, links } = plan;
  const outsideLinks = links.replace("*", "o*");
  const dns =
    resolvers.length > 0
      ? `ip daddr { ${resolvers.join(", ")} } meta l4proto { tcp, udp } th dport 53 accept`
      : "";
  return lines([
    `add table inet ${table}`,
    `delete table inet ${table}`,
    `table inet ${table} {`,
    // Everything that a sandbox sends: only IPv4, only from the address that its link has.
    "chain arriving {",
    "type filter hook prerouting priority raw; policy accept;",
    `iifname "${links}" meta nfproto != ipv4 drop`,
    `iifname "${links}" fib saddr . iif oif 0 drop`,
    "}",
    "chain to_machine {",
    "type filter hook input priority filter - 5; policy accept;",
    // The host address is lambdad's alone: not for neighbours on the wire, nor for another lambdad's sandboxes.
    `iifname != "lo" iifname != "${links}" ip daddr ${hostAddress} drop`,
    `iifname "${links}" jump to_lambdad`,
    "}",
    // lambdad binds its endpoints to exactly the host address. A service of this machine that is bound to every address
    // is a "wildcard" socket, and not for sandboxes.
    "chain to_lambdad {",
    `ip daddr ${hostAddress} ct state established accept`,
    `ip daddr ${hostAddress} meta l4proto tcp socket wildcard 0 accept`,
    `ip daddr ${hostAddress} meta l4proto tcp reject with tcp reset`,
    dns,
    "drop",
    "}",
    "chain through_machine {",
    "type filter hook forward priority filter - 5; policy accept;",
    `iifname "${outsideLinks}" jump to_outside`,
    `iifname "${links}" drop`,
    `oifname "${links}" ct state established,related accept`,
    `oifname "${links}" drop`,
    ...opened.map((uplink) => `iifname "${uplink}" ct state new drop`),
    "}",
    "chain to_outside {",
    uplinks.length > 0 ? `oifname != { ${uplinks.map((uplink) => `"${uplink}"`).join(", ")} } drop` : "drop",
    dns,
    // 169.254.169.254 above all, then whatever no router would carry.
    "ip daddr { 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/4, 240.0.0.0/4 } drop",
    "tcp dport 25 reject with tcp reset", // AWS blocks outgoing mail as well
    "accept",
    "}",
    "chain leaving {",
    "type nat hook postrouting priority srcnat; policy accept;",
    `ip saddr ${block} oifname != "ld*" oifname != "lo" masquerade`,
    "}",
    "}",
  ]);
}

function lines(all: readonly string[]): string {
  return `${all.filter(Boolean).join("\n")}\n`;
}
