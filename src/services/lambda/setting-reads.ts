/** What others may ask of a function's settings: the queue of asynchronous events, whoever looks for endless chains. */
import type { EventInvokeConfig } from "./domain/event-invoke.ts";
import type { FunctionId } from "./domain/function-ref.ts";
import { latest } from "./domain/function-ref.ts";
import type { Functions } from "./store.ts";

export interface SettingReads {
  /**
   * By the qualifier that the event was sent to; undefined: the function itself. Answers undefined where nothing is set:
   * AWS's defaults hold then. An alias does not inherit what is set for the function (inferred).
   */
  eventInvokeConfig(id: FunctionId, qualifier: string | undefined): Promise<EventInvokeConfig | undefined>;
  /** "Terminate" where nothing is set. */
  recursiveLoop(id: FunctionId): Promise<"Allow" | "Terminate">;
}

export function createSettingReads(functions: Pick<Functions, "get">): SettingReads {
  return {
    async eventInvokeConfig(id, qualifier = latest) {
      return (await functions.get(id))?.settings.eventInvoke[qualifier];
    },
    async recursiveLoop(id) {
      return (await functions.get(id))?.settings.recursiveLoop ?? "Terminate";
    },
  };
}
