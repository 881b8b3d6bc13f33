/** Create, Get, Update, Delete and ListEventSourceMappings. States move by themselves afterwards: `mapping-store.ts`. */
import { listMappingsPageMax } from "../../../limits.ts";
import type { Context } from "../../service.ts";
import { checkDestinations } from "../domain/event-invoke.ts";
import { requireDestination } from "../destinations.ts";
import { invalidParameter, nothingRequestedExists } from "../errors.ts";
import { findRevision } from "../domain/function.ts";
import type { FunctionRef } from "../domain/function-ref.ts";
import { arnOf, arnOfRef, parseFunctionRef } from "../domain/function-ref.ts";
import type { Mapping, MappingId } from "../domain/mapping.ts";
import { requireStable, stateWhileChanging } from "../domain/mapping.ts";
import { changedSettings, mappingSourceOf, newSettings } from "../domain/mapping-settings.ts";
import { requireSource } from "../mapping-sources.ts";
import { mappingToWire } from "../mapping-to-wire.ts";
import type { LambdaOperations } from "../operation-types.ts";
import { firstOf, markerOf, readMarker } from "../paging.ts";
import type { LambdaParts } from "../parts.ts";
import { checkTags } from "../validate.ts";

type MappingOperations = Pick<
  LambdaOperations,
  | "CreateEventSourceMapping"
  | "GetEventSourceMapping"
  | "UpdateEventSourceMapping"
  | "DeleteEventSourceMapping"
  | "ListEventSourceMappings"
>;

export function createMappingOperations(parts: LambdaParts): MappingOperations {
  const { functions, mappings, clock, random } = parts;

  return {
    async CreateEventSourceMapping(input, ctx) {
      const source = mappingSourceOf(input);
      const settings = newSettings(input, source);
      const tags = input.Tags ?? {};
      checkTags(tags);
      const { ref, timeoutSeconds } = await functionOf(input.FunctionName, "CreateEventSourceMapping", ctx);
      await requireDestinations(ref, input.DestinationConfig, ctx);
      await requireSource(source, timeoutSeconds, ctx);
      const mapping: Mapping = {
        id: { account: ctx.account, region: ctx.region, uuid: random.uuid() },
        functionArn: arnOfRef(ref),
        source,
        settings,
        tags,
        state: "Creating",
        lastModifiedAtMs: clock.now(),
      };
      await mappings.create(mapping);
      return mappingToWire(mapping);
    },

    async GetEventSourceMapping(input, ctx) {
      const mapping = await mappings.get(idOf(input.UUID, ctx));
      if (!mapping) throw nothingRequestedExists();
      return mappingToWire(mapping);
    },

    async UpdateEventSourceMapping(input, ctx) {
      const id = idOf(input.UUID, ctx);
      const known = await mappings.get(id);
      if (!known) throw nothingRequestedExists();
      requireStable(known, "update");
      changedSettings(known.settings, input, known.source);
      const name = input.FunctionName ?? known.functionArn;
      const found =
        input.FunctionName === undefined
          ? undefined
          : await functionOf(name, "UpdateEventSourceMapping", ctx);
      if (found) await requireSource(known.source, found.timeoutSeconds, ctx);
      await requireDestinations(refOf(name, "UpdateEventSourceMapping", ctx), input.DestinationConfig, ctx);
      const mapping = await mappings.change(id, (before) => {
        requireStable(before, "update");
        const settings = changedSettings(before.settings, input, before.source);
        return {
          ...before,
          functionArn: found ? arnOfRef(found.ref) : before.functionArn,
          settings,
          state: stateWhileChanging(before.settings, settings),
          lastModifiedAtMs: clock.now(),
        };
      });
      return mappingToWire(mapping);
    },

    async DeleteEventSourceMapping(input, ctx) {
      const mapping = await mappings.change(idOf(input.UUID, ctx), (before) => {
        requireStable(before, "delete");
        return { ...before, state: "Deleting", lastModifiedAtMs: clock.now() };
      });
      return mappingToWire(mapping);
    },

    async ListEventSourceMappings(input, ctx) {
      const [after] = readMarker(input.Marker, 1) ?? [];
      const limit = Math.min(input.MaxItems ?? listMappingsPageMax, listMappingsPageMax);
      const functionArn =
        input.FunctionName && arnOfRef(refOf(input.FunctionName, "ListEventSourceMappings", ctx));
      const found: Mapping[] = [];
      for await (const mapping of mappings.list(ctx, after)) {
        if (functionArn && mapping.functionArn !== functionArn) continue;
        if (input.EventSourceArn && mapping.source.arn !== input.EventSourceArn) continue;
        found.push(mapping);
        if (found.length > limit) break;
      }
      const { items, last } = firstOf(found, limit);
      return {
        EventSourceMappings: items.map(mappingToWire),
        ...(last && { NextMarker: markerOf(last.id.uuid) }),
      };
    },
  };

  async function functionOf(name: string, action: string, ctx: Context) {
    const ref = refOf(name, action, ctx);
    const fn = await functions.get(ref.id);
    const found = fn && findRevision(fn, ref.qualifier);
    if (!found) throw invalidParameter("Function does not exist");
    return { ref, timeoutSeconds: found.revision.configuration.timeoutSeconds };
  }

  async function requireDestinations(
    ref: FunctionRef,
    config: Parameters<typeof checkDestinations>[1],
    ctx: Context,
  ): Promise<void> {
    for (const arn of checkDestinations(arnOf(ref.id), config)) await requireDestination(functions, arn, ctx);
  }
}

function refOf(name: string, action: string, ctx: Context): FunctionRef {
  return parseFunctionRef({ name, action }, ctx);
}

function idOf(uuid: string, { account, region }: Context): MappingId {
  return { account, region, uuid };
}
