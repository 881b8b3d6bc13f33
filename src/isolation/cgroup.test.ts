import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { systemClock } from "../base/clock.ts";
import { systemRandom } from "../base/random.ts";
import { openCgroups } from "./cgroup.ts";
import type { CgroupHost } from "./cgroup-hierarchy.ts";
import { DriverError } from "./driver.ts";
import { temporaryDirectory } from "./suite-tools.ts";

const limits = { memoryBytes: 128 << 20, cpus: 0.5, processesMax: 66 };

/** A directory that looks like a control group file system; files appear when written, directories go with their files. */
function fakeHost(t: TestContext, over: Partial<CgroupHost> & { readonly mounts: (root: string) => string }) {
  const root = temporaryDirectory(t);
  const killed: number[] = [];
  const host: CgroupHost = {
    mountinfo: over.mounts(root),
    own: "0::/\n",
    isRoot: true,
    pid: 4242,
    processors: 3,
    kill: (pid) => void killed.push(pid),
    removeDirectory: removeLikeKernel,
    ...over,
  };
  const at = (...path: string[]) => join(root, ...path);
  const put = (content: string, ...path: string[]) => {
    mkdirSync(dirname(at(...path)), { recursive: true });
    writeFileSync(at(...path), content);
  };
  return { host, killed, at, put, get: (...path: string[]) => readFileSync(at(...path), "utf8") };
}

/** rmdir of cgroupfs: its files do not count, its members and children do. */
function removeLikeKernel(path: string): void {
  if (!existsSync(path)) throw Object.assign(new Error("gone"), { code: "ENOENT" });
  const procs = join(path, "cgroup.procs");
  const hasMembers = existsSync(procs) && readFileSync(procs, "utf8").trim() !== "";
  const hasChildren = readdirSync(path, { withFileTypes: true }).some((entry) => entry.isDirectory());
  if (hasMembers || hasChildren) throw Object.assign(new Error("busy"), { code: "EBUSY" });
  rmSync(path, { recursive: true });
}

const unified = (root: string) => `30 20 0:26 / ${root} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n`;
const separate = (root: string) =>
  ["memory", "cpu,cpuacct", "pids"]
    .map((name, at) => `${31 + at} 20 0:${27 + at} / ${root}/${name} rw - cgroup cgroup rw,${name}\n`)
    .join("");

test("D2: on v2 the limits are written where the kernel reads them, and the controllers switched on above", async (t) => {
  const { host, get, put, at, killed } = fakeHost(t, { mounts: unified });
  put("cpuset cpu io memory pids\n", "cgroup.controllers");
  put("cpu memory\n", "cgroup.subtree_control");
  put("0\n", "lambdad", "one", "cgroup.freeze");
  const cgroups = openCgroups("one", systemClock, host);
  assert.equal(cgroups.version, 2);
  assert.equal(cgroups.canFreeze, true);
  assert.equal(get("cgroup.subtree_control"), "+pids", "only what was off");
  assert.equal(get("lambdad", "cgroup.subtree_control"), "+memory +cpu +pids");
  assert.equal(get("lambdad", "one", "cgroup.subtree_control"), "+memory +cpu +pids");
  const group = await cgroups.create("7-1");
  group.limit(limits);
  assert.deepEqual(group.joinFiles, [at("lambdad", "one", "7-1", "cgroup.procs")]);
  assert.equal(get("lambdad", "one", "7-1", "memory.max"), String(128 << 20));
  assert.equal(get("lambdad", "one", "7-1", "memory.swap.max"), "0");
  assert.equal(get("lambdad", "one", "7-1", "cpu.max"), "10000 20000");
  assert.equal(get("lambdad", "one", "7-1", "pids.max"), "66");
  assert.equal(get("lambdad", "cpu.weight"), "300", "as one process on each processor");
  assert.equal(get("lambdad", "one", "cpu.weight"), "300");
  assert.equal(get("lambdad", "one", "7-1", "cpu.weight"), "800", "what starts goes first");
  group.setCpus(0.001);
  assert.equal(get("lambdad", "one", "7-1", "cpu.max"), "1000 20000", "the kernel's smallest quota");
  assert.equal(get("lambdad", "one", "7-1", "cpu.weight"), "100");

  await group.setFrozen(true);
  assert.equal(get("lambdad", "one", "7-1", "cgroup.freeze"), "1");

  put("5000000\n", "lambdad", "one", "7-1", "memory.current");
  assert.equal(group.usage().memoryPeakBytes, 5_000_000, "without memory.peak, before Linux 5.19");
  put("9000000\n", "lambdad", "one", "7-1", "memory.peak");
  put("anon 7\nfile 1500000\nshmem 500000\n", "lambdad", "one", "7-1", "memory.stat");
  put("usage_usec 777\nuser_usec 700\n", "lambdad", "one", "cpu.stat");
  put("low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\n", "lambdad", "one", "7-1", "memory.events");
  assert.deepEqual(group.usage(), { memoryPeakBytes: 8_000_000 }, "without page cache");
  assert.equal(cgroups.cpuUsec(), 777);
  assert.equal(group.oomKills(), 2);

  put("", "lambdad", "one", "7-1", "cgroup.procs");
  await group.destroy();
  await group.destroy();
  assert.deepEqual(killed, []);
  assert.equal(existsSync(at("lambdad", "one", "7-1")), false);
  await cgroups.close();
  assert.equal(existsSync(at("lambdad")), false);
});

