/** Put, Update, Get, Delete and ListFunctionEventInvokeConfig: how asynchronous events of a qualifier are tried. */
import { own } from "../../../base/own.ts";
import { listEventInvokeConfigsPageMax } from "../../../limits.ts";
import type { Context } from "../../service.ts";
import { requireDestination } from "../destinations.ts";
import { functionNotFound, resourceNotFound } from "../errors.ts";
import type { EventInvokeConfig, EventInvokeInput } from "../domain/event-invoke.ts";
import { checkDestinations, eventInvokeConfigOf, requireSomething } from "../domain/event-invoke.ts";
import type { FunctionRecord } from "../domain/function.ts";
import { findRevision } from "../domain/function.ts";
import type { FunctionRef } from "../domain/function-ref.ts";
import { arnOf, arnOfRef, latest, parseFunctionRef } from "../domain/function-ref.ts";
import { listed, without } from "../domain/settings.ts";
import type { LambdaOperations } from "../operation-types.ts";
import { firstOf, markerOf, readMarker } from "../paging.ts";
import type { LambdaParts } from "../parts.ts";
import { eventInvokeToWire } from "../settings-to-wire.ts";

type EventInvokeOperations = Pick<
  LambdaOperations,
  | "PutFunctionEventInvokeConfig"
  | "UpdateFunctionEventInvokeConfig"
  | "GetFunctionEventInvokeConfig"
  | "DeleteFunctionEventInvokeConfig"
  | "ListFunctionEventInvokeConfigs"
>;

interface Named {
  readonly FunctionName: string;
  readonly Qualifier?: string | undefined;
}

export function createEventInvokeOperations({ functions, clock }: LambdaParts): EventInvokeOperations {
  return {
    async PutFunctionEventInvokeConfig(input, ctx) {
      const ref = refOf(input, "PutFunctionEventInvokeConfig", ctx);
      return set(ref, input, ctx, () => undefined);
    },

    async UpdateFunctionEventInvokeConfig(input, ctx) {
      const ref = refOf(input, "UpdateFunctionEventInvokeConfig", ctx);
      return set(ref, input, ctx, (fn) => configOf(fn, ref));
    },

    async GetFunctionEventInvokeConfig(input, ctx) {
      const ref = refOf(input, "GetFunctionEventInvokeConfig", ctx);
      const fn = await functions.get(ref.id);
      if (!fn) throw nothingSet(ref);
      return eventInvokeToWire(ref.id, qualifierOf(ref), configOf(fn, ref));
    },

    async DeleteFunctionEventInvokeConfig(input, ctx) {
      const ref = refOf(input, "DeleteFunctionEventInvokeConfig", ctx);
      await functions.change(
        ref.id,
        () => nothingSet(ref),
        (fn) => {
          configOf(fn, ref);
          return { fn: withConfigs(fn, without(fn.settings.eventInvoke, qualifierOf(ref))) };
        },
      );
      return {};
    },

    async ListFunctionEventInvokeConfigs(input, ctx) {
      const ref = parseFunctionRef(
        { name: input.FunctionName, action: "ListFunctionEventInvokeConfigs" },
        ctx,
      );
      const fn = await functions.get(ref.id);
      if (!fn) throw functionNotFound(arnOfRef(ref));
      const [after] = readMarker(input.Marker, 1) ?? [];
      const limit = Math.min(input.MaxItems ?? listEventInvokeConfigsPageMax, listEventInvokeConfigsPageMax);
      const { items, last } = firstOf(listed(fn.settings.eventInvoke, after), limit);
      return {
        FunctionEventInvokeConfigs: items.map(([qualifier, config]) =>
          eventInvokeToWire(fn.id, qualifier, config),
        ),
        ...(last && { NextMarker: markerOf(last[0]) }),
      };
    },
  };

  async function set(
    ref: FunctionRef,
    input: EventInvokeInput,
    ctx: Context,
    beforeOf: (fn: FunctionRecord) => EventInvokeConfig | undefined,
  ) {
    requireSomething(input);
    const destinations = checkDestinations(arnOf(ref.id), input.DestinationConfig);
    const missing = (): Error => resourceNotFound("The function doesn't exist.");
    const known = await functions.get(ref.id);
    if (!known || !findRevision(known, ref.qualifier)) throw missing();
    for (const arn of destinations) await requireDestination(functions, arn, ctx);
    const { config } = await functions.change(ref.id, missing, (fn) => {
      if (!findRevision(fn, ref.qualifier)) throw missing();
      const next = eventInvokeConfigOf(input, beforeOf(fn), clock.now());
      return {
        fn: withConfigs(fn, { ...fn.settings.eventInvoke, [qualifierOf(ref)]: next }),
        config: next,
      };
    });
    return eventInvokeToWire(ref.id, qualifierOf(ref), config);
  }
}

function refOf({ FunctionName, Qualifier }: Named, action: string, ctx: Context): FunctionRef {
  return parseFunctionRef({ name: FunctionName, qualifier: Qualifier, action }, ctx);
}

function qualifierOf({ qualifier }: FunctionRef): string {
  return qualifier ?? latest;
}

function configOf(fn: FunctionRecord, ref: FunctionRef): EventInvokeConfig {
  const found = own(fn.settings.eventInvoke, qualifierOf(ref));
  if (!found) throw nothingSet(ref);
  return found;
}

function nothingSet(ref: FunctionRef): Error {
  return resourceNotFound(
    `The function ${arnOf(ref.id, qualifierOf(ref))} doesn't have an EventInvokeConfig`,
  );
}

function withConfigs(
  fn: FunctionRecord,
  eventInvoke: FunctionRecord["settings"]["eventInvoke"],
): FunctionRecord {
  return { ...fn, settings: { ...fn.settings, eventInvoke } };
}
