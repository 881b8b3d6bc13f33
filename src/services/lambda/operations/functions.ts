/** CreateFunction, GetFunction, GetFunctionConfiguration, DeleteFunction, ListFunctions. */
import { listFunctionsPageMax } from "../../../limits.ts";
import { withKeptBody } from "../../../wire/protocol.ts";
import type { Context } from "../../service.ts";
import { aliasOn } from "../domain/alias.ts";
import { codeLocation } from "../code-location.ts";
import { zipFrom } from "../code-source.ts";
import type { FunctionHead } from "../collections.ts";
import { withoutOldestVersions } from "../collections.ts";
import { requireDeadLetterTarget } from "../destinations.ts";
import { requireSigned } from "../domain/code-signing.ts";
import { newConfiguration } from "../domain/configuration.ts";
import { functionNotFound, invalidParameter, resourceConflict } from "../errors.ts";
import type { Found, FunctionRecord, LayerUse } from "../domain/function.ts";
import { everyRevision, findAlias, findRevision } from "../domain/function.ts";
import type { Caller, FunctionId, FunctionRef } from "../domain/function-ref.ts";
import { arnOf, arnOfRef, latest, parseFunctionRef } from "../domain/function-ref.ts";
import { created } from "../domain/lifecycle.ts";
import { withoutQualifier } from "../domain/settings.ts";
import type { Input, LambdaOperations, Output } from "../operation-types.ts";
import { firstOf, markerOf, readMarker } from "../paging.ts";
import type { LambdaParts } from "../parts.ts";
import { withLayers } from "../layer-uses.ts";
import { refuseInCreate } from "../refusals.ts";
import { requireRuntime } from "../runtime-rules.ts";
import { configurationToWire, latestToWire, listedToWire, versionToWire } from "../to-wire.ts";
import { checkConfiguration, checkCreate, checkUnzippedSize } from "../validate.ts";

type FunctionOperations = Pick<
  LambdaOperations,
  "CreateFunction" | "GetFunction" | "GetFunctionConfiguration" | "DeleteFunction" | "ListFunctions"
>;