test("D3: on v2 destroy forbids forks, asks the kernel to kill, and kills who is left", async (t) => {
  const { host, put, get, at } = fakeHost(t, { mounts: unified });
  put("cpu memory pids\n", "cgroup.controllers");
  const killed: number[] = [];
  const members = at("lambdad", "one", "7-1", "cgroup.procs");
  const cgroups = openCgroups("one", systemClock, {
    ...host,
    kill(pid) {
      killed.push(pid);
      assert.equal(get("lambdad", "one", "7-1", "pids.max"), "0");
      assert.equal(get("lambdad", "one", "7-1", "cgroup.kill"), "1");
      if (killed.length === 2) writeFileSync(members, ""); // the kernel takes its time
    },
  });
  const group = await cgroups.create("7-1");
  writeFileSync(members, "1234\n");
  await group.destroy();
  assert.deepEqual(killed, [1234, 1234]);
});

test("on v2 without root the delegated group is divided, and lambdad moves aside first", async (t) => {
  const { host, put, get } = fakeHost(t, {
    mounts: unified,
    isRoot: false,
    own: "0::/user.slice/run-1.scope\n",
  });
  put("cpu memory pids\n", "cgroup.controllers");
  put("", "user.slice", "run-1.scope", "cgroup.subtree_control");
  const cgroups = openCgroups("one", systemClock, host);
  assert.equal(get("user.slice", "run-1.scope", "lambdad-main", "cgroup.procs"), "4242");
  assert.equal(get("user.slice", "run-1.scope", "cgroup.subtree_control"), "+memory +cpu +pids");
  assert.match(
    (await cgroups.create("7-1")).joinFiles[0] ?? "",
    /run-1\.scope\/lambdad\/one\/7-1\/cgroup\.procs$/,
  );
});

test("a lambdad that has moved aside already divides the same group", (t) => {
  const { host, put, get } = fakeHost(t, {
    mounts: unified,
    isRoot: false,
    own: "0::/a.scope/lambdad-main\n",
  });
  put("cpu memory pids\n", "cgroup.controllers");
  put("", "a.scope", "cgroup.subtree_control");
  openCgroups("one", systemClock, host);
  assert.equal(get("a.scope", "cgroup.subtree_control"), "+memory +cpu +pids");
});

