/** PublishVersion and ListVersionsByFunction. */
import { listVersionsPageMax } from "../../../limits.ts";
import { functionNotFound, notSupportedYet } from "../errors.ts";
import { everyRevision } from "../domain/function.ts";
import { arnOfRef, parseFunctionRef, requireLatest } from "../domain/function-ref.ts";
import { published, requireRevision } from "../domain/lifecycle.ts";
import type { LambdaOperations } from "../operation-types.ts";
import { firstOf, markerOf, readMarker } from "../paging.ts";
import type { LambdaParts } from "../parts.ts";
import { listedToWire, versionToWire } from "../to-wire.ts";

type VersionOperations = Pick<LambdaOperations, "PublishVersion" | "ListVersionsByFunction">;

export function createVersionOperations({ functions, codeUsage, stamp }: LambdaParts): VersionOperations {
  return {
    async PublishVersion(input, ctx) {
      const ref = parseFunctionRef({ name: input.FunctionName, action: "PublishVersion" }, ctx);
      requireLatest(ref);
      if (input.PublishTo) throw notSupportedYet("PublishTo");
      const request = { description: input.Description, codeSha256: input.CodeSha256 };
      const { fn, version } = await functions.change(
        ref.id,
        () => functionNotFound(arnOfRef(ref)),
        async (current) => {
          requireRevision(current, input.RevisionId);
          const next = published(current, request, stamp());
          if (next.fn !== current)
            await codeUsage.requireRoom(ref.id, next.version.configuration.code.sizeBytes);
          return next;
        },
      );
      return versionToWire(fn, version.number);
    },

    async ListVersionsByFunction(input, ctx) {
      const ref = parseFunctionRef({ name: input.FunctionName, action: "ListVersionsByFunction" }, ctx);
      const fn = await functions.get(ref.id);
      if (!fn) throw functionNotFound(arnOfRef(ref));
      const [after] = readMarker(input.Marker, 1) ?? [];
      const limit = Math.min(input.MaxItems ?? listVersionsPageMax, listVersionsPageMax);
      const { items, last } = firstOf(everyRevision(fn, after), limit);
      return {
        Versions: items.map((found) => listedToWire(fn.id, found, found.version)),
        ...(last && { NextMarker: markerOf(last.version) }),
      };
    },
  };
}
