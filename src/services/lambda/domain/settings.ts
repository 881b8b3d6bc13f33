/**
 * What is set for a function beside its code and configuration, for the whole function or by qualifier. Pure.
 *
 * It lies in the function's own record, so that it comes and goes with the function and changes under the same
 * condition. Nothing here touches a version's configuration (L1) or a revision id: inferred, as for tags.
 */
import type { EventInvokeConfig } from "./event-invoke.ts";
import type { FunctionUrl } from "./function-url.ts";
import type { ProvisionedConcurrency } from "./provisioned.ts";
import type { RuntimeManagement } from "./runtime-management.ts";

/** "$LATEST" stands for the function itself, beside names of aliases and numbers of versions. */
export type ByQualifier<T> = Readonly<Record<string, T>>;

export interface FunctionSettings {
  readonly recursiveLoop: "Allow" | "Terminate";
  readonly codeSigningConfigArn: string | undefined;
  readonly eventInvoke: ByQualifier<EventInvokeConfig>;
  readonly runtimeManagement: ByQualifier<RuntimeManagement>;
  readonly urls: ByQualifier<FunctionUrl>;
  readonly provisioned: ByQualifier<ProvisionedConcurrency>;
}

export const noSettings: FunctionSettings = {
  recursiveLoop: "Terminate",
  codeSigningConfigArn: undefined,
  eventInvoke: {},
  runtimeManagement: {},
  urls: {},
  provisioned: {},
};

/** Of a function whose version or alias is gone. Its URL stays: recorded for aliases, and answers 403 from then on. */
export function withoutQualifier(settings: FunctionSettings, qualifier: string): FunctionSettings {
  return {
    ...settings,
    eventInvoke: without(settings.eventInvoke, qualifier),
    runtimeManagement: without(settings.runtimeManagement, qualifier),
    provisioned: without(settings.provisioned, qualifier),
  };
}

export function without<T>(entries: ByQualifier<T>, qualifier: string): ByQualifier<T> {
  const { [qualifier]: _gone, ...rest } = entries;
  return rest;
}

/** In the order of qualifiers, those after `after`. */
export function listed<T>(entries: ByQualifier<T>, after: string | undefined): (readonly [string, T])[] {
  return Object.entries(entries)
    .filter(([qualifier]) => after === undefined || qualifier > after)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
