/** Which of the machine's mounts slots are made among. That sandboxes work there is what the driver's tests show. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { groundPlan } from "./ground.ts";

const points = [
  ...["/", "/proc", "/proc/sys/fs/binfmt_misc", "/sys", "/sys/fs/cgroup", "/dev", "/dev/pts", "/dev/pts"],
  ...["/usr", "/usr/local", "/etc/resolv.conf", "/run", "/run/user/0", "/mnt/with\\040blank", "/mnt2"],
  ...["/data", "/data/lambdad/other"],
];
const mountinfo = points.map((point, index) => `${index} 1 8:1 / ${point} rw - ext4 /dev/vda rw\n`).join("");
const plan = groundPlan(mountinfo, ["/run/lambdad/stage", "/data/lambdad"]);

test("the mounts that no sandbox is shown go, as often as they are there, inner ones first", () => {
  assert.deepEqual(plan.away, [
    ...["/data/lambdad/other", "/mnt2", "/mnt/with blank", "/run/user/0", "/dev/pts", "/dev/pts"],
    ...["/sys/fs/cgroup", "/sys"],
  ]);
});

test("a path on a mount that goes is known by it, also if its name only begins like another", () => {
  const table: readonly (readonly [string, string | undefined])[] = [
    ["/usr/local/bin/x", undefined],
    ["/opt/python", undefined],
    ["/data/lambdad/code/sha", undefined],
    ["/data/lambdad/other/x", "/data/lambdad/other"],
    ["/mnt/with blank/code", "/mnt/with blank"],
    ["/mnt2", "/mnt2"],
    ["/mnt21/code", undefined],
    ["/run/user/0/x", "/run/user/0"],
    ["/run/user/01", undefined],
  ];
  for (const [path, mount] of table) assert.equal(plan.awayMountOf(path), mount, path);
});

test("a machine with nothing but its root loses nothing", () => {
  const bare = groundPlan("1 0 8:1 / / rw - ext4 /dev/vda rw\n", []);
  assert.deepEqual(bare.away, []);
  assert.equal(bare.awayMountOf("/anything"), undefined);
});
