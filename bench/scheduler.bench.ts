/** Scheduler: on an idle platform, the time from the second that a schedule names to the handler that is its target. */
import { CreateScheduleCommand, SchedulerClient } from "@aws-sdk/client-scheduler";
import { enteredAfterMs, nowMs } from "./entered.ts";
import type { Row } from "./row.ts";

/** Time for the schedule to be made before it is due. */
const aheadMs = 500;

export async function run(): Promise<Row[]> {
  const value = await enteredAfterMs({
    principal: "scheduler.amazonaws.com",
    number: "event.n",
    samples: 20,
    async connect(settings, Arn) {
      const scheduler = new SchedulerClient(settings);
      const RoleArn = "arn:aws:iam::000000000000:role/any";
      return async (n) => {
        const dueMs = Math.ceil((nowMs() + aheadMs) / 1000) * 1000;
        await scheduler.send(
          new CreateScheduleCommand({
            Name: `bench-${n}`,
            ScheduleExpression: `at(${new Date(dueMs).toISOString().slice(0, 19)})`,
            FlexibleTimeWindow: { Mode: "OFF" },
            Target: { Arn, RoleArn, Input: JSON.stringify({ n }) },
          }),
        );
        return dueMs;
      };
    },
  });
  const what = "Scheduler: due → handler entered, p50, idle";
  return [{ id: "", what, value, yardstick: Number.NaN, result: value, unit: "ms", goal: "≤ 1000" }];
}
