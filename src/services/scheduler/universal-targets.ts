/** The operations that universal targets may call: those of services that are here. */
import type { Operation } from "../../wire/model.ts";
import { loadModel } from "../../wire/model-load.ts";
import { operationOf, type UniversalName } from "./domain/universal.ts";
import { unsupported } from "./errors.ts";

export interface UniversalTargets {
  /** Throws when there is no such service or operation. */
  find(name: UniversalName): { readonly service: string; readonly operation: Operation };
}

/** `services`: their names, complete when the first is looked for. */
export function universalTargets(services: () => readonly string[]): UniversalTargets {
  return {
    find(name) {
      const wanted = aliases.get(name.service) ?? name.service.replaceAll("-", "");
      const service = services().find((each) => each.replaceAll("-", "") === wanted);
      const operation = service === undefined ? undefined : operationOf(loadModel(service), name);
      if (service === undefined || !operation) {
        throw unsupported(`The target ${name.service}:${name.action} is`);
      }
      return { service, operation };
    },
  };
}

/** Where the SDK for Java, whose names these are, calls a service otherwise. */
const aliases: ReadonlyMap<string, string> = new Map([["events", "eventbridge"]]);
