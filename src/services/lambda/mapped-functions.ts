/** Lambda's side of event source mappings: which queues are to be polled, and how a batch of their messages is run. */
import { parseArn } from "../../base/arn.ts";
import type {
  MappedAnswer,
  MappedFunctions,
  MappedInvoke,
  PolledMapping,
} from "../../events/mapping/port.ts";
import type { FunctionRef } from "./domain/function-ref.ts";
import type { Mapping } from "./domain/mapping.ts";
import { functionNotFound } from "./errors.ts";
import type { LambdaParts } from "./parts.ts";

type Parts = Pick<LambdaParts, "random" | "mappings" | "targets" | "invoker" | "recursion">;

export function createMappedFunctions(parts: Parts): MappedFunctions {
  const { random, mappings, targets, invoker, recursion } = parts;

  async function invoke({ functionArn, payload, traceHeader: cause }: MappedInvoke): Promise<MappedAnswer> {
    const target = await targets.resolve(refOf(functionArn));
    const { spec, invokedFunctionArn, shares, configuration } = target;
    const traceHeader = recursion(target, targets.traceOf(configuration, cause));
    if (traceHeader === undefined) return { kind: "recursive" };
    const requestId = random.uuid();
    const answer = await invoker.invoke({
      spec,
      request: { requestId, invokedFunctionArn, payload, traceHeader, clientContext: undefined },
      wantTail: false,
      ...shares,
    });
    if (answer.kind === "throttled") {
      return { kind: "throttled", timeoutMs: configuration.timeoutSeconds * 1000 };
    }
    return { kind: "done", outcome: answer.outcome };
  }

  return {
    async *enabled() {
      for await (const mapping of mappings.all()) {
        const polled = polledOf(mapping);
        if (polled) yield polled;
      }
    },

    onChange(listener) {
      mappings.onChange(({ id }, after) =>
        listener(id.uuid, after && polledOf(after), after?.settings.countsEvents === true),
      );
    },

    async invoke(order) {
      try {
        return await invoke(order);
      } catch (error) {
        return { kind: "failed", error };
      }
    },
  };
}

/** Undefined: it is not a queue's, or not to be polled in its state. */
function polledOf({ id, functionArn, source, settings, state }: Mapping): PolledMapping | undefined {
  if (source.kind !== "sqs" || state !== "Enabled") return undefined;
  const { batchSize, windowSeconds, filters, reportsBatchItemFailures } = settings;
  return {
    uuid: id.uuid,
    functionArn,
    sourceArn: source.arn,
    batchSize,
    windowMs: windowSeconds * 1000,
    filters,
    reportsBatchItemFailures,
    concurrencyMax: settings.concurrencyMax,
    pollers: settings.pollers,
    countsEvents: settings.countsEvents,
  };
}

function refOf(arn: string): FunctionRef {
  const { region = "", account = "", resource = "" } = parseArn(arn) ?? {};
  const [, name, qualifier] = resource.split(":");
  if (!name) throw functionNotFound(arn);
  return { id: { account, region, name }, qualifier };
}
