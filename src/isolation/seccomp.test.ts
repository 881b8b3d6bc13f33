/** The filter is run here by a small BPF interpreter; `bubblewrap.test.ts` tries the real one in a real sandbox. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Instruction, program, ranges, type SeccompArch, seccompFilter } from "./seccomp.ts";

const audit = { x64: 0xc000003e, arm64: 0xc00000b7, i386: 0x40000003 };
const allow = 0x7fff0000;
const kill = 0x80000000;
const eperm = 0x00050001;
const enosys = 0x00050000 | 38;

interface Call {
  readonly audit: number;
  readonly number: number;
  readonly args?: readonly number[];
}

/** What the kernel would answer. Throws on a program that runs off its end or jumps backwards. */
function verdict(instructions: readonly Instruction[], call: Call): number {
  let accumulator = 0;
  for (let at = 0; ; at += 1) {
    const instruction = instructions[at];
    assert.ok(instruction, `the filter runs off its end at ${at}`);
    const { code, jt, jf, k } = instruction;
    if (code === 0x06) return k >>> 0;
    if (code === 0x20) accumulator = field(call, k);
    else at += holds(code, accumulator, k) ? jt : jf;
  }
}

function field(call: Call, offset: number): number {
  if (offset === 0) return call.number >>> 0;
  if (offset === 4) return call.audit;
  return (call.args?.[(offset - 16) / 8] ?? 0) >>> 0;
}

function holds(code: number, a: number, k: number): boolean {
  if (code === 0x15) return a === k;
  if (code === 0x35) return a >= k;
  if (code === 0x25) return a > k;
  assert.equal(code, 0x45);
  return (a & k) !== 0;
}

const cases: readonly (readonly [
  arch: SeccompArch,
  name: string,
  call: Omit<Call, "audit">,
  want: number,
])[] = [
  ["x64", "read", { number: 0 }, allow],
  ["x64", "openat", { number: 257 }, allow],
  ["x64", "ptrace", { number: 101 }, allow],
  ["x64", "futex_waitv", { number: 449 }, allow],
  ["x64", "mount", { number: 165 }, eperm],
  ["x64", "umount2", { number: 166 }, eperm],
  ["x64", "pivot_root", { number: 155 }, eperm],
  ["x64", "chroot", { number: 161 }, eperm],
  ["x64", "unshare", { number: 272 }, eperm],
  ["x64", "setns", { number: 308 }, eperm],
  ["x64", "keyctl", { number: 250 }, eperm],
  ["x64", "add_key", { number: 248 }, eperm],
  ["x64", "bpf", { number: 321 }, eperm],
  ["x64", "perf_event_open", { number: 298 }, eperm],
  ["x64", "userfaultfd", { number: 323 }, eperm],
  ["x64", "io_uring_setup", { number: 425 }, eperm],
  ["x64", "io_uring_enter", { number: 426 }, eperm],
  ["x64", "kexec_load", { number: 246 }, eperm],
  ["x64", "init_module", { number: 175 }, eperm],
  ["x64", "open_by_handle_at", { number: 304 }, eperm],
  ["x64", "fsopen", { number: 430 }, eperm],
  ["x64", "clone3", { number: 435 }, enosys],
  ["x64", "a call from the future", { number: 467 }, enosys],
  ["x64", "fork by clone", { number: 56, args: [0x01200011] }, allow],
  ["x64", "clone with NEWUSER", { number: 56, args: [0x10000011] }, eperm],
  ["x64", "clone with NEWNS", { number: 56, args: [0x00020011] }, eperm],
  ["x64", "x32 read", { number: 0x40000000 }, kill],
  ["x64", "socket AF_INET", { number: 41, args: [2, 1, 0] }, allow],
  ["x64", "socket AF_NETLINK route", { number: 41, args: [16, 3, 0] }, allow],
  ["x64", "socket AF_NETLINK netfilter", { number: 41, args: [16, 3, 12] }, 0x00050000 | 93],
  ["x64", "socket AF_PACKET", { number: 41, args: [17, 3, 0] }, 0x00050000 | 97],
  ["x64", "socket AF_VSOCK", { number: 41, args: [40, 1, 0] }, 0x00050000 | 97],
  ["x64", "socket AF_ALG", { number: 41, args: [38, 5, 0] }, 0x00050000 | 97],
  ["x64", "personality, query", { number: 135, args: [0xffffffff] }, allow],
  ["x64", "personality ADDR_NO_RANDOMIZE", { number: 135, args: [0x0040000] }, eperm],
  ["arm64", "read", { number: 63 }, allow],
  ["arm64", "mount", { number: 40 }, eperm],
  ["arm64", "unshare", { number: 97 }, eperm],
  ["arm64", "bpf", { number: 280 }, eperm],
  ["arm64", "clone3", { number: 435 }, enosys],
  ["arm64", "clone with NEWNET", { number: 220, args: [0x40000000] }, eperm],
  ["arm64", "socket AF_INET6", { number: 198, args: [10, 1, 0] }, allow],
];

for (const [arch, name, call, want] of cases) {
  test(`the ${arch} filter answers ${name} with 0x${want.toString(16)}`, () => {
    assert.equal(verdict(program(arch), { audit: audit[arch], ...call }), want);
  });
}

test("the filter kills a program of a foreign architecture", () => {
  assert.equal(verdict(program("x64"), { audit: audit.i386, number: 4 }), kill);
  assert.equal(verdict(program("arm64"), { audit: audit.x64, number: 63 }), kill);
});

test("every number gets a verdict, and no jump is longer than a byte holds", () => {
  for (const arch of ["x64", "arm64"] as const) {
    const instructions = program(arch);
    assert.ok(instructions.length < 4096, "BPF_MAXINSNS");
    for (const { jt, jf } of instructions) assert.ok(jt <= 255 && jf <= 255);
    for (let number = 0; number < 600; number += 1) verdict(instructions, { audit: audit[arch], number });
  }
});

test("ranges merge neighbours and drop doubles", () => {
  assert.deepEqual(ranges([5, 1, 2, 2, 9, 3]), [
    [1, 3],
    [5, 5],
    [9, 9],
  ]);
});

test("an architecture without a table has no filter", () => {
  assert.equal(seccompFilter("riscv64"), undefined);
  assert.equal(seccompFilter("x64")?.length, program("x64").length * 8);
});
