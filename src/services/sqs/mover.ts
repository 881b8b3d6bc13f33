/**
 * Message move tasks at work: one loop for each that runs, portion by portion, each portion and the task's count in one
 * commit. Tasks that a crash has interrupted go on after the next start.
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Random } from "../../base/random.ts";
import { moveTaskRateMax, moveTasksListedMax } from "../../limits.ts";
import { AwsError } from "../../wire/aws-error.ts";
import type { MoveTask } from "./domain/move-task.ts";
import { invalidParameter, notFound } from "./errors.ts";
import type { Queue } from "./queue.ts";
import type { Queues } from "./queues.ts";
import type { SqsStore } from "./store.ts";

export interface MoverDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly store: SqsStore;
  readonly queues: Queues;
}

export type NewTask = Pick<MoveTask, "destinationArn" | "messagesPerSecondMax">;

export class Mover {
  readonly #deps: MoverDeps;
  /** By the source's ARN: the task as it stands. */
  readonly #running = new Map<string, MoveTask>();
  readonly #loops = new Set<Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(deps: MoverDeps) {
    this.#deps = deps;
  }

  async begin(source: Queue, order: NewTask): Promise<MoveTask> {
    const { clock, random, store } = this.#deps;
    const sourceArn = source.arn;
    if (this.#running.has(sourceArn)) {
      throw invalidParameter(
        "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
      );
    }
    const task: MoveTask = {
      taskId: random.uuid(),
      sourceArn,
      ...order,
      status: "RUNNING",
      startedAtMs: clock.now(),
      movedCount: 0,
      toMoveCount: 0,
    };
    this.#running.set(sourceArn, task);
    try {
      const toMoveCount = (await source.counts()).visible;
      const older = (await store.tasks(sourceArn)).toReversed().slice(moveTasksListedMax - 1);
      await store.putTask({ ...task, toMoveCount }, older);
      this.#run({ ...task, toMoveCount });
      return task;
    } catch (error) {
      this.#running.delete(sourceArn);
      throw error;
    }
  }

  /** Answers how many it has moved. */
  async cancel({ taskId, sourceArn }: Pick<MoveTask, "taskId" | "sourceArn">): Promise<number> {
    const task = this.#running.get(sourceArn);
    if (task?.taskId !== taskId) throw notFound("Task does not exist.");
    this.#running.set(sourceArn, { ...task, status: "CANCELLING" });
    return task.movedCount;
  }

  /** Newest first. */
  async list(sourceArn: string, limit: number): Promise<readonly MoveTask[]> {
    const stored = await this.#deps.store.tasks(sourceArn);
    const running = this.#running.get(sourceArn);
    const current = stored.map((task) => (task.taskId === running?.taskId ? running : task));
    return current.toReversed().slice(0, limit);
  }

  async resume(): Promise<void> {
    for (const task of await this.#deps.store.tasks()) {
      if (task.status === "RUNNING" || task.status === "CANCELLING") this.#run(task);
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#loops);
  }

  #run(task: MoveTask): void {
    this.#running.set(task.sourceArn, task);
    const loop = this.#moveAll(task.sourceArn)
      .catch((error: unknown) => this.#fail(task.sourceArn, error))
      .catch((error: unknown) => this.#deps.logger.error("a move task's end was not written down", { error }))
      .finally(() => this.#loops.delete(loop));
    this.#loops.add(loop);
  }

  async #moveAll(sourceArn: string): Promise<void> {
    const { clock } = this.#deps;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const task = this.#running.get(sourceArn);
      if (!task) return;
      if (task.status === "CANCELLING") return this.#end({ ...task, status: "CANCELLED" });
      const rate = task.messagesPerSecondMax ?? moveTaskRateMax;
      const { movedCount, isStuck } = await this.#moveSome(task, Math.min(rate, portion));
      if (isStuck) return this.#fail(sourceArn, undefined);
      const current = this.#running.get(sourceArn) ?? task;
      if (movedCount === 0 && current.status === "RUNNING") {
        return this.#end({ ...current, status: "COMPLETED" });
      }
      if (task.messagesPerSecondMax === undefined) continue;
      await clock.sleep((movedCount / rate) * 1000, signal).catch(() => {});
    }
  }

  async #moveSome(task: MoveTask, max: number) {
    const { queues, store } = this.#deps;
    const source = await queues.findByArn(task.sourceArn);
    if (!source) throw gone();
    const targetOf = async (arn: string | undefined) => {
      const target = arn === undefined ? undefined : await queues.findByArn(arn);
      if (arn !== undefined && !target) throw gone();
      return target;
    };
    return source.redrive(
      max,
      ({ deadLetterSourceArn }) => targetOf(task.destinationArn ?? deadLetterSourceArn),
      async ({ from, to }) => {
        const before = this.#running.get(task.sourceArn) ?? task;
        const moved = before.movedCount + from.messages.length;
        await store.move(from, to, { ...before, movedCount: moved });
        const now = this.#running.get(task.sourceArn) ?? before;
        this.#running.set(task.sourceArn, { ...now, movedCount: moved });
      },
    );
  }

  async #fail(sourceArn: string, error: unknown): Promise<void> {
    const task = this.#running.get(sourceArn);
    if (!task || this.#stopping.signal.aborted) return;
    if (error !== undefined) this.#deps.logger.warn("a message move task failed", { sourceArn, error });
    const known = error instanceof AwsError ? error.code : "AWS.SimpleQueueService.InternalError";
    const failureReason = error === undefined ? "CouldNotDetermineMessageSource" : known;
    await this.#end({ ...task, status: "FAILED", failureReason });
  }

  async #end(task: MoveTask): Promise<void> {
    await this.#deps.store.putTask(task);
    this.#running.delete(task.sourceArn);
  }
}

/** Messages in one commit: two or three writes each. */
const portion = 100;

function gone(): AwsError {
  return new AwsError("AWS.SimpleQueueService.NonExistentQueue", "A queue of the task does not exist.");
}
