/** Making, finding, listing and deleting buckets. */
import { moreHeaders } from "../../../wire/protocol.ts";
import type { InputFor, OperationsOf } from "../../service.ts";
import { aclOfHeaders, isPublic } from "../domain/acl.ts";
import {
  allPublicBlocked,
  bucketArn,
  type BucketRecord,
  type BucketSettings,
  canonicalId,
} from "../domain/bucket.ts";
import { isRegion } from "../domain/regions.ts";
import { bucketTags } from "../domain/tagging.ts";
import { invalidArgument, notImplemented, s3Error, unsupported } from "../errors.ts";
import type { S3Parts } from "../parts.ts";
import { type Client, wholeSeconds } from "../to-wire.ts";
import type { Uploads } from "../uploads.ts";

type BucketOperations = Pick<
  OperationsOf<Client>,
  "CreateBucket" | "DeleteBucket" | "GetBucketLocation" | "HeadBucket" | "ListBuckets"
>;

export function bucketOperations({
  buckets,
  store,
  uploads,
}: S3Parts & { readonly uploads: Uploads }): BucketOperations {
  return {
    async CreateBucket(input, ctx) {
      if (input.CreateBucketConfiguration?.Bucket || input.CreateBucketConfiguration?.Location) {
        throw unsupported("s3 directory bucket");
      }
      if (input.BucketNamespace === "account-regional") {
        throw notImplemented("x-amz-bucket-namespace", "lambdad has the global namespace only");
      }
      const { region, location } = regionOf(input.CreateBucketConfiguration?.LocationConstraint, ctx.region);
      const settings = settingsOf(input);
      const record: Omit<BucketRecord, "id" | "createdAtMs"> = {
        name: input.Bucket,
        account: ctx.account,
        region,
        ...(location !== undefined && { location }),
        ...(settings.objectLock && { versioning: "Enabled" }),
        settings,
      };
      await buckets.create(record, ctx);
      const isUsual = region === "us-east-1";
      return {
        Location: isUsual ? `/${input.Bucket}` : `http://${input.Bucket}.${new URL(ctx.endpoint).host}/`,
        BucketArn: bucketArn(record),
      };
    },

    async DeleteBucket(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      await buckets.delete(bucket, () => uploads.abortAll(bucket));
      return {};
    },

    async HeadBucket(input, ctx) {
      const { value: bucket } = await buckets.require(input, ctx);
      return {
        BucketRegion: bucket.region,
        BucketArn: bucketArn(bucket),
        AccessPointAlias: false,
        [moreHeaders]: { "content-type": "application/xml" },
      };
    },

    async GetBucketLocation(input, ctx) {
      // The one question that may be asked in any region.
      const { value: bucket } = await buckets.require(input, ctx, "any-region");
      const { region, location = region } = bucket;
      return region === "us-east-1" ? {} : { LocationConstraint: location as "EU" };
    },

    async ListBuckets(input, ctx) {
      const { Prefix: prefix = "", BucketRegion: region, MaxBuckets: max, ContinuationToken: token } = input;
      if (max !== undefined && (max < 1 || max > 10_000)) {
        throw invalidArgument(
          "Argument max-buckets must be an integer between 1 and 10000",
          "max-buckets",
          max,
        );
      }
      if (region !== undefined && !isRegion(region)) {
        throw invalidArgument(`Argument value ${region} is not a valid AWS Region`, "bucket-region", region);
      }
      const after = token === undefined ? undefined : [nameIn(token)];
      const found: BucketRecord[] = [];
      let hasMore = false;
      for await (const { value } of store.buckets.each({
        parts: [],
        startsWith: prefix,
        ...(after && { after }),
      })) {
        if (value.account !== ctx.account || (region !== undefined && value.region !== region)) continue;
        hasMore = found.length === (max ?? 10_000);
        if (hasMore) break;
        found.push(value);
      }
      const last = found.at(-1);
      return {
        Buckets: found.map((bucket) => ({
          Name: bucket.name,
          CreationDate: wholeSeconds(bucket.createdAtMs),
          BucketRegion: bucket.region,
          BucketArn: bucketArn(bucket),
        })),
        Owner: { ID: canonicalId(ctx.account) },
        ...(input.Prefix !== undefined && { Prefix: input.Prefix }),
        ...(hasMore && last && { ContinuationToken: tokenOf(last.name) }),
      };
    },
  };
}

function settingsOf(input: InputFor<Client, "CreateBucket">): BucketSettings {
  const { ObjectOwnership: ownership } = input;
  const acl = aclOfHeaders(input);
  if (
    ownership !== undefined &&
    ownership !== "BucketOwnerEnforced" &&
    ownership !== "BucketOwnerPreferred" &&
    ownership !== "ObjectWriter"
  ) {
    throw invalidArgument(
      `Invalid x-amz-object-ownership header: ${String(ownership)}`,
      "x-amz-object-ownership",
    );
  }
  const isEnforced = ownership === undefined || ownership === "BucketOwnerEnforced";
  if (acl !== undefined && isEnforced) {
    const text = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting";
    throw s3Error(400, "InvalidBucketAclWithObjectOwnership", text);
  }
  // New buckets block public access, so nobody can make one public at once.
  if (isPublic(acl)) {
    const text = "Bucket cannot have public ACLs set with BlockPublicAccess enabled";
    throw s3Error(400, "InvalidBucketAclWithBlockPublicAccessError", text);
  }
  const tags = input.CreateBucketConfiguration?.Tags;
  return {
    publicAccess: allPublicBlocked,
    ...(ownership !== undefined && { ownership }),
    ...(acl !== undefined && { acl }),
    ...(tags && tags.length > 0 && { tags: bucketTags(tags) }),
    ...(input.ObjectLockEnabledForBucket === true && { objectLock: {} }),
  };
}

/** Map 3.1, recorded. */
function regionOf(
  constraint: string | undefined,
  asked: string,
): { readonly region: string; readonly location?: string } {
  const given = constraint === "" ? undefined : constraint;
  if (asked === "us-east-1") {
    if (given === undefined) return { region: asked };
    if (given === "EU") return { region: "eu-west-1", location: "EU" };
    if (given === asked || !isRegion(given)) {
      const text = "The specified location-constraint is not valid";
      throw s3Error(400, "InvalidLocationConstraint", text, { LocationConstraint: given });
    }
    return { region: given };
  }
  if (given === "EU" && asked === "eu-west-1") return { region: asked, location: "EU" };
  if (given === asked) return { region: asked };
  const text = `The ${given ?? "unspecified"} location constraint is incompatible for the region specific endpoint this request was sent to.`;
  throw s3Error(400, "IllegalLocationConstraintException", text);
}

function tokenOf(name: string): string {
  return Buffer.from(name).toString("base64url");
}

function nameIn(token: string): string {
  const name = Buffer.from(token, "base64url").toString();
  if (token !== "" && tokenOf(name) === token) return name;
  throw invalidArgument("The continuation token provided is incorrect", "continuation-token", token);
}
