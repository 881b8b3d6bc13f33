/** Services beside Lambda, over a store in memory and in virtual time, for who wants to know what they offer. Not started. */
import { createSimClock, type SimClock } from "../../src/base/clock-sim.ts";
import { createSimDisk } from "../../src/base/disk-sim.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { createMetrics } from "../../src/base/metrics.ts";
import { seededRandom } from "../../src/base/random.ts";
import type { Deliver } from "../../src/events/ports.ts";
import { Trail } from "../../src/events/trail.ts";
import { createLogs } from "../../src/services/cloudwatch-logs/index.ts";
import { createEventBridge } from "../../src/services/eventbridge/index.ts";
import { createS3 } from "../../src/services/s3/index.ts";
import { createScheduler } from "../../src/services/scheduler/index.ts";
import type { Service, ServiceCall } from "../../src/services/service.ts";
import { createSns } from "../../src/services/sns/index.ts";
import { createSqs } from "../../src/services/sqs/index.ts";
import { TemporaryCredentials } from "../../src/wire/temporary-credentials.ts";
import { createSts } from "../../src/services/sts/index.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";

/** What they share with others; left out: a world of their own, in which nobody can be called. */
export interface Surroundings {
  readonly clock: SimClock;
  readonly deliver: Deliver;
  readonly call: ServiceCall;
}

export function simServices(around: Partial<Surroundings> = {}): readonly Service[] {
  const clock = around.clock ?? createSimClock();
  const random = seededRandom(1);
  const deps = {
    clock,
    random,
    store: createMemoryStore(),
    logger: silentLogger,
    metrics: createMetrics(),
  };
  const unreachable = async () => Promise.reject(new Error("nothing is called here"));
  const trail = new Trail(clock);
  const out = { deliver: around.deliver ?? unreachable, call: around.call ?? unreachable };
  return [
    createLogs(deps),
    createSts({ clock, temporary: new TemporaryCredentials(random.bytes(32), random), secure: false }),
    createSqs(deps),
    createSns({
      ...deps,
      ...out,
      trail,
      post: unreachable,
      urls: { everywhere: () => "", functions: () => "" },
    }),
    createEventBridge({ ...deps, ...out, trail, http: unreachable }),
    createScheduler({ ...deps, ...out, services: () => [] }),
    createS3({ ...deps, ...out, disk: createSimDisk(random), dir: "/objects", secure: false }),
  ];
}
