/** A pool and a clock that stands still, with environments that do as the test says. */
import assert from "node:assert/strict";
import { createSimClock } from "../../src/base/clock-sim.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { PoolLimits } from "../../src/invoke/pool.ts";
import { Pool } from "../../src/invoke/pool.ts";
import { FakeEnvironment } from "./fake-environment.ts";

export function invokeStage(limits: Partial<PoolLimits> = {}) {
  const clock = createSimClock();
  const environments: FakeEnvironment[] = [];
  const pool = new Pool({
    clock,
    logger: silentLogger,
    startEnvironment(spec) {
      const environment = new FakeEnvironment(`env-${environments.length}`, spec);
      environments.push(environment);
      return environment;
    },
    limits: { environmentsMax: 10, startingMax: 4, idleMs: 60_000, settlePatienceMs: 50, ...limits },
  });
  return { clock, environments, pool };
}

export const turn = () => new Promise((resolve) => setImmediate(resolve));

/** The n-th environment, which must be there. */
export function at(environments: readonly FakeEnvironment[], index: number): FakeEnvironment {
  const environment = environments[index];
  assert(environment, `environment ${index} was started`);
  return environment;
}
