/** Removing objects, one by one and many at once. */
import { deletedKeysMax } from "../../../limits.ts";
import { AwsError } from "../../../wire/aws-error.ts";
import type { Context, OperationsOf } from "../../service.ts";
import type { Bucket } from "../buckets.ts";
import { invalidRequest, malformedXml, notImplemented } from "../errors.ts";
import type { Removed } from "../objects.ts";
import type { S3Parts } from "../parts.ts";
import { causeOf, checkKey, requireDigest } from "../request.ts";
import type { Client } from "../to-wire.ts";

/** Of one DeleteObjects. */
const atOnce = 100;

type DeleteOperations = Pick<OperationsOf<Client>, "DeleteObject" | "DeleteObjects">;

export function deleteOperations({ buckets, objects }: S3Parts): DeleteOperations {
  function remove(
    bucket: Bucket,
    ctx: Context,
    reason: string,
    { key, versionId, ifMatch, bypass, mustExist = false }: Deletion,
  ): Promise<Removed> {
    // A delete marker would be kept under it.
    checkKey(key);
    return objects.remove(bucket, key, {
      versionId,
      ifMatch,
      mustExist,
      bypassGovernance: bypass,
      family: "ObjectRemoved",
      by: causeOf(ctx, reason),
    });
  }

  async function end(bucket: Bucket, ctx: Context, entry: Entry, bypass: boolean): Promise<Ending> {
    const { Key = "", VersionId, ETag } = entry;
    const named = { Key, ...(VersionId !== undefined && { VersionId }) };
    const deletion = { key: Key, versionId: VersionId, ifMatch: ETag, bypass, mustExist: true };
    try {
      const { isMarker, versionId } = await remove(bucket, ctx, "DeleteObject", deletion);
      return {
        deleted: { ...named, ...(isMarker && { DeleteMarker: true, DeleteMarkerVersionId: versionId }) },
      };
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      return { failed: { ...named, Code: error.code, Message: error.message } };
    }
  }

  return {
    async DeleteObject(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      checkBypass(bucket, input.BypassGovernanceRetention);
      if (input.IfMatchLastModifiedTime) throw notImplemented("x-amz-if-match-last-modified-time");
      if (input.IfMatchSize !== undefined) throw notImplemented("x-amz-if-match-size");
      const { isMarker, versionId } = await remove(bucket, ctx, "DeleteObject", {
        key: input.Key,
        versionId: input.VersionId,
        ifMatch: input.IfMatch,
        bypass: input.BypassGovernanceRetention === true,
      });
      return { ...(isMarker && { DeleteMarker: true }), VersionId: versionId };
    },

    async DeleteObjects(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      requireDigest(ctx);
      const listed = input.Delete.Objects ?? [];
      if (listed.length === 0 || listed.length > deletedKeysMax) throw malformedXml();
      checkBypass(bucket, input.BypassGovernanceRetention);
      const bypass = input.BypassGovernanceRetention === true;
      const ends: Ending[] = [];
      // Side by side: the store commits them together.
      for (let at = 0; at < listed.length; at += atOnce) {
        ends.push(
          ...(await Promise.all(listed.slice(at, at + atOnce).map((each) => end(bucket, ctx, each, bypass)))),
        );
      }
      const Deleted = ends.flatMap(({ deleted }) => (deleted ? [deleted] : []));
      const Errors = ends.flatMap(({ failed }) => (failed ? [failed] : []));
      return {
        ...(input.Delete.Quiet !== true && { Deleted }),
        ...(Errors.length > 0 && { Errors }),
      };
    },
  };
}

interface Entry {
  readonly Key: string | undefined;
  readonly VersionId?: string | undefined;
  readonly ETag?: string | undefined;
}

interface Ending {
  readonly deleted?: object;
  readonly failed?: object;
}

interface Deletion {
  readonly key: string;
  readonly versionId: string | undefined;
  readonly ifMatch: string | undefined;
  readonly bypass: boolean;
  readonly mustExist?: boolean;
}

function checkBypass({ value: { settings } }: Bucket, bypass: boolean | undefined): void {
  if (bypass === undefined || settings.objectLock) return;
  throw invalidRequest(
    "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.",
  );
}
