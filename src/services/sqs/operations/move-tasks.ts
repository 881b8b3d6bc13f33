/** StartMessageMoveTask, CancelMessageMoveTask, ListMessageMoveTasks. */
import { moveTaskRateMax, moveTasksListedMax } from "../../../limits.ts";
import type { OperationsOf } from "../../service.ts";
import { readTaskHandle, taskHandle } from "../domain/move-task.ts";
import { queueOfArn } from "../domain/queue-name.ts";
import { invalidParameter, invalidValue, notFound } from "../errors.ts";
import type { SqsParts } from "../parts.ts";
import type { Queue } from "../queue.ts";
import { type Client, taskToWire } from "../to-wire.ts";

type MoveTaskOperations = Pick<
  OperationsOf<Client>,
  "StartMessageMoveTask" | "CancelMessageMoveTask" | "ListMessageMoveTasks"
>;

export function moveTaskOperations({ mover, queues }: SqsParts): MoveTaskOperations {
  async function queueOf(parameter: "SourceArn" | "DestinationArn", arn: string): Promise<Queue> {
    if (!queueOfArn(arn)) {
      throw invalidParameter(
        `You must use this format to specify the ${parameter}: arn:<partition>:<service>:<region>:<account-id>:<resource-id>`,
      );
    }
    const queue = await queues.findByArn(arn);
    if (queue) return queue;
    throw notFound(`The resource that you specified for the ${parameter} parameter doesn't exist.`);
  }

  return {
    async StartMessageMoveTask(input) {
      const { SourceArn, DestinationArn, MaxNumberOfMessagesPerSecond: rate } = input;
      if (rate !== undefined && (rate < 1 || rate > moveTaskRateMax)) {
        const reason = `Must be between 1 and ${moveTaskRateMax}, if provided.`; // inferred
        throw invalidValue("MaxNumberOfMessagesPerSecond", rate, reason);
      }
      const source = await queueOf("SourceArn", SourceArn);
      if ((await queues.sourcesOf(source.record)).length === 0) {
        throw invalidParameter("Source queue must be configured as a Dead Letter Queue.");
      }
      if (DestinationArn !== undefined) await queueOf("DestinationArn", DestinationArn);
      const task = await mover.begin(source, {
        ...(DestinationArn !== undefined && { destinationArn: DestinationArn }),
        ...(rate !== undefined && { messagesPerSecondMax: rate }),
      });
      return { TaskHandle: taskHandle(task) };
    },

    async CancelMessageMoveTask({ TaskHandle }) {
      const named = readTaskHandle(TaskHandle);
      await queueOf("SourceArn", named.sourceArn);
      return { ApproximateNumberOfMessagesMoved: await mover.cancel(named) };
    },

    async ListMessageMoveTasks({ SourceArn, MaxResults = 1 }) {
      if (MaxResults < 1 || MaxResults > moveTasksListedMax) {
        const reason = `Must be between 1 and ${moveTasksListedMax}, if provided.`; // inferred
        throw invalidValue("MaxResults", MaxResults, reason);
      }
      await queueOf("SourceArn", SourceArn);
      const tasks = await mover.list(SourceArn, MaxResults);
      return tasks.length === 0 ? {} : { Results: tasks.map(taskToWire) };
    },
  };
}
