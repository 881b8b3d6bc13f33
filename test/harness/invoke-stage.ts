/** A pool and a clock that stands still, with environments that do as the test says. */
import assert from "node:assert/strict";
import { createSimClock } from "../../src/base/clock-sim.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { AdmissionLimits, Machine } from "../../src/invoke/admission.ts";
import { Admission } from "../../src/invoke/admission.ts";
import type { PoolLimits } from "../../src/invoke/contract.ts";
import { Pool } from "../../src/invoke/pool.ts";
import type { Saturation } from "../../src/isolation/machine-time.ts";
import { FakeEnvironment } from "./fake-environment.ts";

export const admissionLimits: AdmissionLimits = {
  waitingPerVersionMax: 20,
  waitingMax: 30,
  memoryReserveMb: 100,
  memoryExpectedMb: 50,
  saturatedStartsCpusMax: 2,
  scaling: { capacity: 1000, perSecond: 100 },
};

export function invokeStage(limits: Partial<PoolLimits> = {}, admitted: Partial<AdmissionLimits> = {}) {
  const clock = createSimClock();
  const environments: FakeEnvironment[] = [];
  const machine = { freeMemoryMb: 4000, saturation: "none" as Saturation, spares: 0 };
  const admission = new Admission(
    { ...admissionLimits, ...admitted },
    machineWith(
      () => machine.freeMemoryMb,
      () => machine.saturation,
    ),
  );
  const pool = new Pool({
    clock,
    logger: silentLogger,
    startEnvironment(spec) {
      const environment = new FakeEnvironment(`env-${environments.length}`, spec);
      environments.push(environment);
      return environment;
    },
    admission,
    endSpares() {
      if (machine.spares === 0) return undefined;
      machine.spares = 0;
      return Promise.resolve();
    },
    limits: {
      environmentsMax: 10,
      startingMax: 4,
      snapshotsMax: 2,
      idleMs: 60_000,
      settlePatienceMs: 50,
      waitMsMax: 60_000,
      ...limits,
    },
  });
  return { clock, environments, machine, admission, pool };
}

export function machineWith(
  freeMemoryMb: () => number,
  saturation: () => Saturation = () => "none",
): Machine {
  return { freeMemoryMb, saturation };
}

export const turn = () => new Promise((resolve) => setImmediate(resolve));

/** The n-th environment, which must be there. */
export function at(environments: readonly FakeEnvironment[], index: number): FakeEnvironment {
  const environment = environments[index];
  assert(environment, `environment ${index} was started`);
  return environment;
}