export function createFunctionOperations(parts: LambdaParts): FunctionOperations {
  const { functions, codeStore, codeUsage, activation, stamp } = parts;
  /** Pages of ListFunctions, 45 KB each, as long as the store knows the records on them to be current. */
  const pages = new WeakMap<readonly FunctionHead[], Output<"ListFunctions">>();

  async function find(
    named: { FunctionName: string; Qualifier?: string | undefined },
    action: string,
    caller: Caller,
  ) {
    const ref = parseFunctionRef({ name: named.FunctionName, qualifier: named.Qualifier, action }, caller);
    const fn = await functions.get(ref.id);
    const found = fn && findRevision(fn, ref.qualifier);
    if (!found) throw functionNotFound(arnOfRef(ref));
    return { ref, fn, found };
  }

  return {
    async CreateFunction(input, ctx) {
      const ref = parseFunctionRef({ name: input.FunctionName, action: "CreateFunction" }, ctx);
      refuseInCreate(input, parts.machine);
      checkCreate(input, ref);
      await requireDeadLetterTarget(input.DeadLetterConfig?.TargetArn, ctx);
      await requireRuntime(parts, { runtime: input.Runtime ?? "", doing: "create" });
      const layers = { arns: input.Layers ?? [], caller: ctx };
      return withLayers(parts, layers, (uses) => createFunction(input, { id: ref.id, layers: uses }, ctx));
    },

    async GetFunction(input, ctx) {
      const { ref, fn, found } = await find(input, "GetFunction", ctx);
      const { sha256 } = found.revision.configuration.code;
      const { reservedConcurrency: reserved, tags } = fn;
      return {
        Configuration: configurationToWire(fn.id, found, ref.qualifier),
        Code: { RepositoryType: "S3", Location: await codeLocation(parts, ctx.endpoint, sha256) },
        ...(Object.keys(tags).length > 0 && { Tags: { ...tags } }),
        ...(reserved !== undefined && { Concurrency: { ReservedConcurrentExecutions: reserved } }),
      };
    },

    async GetFunctionConfiguration(input, ctx) {
      const { ref, fn, found } = await find(input, "GetFunctionConfiguration", ctx);
      return configurationToWire(fn.id, found, ref.qualifier);
    },

    async DeleteFunction(input, ctx) {
      const ref = parseFunctionRef(
        { name: input.FunctionName, qualifier: input.Qualifier, action: "DeleteFunction" },
        ctx,
      );
      if (ref.qualifier === undefined) await deleteFunction(ref);
      else await deleteVersion(ref, ref.qualifier);
      return { StatusCode: 204 };
    },

    async ListFunctions(input, ctx) {
      const limit = Math.min(input.MaxItems ?? listFunctionsPageMax, listFunctionsPageMax);
      checkMasterRegion(input);
      // A replica of a Lambda@Edge function has a master; there are none here.
      if (input.MasterRegion !== undefined && input.MasterRegion !== "ALL") return { Functions: [] };
      return input.FunctionVersion === "ALL"
        ? listAllVersions(input.Marker, limit, ctx)
        : listLatest(input.Marker, limit, ctx);
    },
  };

  async function createFunction(
    input: Input<"CreateFunction">,
    { id, layers }: { readonly id: FunctionId; readonly layers: readonly LayerUse[] },
    ctx: Context,
  ) {
    const origin = {
      name: id.name,
      code: { sha256: "", sizeBytes: 0, unzippedBytes: 0 },
      layers,
      changeId: stamp().uuid(),
      nowMs: parts.clock.now(),
      architecture: parts.machine,
    };
    const configuration = newConfiguration(input, origin);
    checkConfiguration(configuration);
    if (await functions.get(id)) throw resourceConflict(`Function already exist: ${id.name}`);

    const arn = input.CodeSigningConfigArn;
    const signing = arn === undefined ? undefined : await parts.codeSigning.taken(arn, ctx);
    requireSigned(signing?.config);
    const staged = await codeStore.stage(await zipFrom(input.Code, ctx, parts.codeMounts));
    try {
      const made = {
        id,
        configuration: { ...configuration, code: staged.code },
        tags: input.Tags ?? {},
        publish: input.Publish ?? false,
        codeSigningConfigArn: arn,
      };
      checkUnzippedSize(made.configuration);
      await codeUsage.requireRoom(id, staged.code.sizeBytes * (made.publish ? 2 : 1));
      const fn = created(made, stamp());
      await functions.create(fn, signing && [signing.write]);
      activation.begin(fn);
      return made.publish ? versionToWire(fn, 1) : latestToWire(fn);
    } finally {
      staged.release();
      activation.sweep(staged.code.sha256);
    }
  }

  async function deleteFunction(ref: FunctionRef): Promise<void> {
    const missing = (): Error => functionNotFound(arnOfRef(ref));
    let removed: FunctionRecord | undefined;
    while (!removed) {
      const { before, fn } = await functions.change(ref.id, missing, (current) => {
        const fewer = withoutOldestVersions(current);
        return { fn: fewer === current ? undefined : fewer };
      });
      activation.retire(before, fn);
      if (!fn) removed = before;
    }
  }

  async function deleteVersion(ref: FunctionRef, qualifier: string): Promise<void> {
    const missing = (): Error => functionNotFound(arnOfRef(ref));
    const { before, fn } = await functions.change(ref.id, missing, (current) => ({
      fn: withoutVersion(current, qualifier),
    }));
    if (fn !== before) activation.retire(before, fn);
  }

  async function listLatest(marker: string | undefined, limit: number, { account, region }: Caller) {
    const [after] = readMarker(marker, 1) ?? [];
    const heads = await functions.list({ account, region }, { after, limit: limit + 1 });
    const known = pages.get(heads);
    if (known) return known;
    const { items, last } = firstOf(heads, limit);
    const page = withKeptBody({
      Functions: items.map(({ id, latest: revision }) =>
        listedToWire(id, { version: latest, revision }, undefined),
      ),
      ...(last && { NextMarker: markerOf(last.id.name) }),
    });
    pages.set(heads, page);
    return page;
  }

  async function listAllVersions(marker: string | undefined, limit: number, caller: Caller) {
    const [name, version] = readMarker(marker, 2) ?? [];
    const found: Listed[] = [];
    for await (const listed of revisionsAfter(caller, { name, version })) {
      found.push(listed);
      if (found.length > limit) break;
    }
    const { items, last } = firstOf(found, limit);
    return {
      // inferred: that $LATEST is qualified here, too, as ListVersionsByFunction has it.
      Functions: items.map((listed) => listedToWire(listed.id, listed, listed.version)),
      ...(last && { NextMarker: markerOf(last.id.name, last.version) }),
    };
  }

  /** Function by function in the order of names, `$LATEST` first, then the versions. */
  async function* revisionsAfter(
    { account, region }: Caller,
    position: { readonly name: string | undefined; readonly version: string | undefined },
  ): AsyncGenerator<Listed> {
    let after = position.name;
    if (after !== undefined) {
      const fn = await functions.get({ account, region, name: after });
      yield* fn ? revisionsOf(fn, position.version) : [];
    }
    for (;;) {
      const heads = await functions.list({ account, region }, { after, limit: listFunctionsPageMax });
      for (const { id } of heads) {
        const fn = await functions.get(id);
        yield* fn ? revisionsOf(fn) : [];
      }
      if (heads.length < listFunctionsPageMax) return;
      after = heads.at(-1)?.id.name;
    }
  }
}

interface Listed extends Found {
  readonly id: FunctionId;
}

function revisionsOf(fn: FunctionRecord, after?: string): Listed[] {
  return everyRevision(fn, after).map(({ version, revision }) => ({ id: fn.id, version, revision }));
}

function checkMasterRegion({ MasterRegion, FunctionVersion }: Input<"ListFunctions">): void {
  if (MasterRegion !== undefined && FunctionVersion !== "ALL") {
    throw invalidParameter("FunctionVersion must be set to ALL when MasterRegion is specified."); // inferred
  }
}

/** The function without that version; itself if there is none, as AWS answers 204 then. */
function withoutVersion(fn: FunctionRecord, qualifier: string): FunctionRecord {
  if (qualifier === latest) {
    throw invalidParameter("$LATEST version cannot be deleted without deleting the function.");
  }
  if (findAlias(fn, qualifier)) throw invalidParameter("Deletion of aliases is not currently supported.");
  const alias = aliasOn(fn, qualifier);
  if (alias) {
    // inferred: the end of the text.
    throw resourceConflict(
      `Version ${qualifier} is pointed to by an alias. To delete it, point the alias elsewhere or delete it: ${arnOf(fn.id, alias.name)}`,
    );
  }
  const versions = fn.versions.filter(({ number }) => String(number) !== qualifier);
  if (versions.length === fn.versions.length) return fn;
  return { ...fn, versions, settings: withoutQualifier(fn.settings, qualifier) };
}
