/** Message move tasks: their states and handles. Pure. Source: map-sqs-sns-s3 1.11. */
import { invalidParameter } from "../errors.ts";

/** Survives JSON. */
export interface MoveTask {
  readonly taskId: string;
  readonly sourceArn: string;
  /** Undefined: each message goes back to where it came from. */
  readonly destinationArn?: string;
  readonly messagesPerSecondMax?: number;
  readonly status: "RUNNING" | "COMPLETED" | "CANCELLING" | "CANCELLED" | "FAILED";
  readonly startedAtMs: number;
  readonly movedCount: number;
  /** When it started. */
  readonly toMoveCount: number;
  readonly failureReason?: string;
}

export function taskHandle({ taskId, sourceArn }: MoveTask): string {
  return Buffer.from(JSON.stringify({ taskId, sourceArn })).toString("base64");
}

export function readTaskHandle(handle: string): Pick<MoveTask, "taskId" | "sourceArn"> {
  try {
    const { taskId, sourceArn } = JSON.parse(Buffer.from(handle, "base64").toString()) as Partial<MoveTask>;
    if (typeof taskId === "string" && typeof sourceArn === "string") return { taskId, sourceArn };
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof TypeError)) throw error;
  }
  throw invalidParameter("Value for parameter TaskHandle is invalid.");
}