test("D2: on v1 each controller has its own directory, and a hybrid's empty v2 is left alone", async (t) => {
  const { host, put, get, at } = fakeHost(t, {
    mounts: (root) => separate(root) + unified(`${root}/unified`),
  });
  put("hugetlb\n", "unified", "cgroup.controllers");
  for (const name of ["memory", "cpu,cpuacct", "pids"]) mkdirSync(at(name));
  const cgroups = openCgroups("one", systemClock, host);
  assert.equal(cgroups.version, 1);
  const group = await cgroups.create("7-1");
  group.limit(limits);
  const directory = ["lambdad", "one", "7-1"];
  assert.equal(group.joinFiles.length, 3, "cpu and cpuacct are one here");
  assert.equal(get("memory", ...directory, "memory.limit_in_bytes"), String(128 << 20));
  assert.equal(get("memory", ...directory, "memory.memsw.limit_in_bytes"), String(128 << 20));
  assert.equal(get("cpu,cpuacct", ...directory, "cpu.cfs_period_us"), "20000");
  assert.equal(get("cpu,cpuacct", ...directory, "cpu.cfs_quota_us"), "10000");
  assert.equal(get("cpu,cpuacct", "lambdad", "one", "cpu.shares"), String(3 * 1024));
  assert.equal(get("cpu,cpuacct", ...directory, "cpu.shares"), String(8 * 1024));
  group.setCpus(0.5);
  assert.equal(get("cpu,cpuacct", ...directory, "cpu.shares"), "1024");
  assert.equal(get("pids", ...directory, "pids.max"), "66");
  put("7000000\n", "cpu,cpuacct", "lambdad", "one", "cpuacct.usage");
  assert.equal(cgroups.cpuUsec(), 7000, "of all, also of those that are gone");
  put("1500\n", "memory", ...directory, "memory.max_usage_in_bytes");
  put("cache 9\ntotal_cache 700\ntotal_shmem 200\n", "memory", ...directory, "memory.stat");
  put("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n", "memory", ...directory, "memory.oom_control");
  assert.deepEqual(group.usage(), { memoryPeakBytes: 1000 });
  assert.equal(group.oomKills(), 1);
  assert.equal(existsSync(at("unified", "lambdad")), false);
  assert.equal(cgroups.canFreeze, false, "before Linux 5.2");
  await group.setFrozen(true);
});

test("D6: a hybrid's v2 freezes, counts and kills what v1 limits, and goes with it", async (t) => {
  const { host, put, get, at } = fakeHost(t, {
    mounts: (root) => separate(root) + unified(`${root}/unified`),
  });
  put("hugetlb\n", "unified", "cgroup.controllers");
  put("0\n", "unified", "lambdad", "one", "cgroup.freeze"); // as in every group of Linux 5.2
  for (const name of ["memory", "cpu,cpuacct", "pids"]) mkdirSync(at(name));
  const cgroups = openCgroups("one", systemClock, host);
  assert.equal(cgroups.version, 1);
  assert.equal(cgroups.canFreeze, true);
  const group = await cgroups.create("7-1");
  assert.equal(group.joinFiles.at(-1), at("unified", "lambdad", "one", "7-1", "cgroup.procs"));
  put("usage_usec 777\nuser_usec 700\n", "unified", "lambdad", "one", "cpu.stat");
  assert.equal(cgroups.cpuUsec(), 777);
  await group.setFrozen(true);
  assert.equal(get("unified", "lambdad", "one", "7-1", "cgroup.freeze"), "1");
  await group.setFrozen(false);
  assert.equal(get("unified", "lambdad", "one", "7-1", "cgroup.freeze"), "0");
  writeFileSync(at("pids", "lambdad", "one", "7-1", "cgroup.procs"), "1234\n");
  const gone = group.destroy();
  assert.equal(get("unified", "lambdad", "one", "7-1", "cgroup.kill"), "1");
  writeFileSync(at("pids", "lambdad", "one", "7-1", "cgroup.procs"), "");
  await gone;
  await assert.rejects(group.setFrozen(true), isLimitsError(/cannot freeze 7-1/));
  await cgroups.close();
  assert.equal(existsSync(at("unified", "lambdad")), false);
});

