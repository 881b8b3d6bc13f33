/**
 * The seccomp filter of every sandbox: an allow-list at least as strict as Docker's default profile, assembled here into
 * classic BPF, as `bwrap --seccomp` wants it. Numbers that are allowed unconditionally become sorted ranges; four calls
 * are decided by their arguments. A refused call fails with EPERM and the program goes on; a foreign instruction set is
 * the one thing that kills.
 */
import { allowedSyscalls, newestSyscall } from "./seccomp-syscalls.ts";

export type SeccompArch = "x64" | "arm64";

/** The filter as an array of `struct sock_filter`, little-endian; undefined: no filter for this architecture. */
export function seccompFilter(arch: string): Uint8Array | undefined {
  return arch === "x64" || arch === "arm64" ? encode(program(arch)) : undefined;
}

/** One `struct sock_filter`. Jumps count from the next instruction. */
export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

const machines = {
  // audit: AUDIT_ARCH_*; the rest are system call numbers.
  x64: { audit: 0xc000003e, clone: 56, clone3: 435, socket: 41, personality: 135 },
  arm64: { audit: 0xc00000b7, clone: 220, clone3: 435, socket: 198, personality: 92 },
} as const;

// Offsets in struct seccomp_data; arguments are 64 bits, of which these calls use the low half only.
const numberOffset = 0;
const archOffset = 4;
const argumentOffset = (index: number) => 16 + 8 * index;

const allow = ret(0x7fff0000);
const kill = ret(0x80000000); // the whole process
const refuse = errno(1); // EPERM
const notThere = errno(38); // ENOSYS
const x32Bit = 0x40000000; // x86-64's third ABI; no libc of ours uses it, and its numbers alias the normal ones

// CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET: Docker's mask.
const namespaceFlags = 0x7e020000;
// PER_LINUX, PER_LINUX32, UNAME26 with each, and "what is it now": Docker's values.
const personalities = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];
const [unix, inet, inet6, netlink] = [1, 2, 10, 16];
const netlinkRoute = 0; // what getifaddrs and getaddrinfo ask

export function program(arch: SeccompArch): readonly Instruction[] {
  const machine = machines[arch];
  const numbers = Object.values(allowedSyscalls)
    .map(([x64, arm64]) => (arch === "x64" ? x64 : arm64))
    .filter((number) => number !== null);
  return [
    load(archOffset),
    ...unlessEqual(machine.audit, [kill]),
    load(numberOffset),
    ...(arch === "x64" ? ifAtLeast(x32Bit, [kill]) : []),
    ...ifEqual(machine.clone, cloneRule()),
    // Its flags are behind a pointer, which a filter can't follow. glibc and musl fall back to clone.
    ...ifEqual(machine.clone3, [notThere]),
    ...ifEqual(machine.socket, socketRule()),
    ...ifEqual(machine.personality, personalityRule()),
    ...ranges(numbers).flatMap(rangeRule),
    ...ifAtLeast(newestSyscall + 1, [notThere]),
    refuse,
  ];
}

/** Sorted, merged, inclusive. */
export function ranges(numbers: readonly number[]): readonly (readonly [low: number, high: number])[] {
  const merged: [number, number][] = [];
  for (const number of [...new Set(numbers)].sort((a, b) => a - b)) {
    const last = merged.at(-1);
    if (last && last[1] + 1 === number) last[1] = number;
    else merged.push([number, number]);
  }
  return merged;
}

/** Numbers above `high` go on to the next rule; since ranges are sorted, one below `low` is in no later range. */
function rangeRule([low, high]: readonly [number, number]): readonly Instruction[] {
  return unlessAbove(high, [...ifAtLeast(low, [allow]), refuse]);
}

function cloneRule(): readonly Instruction[] {
  return [load(argumentOffset(0)), jump(0x45, namespaceFlags, 0, 1), refuse, allow]; // BPF_JSET
}

function personalityRule(): readonly Instruction[] {
  return [load(argumentOffset(0)), ...personalities.flatMap((value) => ifEqual(value, [allow])), refuse];
}

/** Narrower than Docker: the families that functions have on AWS, and of netlink only the routing table. */
function socketRule(): readonly Instruction[] {
  return [
    load(argumentOffset(0)),
    ...[unix, inet, inet6].flatMap((family) => ifEqual(family, [allow])),
    ...unlessEqual(netlink, [errno(97)]), // EAFNOSUPPORT, as a kernel without that family says
    load(argumentOffset(2)),
    ...ifEqual(netlinkRoute, [allow]),
    errno(93), // EPROTONOSUPPORT
  ];
}

function load(offset: number): Instruction {
  return { code: 0x20, jt: 0, jf: 0, k: offset }; // BPF_LD | BPF_W | BPF_ABS
}

function ret(verdict: number): Instruction {
  return { code: 0x06, jt: 0, jf: 0, k: verdict };
}

function errno(number: number): Instruction {
  return ret(0x00050000 | number);
}

function jump(code: number, k: number, jt: number, jf: number): Instruction {
  return { code, jt, jf, k };
}

// Each of these runs `block` (which ends in a verdict) or jumps over it.
function ifEqual(k: number, block: readonly Instruction[]) {
  return [jump(0x15, k, 0, block.length), ...block]; // BPF_JEQ
}
function unlessEqual(k: number, block: readonly Instruction[]) {
  return [jump(0x15, k, block.length, 0), ...block];
}
function ifAtLeast(k: number, block: readonly Instruction[]) {
  return [jump(0x35, k, 0, block.length), ...block]; // BPF_JGE
}
function unlessAbove(k: number, block: readonly Instruction[]) {
  return [jump(0x25, k, block.length, 0), ...block]; // BPF_JGT
}

function encode(instructions: readonly Instruction[]): Uint8Array {
  const bytes = Buffer.alloc(instructions.length * 8);
  for (const [index, { code, jt, jf, k }] of instructions.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(jt, index * 8 + 2);
    bytes.writeUInt8(jf, index * 8 + 3);
    bytes.writeUInt32LE(k >>> 0, index * 8 + 4);
  }
  return bytes;
}
