import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimClock } from "../base/clock-sim.ts";
import { systemClock } from "../base/clock.ts";
import { machineRoomReadingAgeMsMax } from "../limits.ts";
import { createMachineRoom } from "./machine-room.ts";

const MiB = 1024 * 1024;
const meminfo = "MemTotal:       24684096 kB\nMemFree:         1000000 kB\nMemAvailable:    2048000 kB\n";
const v2Mount = "30 20 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
const v1Mount = (root: string) => `31 20 0:27 ${root} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n`;

const cases: readonly { what: string; files: Record<string, string>; freeMb: number }[] = [
  { what: "a machine that says nothing", files: {}, freeMb: Infinity },
  { what: "a machine without control groups", files: { "/proc/meminfo": meminfo }, freeMb: 2000 },
  {
    what: "a group of v2 without a limit",
    files: {
      "/proc/meminfo": meminfo,
      "/proc/self/mountinfo": v2Mount,
      "/proc/self/cgroup": "0::/a\n",
      "/sys/fs/cgroup/a/memory.max": "max\n",
      "/sys/fs/cgroup/a/memory.current": `${900 * MiB}\n`,
    },
    freeMb: 2000,
  },
  {
    what: "a limit of v2 two groups up, less what is used, idle page cache given back",
    files: {
      "/proc/meminfo": meminfo,
      "/proc/self/mountinfo": v2Mount,
      "/proc/self/cgroup": "0::/a/b/c\n",
      "/sys/fs/cgroup/a/memory.max": `${1000 * MiB}\n`,
      "/sys/fs/cgroup/a/memory.current": `${900 * MiB}\n`,
      "/sys/fs/cgroup/a/memory.stat": `anon 5\ninactive_file ${50 * MiB}\nactive_file 7\n`,
    },
    freeMb: 150,
  },
  {
    what: "a container's limit on v1, whose group is mounted as the root",
    files: {
      "/proc/meminfo": meminfo,
      "/proc/self/mountinfo": v1Mount("/docker/abc"),
      "/proc/self/cgroup": "9:cpu:/\n4:memory:/docker/abc\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": `${512 * MiB}\n`,
      "/sys/fs/cgroup/memory/memory.usage_in_bytes": `${500 * MiB}\n`,
      "/sys/fs/cgroup/memory/memory.stat": `inactive_file 1\ntotal_inactive_file ${8 * MiB}\n`,
    },
    freeMb: 20,
  },
  {
    what: "a group that uses more than it may",
    files: {
      "/proc/self/mountinfo": v2Mount,
      "/proc/self/cgroup": "0::/a\n",
      "/sys/fs/cgroup/a/memory.max": `${MiB}\n`,
      "/sys/fs/cgroup/a/memory.current": `${2 * MiB}\n`,
    },
    freeMb: 0,
  },
];

for (const { what, files, freeMb } of cases) {
  test(`the memory left is the least that anything allows: ${what}`, () => {
    const room = createMachineRoom(createSimClock(), (path) => files[path] ?? "");
    assert.equal(room.freeMemoryMb(), freeMb);
  });
}

test("of a group without a limit nothing else is read", () => {
  for (const limit of ["9223372036854771712\n", "max\n", ""]) {
    const read: string[] = [];
    const files: Record<string, string> = {
      "/proc/meminfo": meminfo,
      "/proc/self/mountinfo": v1Mount("/"),
      "/proc/self/cgroup": "4:memory:/\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": limit,
    };
    const room = createMachineRoom(createSimClock(), (path) => {
      read.push(path);
      return files[path] ?? "";
    });
    assert.equal(room.freeMemoryMb(), 2000);
    assert.deepEqual(
      read.filter((path) => /usage|stat/.test(path)),
      [],
    );
  }
});

test("a reading of the memory left is kept for a moment, and no longer", async () => {
  const clock = createSimClock();
  let readings = 0;
  const read = (path: string) => {
    if (path !== "/proc/meminfo") return "";
    readings += 1;
    return `MemAvailable: ${readings * 1024} kB\n`;
  };
  const room = createMachineRoom(clock, read);
  assert.equal(room.freeMemoryMb(), 1);
  await clock.advance(machineRoomReadingAgeMsMax - 1);
  assert.equal(room.freeMemoryMb(), 1);
  await clock.advance(1);
  assert.equal(room.freeMemoryMb(), 2);
});

test("this machine has memory left", (t) => {
  if (process.platform !== "linux") return t.skip("reads Linux's /proc");
  const freeMb = createMachineRoom(systemClock).freeMemoryMb();
  assert.ok(freeMb > 0 && Number.isFinite(freeMb), String(freeMb));
});