test("D4: sweep removes what an earlier run left and nothing of its own", async (t) => {
  const { host, killed, put, at } = fakeHost(t, { mounts: unified });
  put("cpu memory pids\n", "cgroup.controllers");
  put("", "lambdad", "one", "6-1", "cgroup.procs");
  put("", "lambdad", "two", `${process.pid}-1`, "cgroup.procs");
  put("", "lambdad", "three", "999999999-1", "cgroup.procs");
  const cgroups = openCgroups("one", systemClock, host);
  await cgroups.create("7-1");
  await cgroups.sweep();
  assert.deepEqual(
    readdirSync(at("lambdad", "one")).filter((name) => name.includes("-")),
    ["4242-here", "7-1"],
  );
  assert.ok(existsSync(at("lambdad", "two", `${process.pid}-1`)), "of another instance that lives");
  assert.equal(existsSync(at("lambdad", "three")), false, "of another that crashed");
  assert.deepEqual(killed, []);
});

test("a crashed instance that is started again keeps its directory from others' sweeps", async (t) => {
  const { host, put, at } = fakeHost(t, { mounts: unified });
  put("cpu memory pids\n", "cgroup.controllers");
  put("", "lambdad", "one", "999999999-1", "cgroup.procs");
  openCgroups("one", systemClock, { ...host, pid: process.pid });
  await openCgroups("two", systemClock, host).sweep();
  assert.ok(existsSync(at("lambdad", "one", `${process.pid}-here`)));
});

test("without the controllers, or without leave to write, the reason is a DriverError", (t) => {
  const none = fakeHost(t, { mounts: () => "" });
  assert.throws(() => openCgroups("one", systemClock, none.host), isLimitsError(/not all mounted/));
  const partial = fakeHost(t, { mounts: (root) => separate(root).split("\n")[0] ?? "" });
  assert.throws(() => openCgroups("one", systemClock, partial.host), isLimitsError(/not all mounted/));
  const blocked = fakeHost(t, { mounts: separate });
  blocked.put("a file in the way", "memory");
  assert.throws(() => openCgroups("one", systemClock, blocked.host), isLimitsError(/not writable/));
  const foreign = fakeHost(t, { mounts: unified, isRoot: false, own: "0::/not-ours\n" });
  foreign.put("cpu memory pids\n", "cgroup.controllers");
  foreign.put("a file in the way", "not-ours");
  assert.throws(() => openCgroups("one", systemClock, foreign.host), isLimitsError(/ours to divide/));
});

for (const isFrozen of [false, true]) {
  test(`D3: on this machine a${isFrozen ? " frozen" : ""} group's processes are killed and the group is removed`, (t) =>
    endOnThisMachine(t, isFrozen));
}

async function endOnThisMachine(t: TestContext, isFrozen: boolean) {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return t.skip("needs Linux and root");
  const cgroups = openCgroups(`t${systemRandom.hex(6)}`, systemClock);
  t.after(() => cgroups.close());
  const group = await cgroups.create("1-1");
  group.limit(limits);
  const join = group.joinFiles.map((file) => `echo 0 >${file}`).join("; ");
  const child = spawn("sh", ["-c", `${join}; (sleep 1000 &); echo in; exec sleep 1000`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = once(child, "exit");
  await once(child.stdout, "data");
  assert.ok(group.usage().memoryPeakBytes > 0);
  await group.setFrozen(isFrozen);
  await group.destroy();
  assert.deepEqual(await exit, [null, "SIGKILL"]);
  for (const file of group.joinFiles) assert.equal(existsSync(dirname(file)), false);
  assert.throws(
    () => group.limit(limits),
    (error) => error instanceof DriverError && error.code === "limits",
  );
}

function isLimitsError(message: RegExp) {
  return (error: unknown) =>
    error instanceof DriverError && error.code === "limits" && message.test(error.message);
}
