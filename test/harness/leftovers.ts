/**
 * What sandboxes of one running server have on this machine, and what is left of them when it has stopped. Counts that
 * server's own only: other lambdads may run beside it.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { census } from "../../src/isolation/bubblewrap/census.ts";
import { instancesMax, networkPlan } from "../../src/isolation/network-plan.ts";
import type { RunningServer } from "./server.ts";

export function leftoversOf({ dataDir, port }: Pick<RunningServer, "dataDir" | "port">) {
  // As the platform makes it.
  const instance = createHash("sha256").update(dataDir).digest("hex").slice(0, 8);
  const runDir = `/run/lambdad-${instance}`;
  const number = numberOf(port);
  const subject = {
    ...{ instance, stageDir: join(runDir, "stage"), diskDir: join(dataDir, "tmp") },
    number: number ?? 0,
  };
  return {
    processes: () => census(subject).processes,
    /** When it has stopped: all are to be 0. What has ended is gone when process 1 has taken note of it. */
    async after() {
      const deadlineMs = performance.now() + 10_000;
      while (census(subject).processes > 0 && performance.now() < deadlineMs) await sleep(100);
      const { processes, mounts, cgroups, files, disks, loopDevices, links, routes, addresses } =
        census(subject);
      const own = { processes, mounts, cgroups, files, disks, loopDevices };
      const runDirectories = existsSync(runDir) ? 1 : 0;
      // Where another has taken its number, these are the other's.
      const isFree = number !== undefined && !isTaken(number);
      return { ...own, runDirectories, ...(isFree && { links, routes, addresses }) };
    },
  };
}

/** Which block of addresses it has: that on whose own address it listens. Undefined: none. */
function numberOf(port: number): number | undefined {
  const listening = readFileSync("/proc/net/tcp", "utf8");
  const hex = (byte: number) => byte.toString(16).toUpperCase().padStart(2, "0");
  const numbers = Array.from({ length: instancesMax }, (_, number) => number);
  return numbers.find((number) => {
    const bytes = networkPlan(number).hostAddress.split(".").map(Number).toReversed();
    return listening.includes(
      ` ${bytes.map(hex).join("")}:${port.toString(16).toUpperCase().padStart(4, "0")} `,
    );
  });
}

/** A lambdad holds its number by a socket of this name. */
function isTaken(number: number): boolean {
  return readFileSync("/proc/net/unix", "utf8")
    .split("\n")
    .some((line) => line.endsWith(`@lambdad-instance-${number}`));
}
