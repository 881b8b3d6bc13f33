/** Who may: policies, public access blocks, ownership, canned ACLs. */
import { bucketPolicyBytesMax } from "../../../limits.ts";
import type { OperationsOf } from "../../service.ts";
import {
  aclNotSupported,
  aclToWire,
  cannedObjectAcl,
  isPublic,
  ownershipOf,
  requireCanned,
} from "../domain/acl.ts";
import { allPublicBlocked } from "../domain/bucket.ts";
import { checkedPolicy, isPublicPolicy } from "../domain/bucket-policy.ts";
import {
  accessDenied,
  malformedPolicy,
  malformedXml,
  notConfigured,
  notImplemented,
  s3Error,
} from "../errors.ts";
import type { S3Parts } from "../parts.ts";
import { causeOf, refuseGrants } from "../request.ts";
import type { Client } from "../to-wire.ts";

type AccessOperations = Pick<
  OperationsOf<Client>,
  | "DeleteBucketOwnershipControls"
  | "DeleteBucketPolicy"
  | "DeletePublicAccessBlock"
  | "GetBucketAcl"
  | "GetBucketOwnershipControls"
  | "GetBucketPolicy"
  | "GetBucketPolicyStatus"
  | "GetObjectAcl"
  | "GetPublicAccessBlock"
  | "PutBucketAcl"
  | "PutBucketOwnershipControls"
  | "PutBucketPolicy"
  | "PutObjectAcl"
  | "PutPublicAccessBlock"
>;

export function accessOperations({ buckets, objects }: S3Parts): AccessOperations {
  return {
    async PutBucketPolicy(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      const { Policy: policy } = input;
      if (Buffer.byteLength(policy) > bucketPolicyBytesMax) {
        throw malformedPolicy("Normalized policy document exceeds the maximum allowed size of 20480 bytes.");
      }
      const checked = checkedPolicy(policy, bucket.value);
      const { BlockPublicPolicy: isBlocked } = bucket.value.settings.publicAccess ?? nothingBlocked;
      if (isBlocked && isPublicPolicy(checked)) {
        throw accessDenied(
          `User: ${ctx.identity.principalArn} is not authorized to perform: s3:PutBucketPolicy on resource: ` +
            `"arn:aws:s3:::${input.Bucket}" because public policies are prevented by the BlockPublicPolicy setting in ` +
            "S3 Block Public Access.",
        );
      }
      await buckets.set(bucket, { policy });
      return {};
    },
    async GetBucketPolicy(input, ctx) {
      const { name, settings } = (await buckets.require(input, ctx)).value;
      if (settings.policy !== undefined) return { Policy: settings.policy };
      throw notConfigured("NoSuchBucketPolicy", "The bucket policy does not exist", name);
    },
    async DeleteBucketPolicy(input, ctx) {
      await buckets.set(await buckets.require(input, ctx), { policy: undefined });
      return {};
    },
    async GetBucketPolicyStatus(input, ctx) {
      const { value: bucket } = await buckets.require(input, ctx);
      const { policy } = bucket.settings;
      if (policy === undefined) {
        throw notConfigured("NoSuchBucketPolicy", "The bucket policy does not exist", bucket.name);
      }
      return { PolicyStatus: { IsPublic: isPublicPolicy(checkedPolicy(policy, bucket)) } };
    },

    async PutPublicAccessBlock(input, ctx) {
      const given = input.PublicAccessBlockConfiguration;
      const publicAccess = {
        BlockPublicAcls: given.BlockPublicAcls === true,
        IgnorePublicAcls: given.IgnorePublicAcls === true,
        BlockPublicPolicy: given.BlockPublicPolicy === true,
        RestrictPublicBuckets: given.RestrictPublicBuckets === true,
      };
      await buckets.set(await buckets.require(input, ctx), { publicAccess });
      return {};
    },
    async GetPublicAccessBlock(input, ctx) {
      const { publicAccess } = (await buckets.require(input, ctx)).value.settings;
      if (publicAccess) return { PublicAccessBlockConfiguration: publicAccess };
      const text = "The public access block configuration was not found";
      throw notConfigured("NoSuchPublicAccessBlockConfiguration", text, input.Bucket);
    },
    async DeletePublicAccessBlock(input, ctx) {
      await buckets.set(await buckets.require(input, ctx), { publicAccess: undefined });
      return {};
    },

    async PutBucketOwnershipControls(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      const [rule, ...more] = input.OwnershipControls.Rules ?? [];
      const ownership = rule?.ObjectOwnership;
      if (more.length > 0 || !isOwnership(ownership)) throw malformedXml();
      if (ownership === "BucketOwnerEnforced" && isPublic(bucket.value.settings.acl)) {
        const text = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting";
        throw s3Error(400, "InvalidBucketAclWithObjectOwnership", text);
      }
      await buckets.set(bucket, { ownership });
      return {};
    },
    async GetBucketOwnershipControls(input, ctx) {
      const { value: bucket } = await buckets.require(input, ctx);
      const ObjectOwnership = ownershipOf(bucket) as "BucketOwnerEnforced";
      return { OwnershipControls: { Rules: [{ ObjectOwnership }] } };
    },
    async DeleteBucketOwnershipControls(input, ctx) {
      // inferred: what is left is what objects had before there were controls.
      await buckets.set(await buckets.require(input, ctx), { ownership: "ObjectWriter" });
      return {};
    },

    async PutBucketAcl(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      const acl = cannedOf(input);
      if (ownershipOf(bucket.value) === "BucketOwnerEnforced") {
        if (acl !== "private" && acl !== "bucket-owner-full-control") throw aclNotSupported();
        return {};
      }
      if (isPublic(acl) && bucket.value.settings.publicAccess?.BlockPublicAcls) throw accessDenied();
      await buckets.set(bucket, { acl: acl === "private" ? undefined : acl });
      return {};
    },
    async GetBucketAcl(input, ctx) {
      const { value: bucket } = await buckets.require(input, ctx);
      return aclToWire(bucket.account, bucket.settings.acl);
    },

    async PutObjectAcl(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      const acl = cannedObjectAcl(cannedOf(input), bucket.value);
      const by = causeOf(ctx, "PutObjectAcl");
      await objects.update(bucket, input.Key, input.VersionId, (version) => ({ ...version, acl }), {
        name: "ObjectAcl:Put",
        by,
      });
      return {};
    },
    async GetObjectAcl(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      const version = await objects.object(bucket, input.Key, input.VersionId, "GET");
      return aclToWire(bucket.value.account, version.acl);
    },
  };
}

const nothingBlocked = { ...allPublicBlocked, BlockPublicPolicy: false };

/** By header only; ACLs in bodies, but for the owner's own, would have to be taken apart into grants. */
function cannedOf(input: { readonly ACL?: string; readonly AccessControlPolicy?: object }): string {
  refuseGrants(input);
  const { ACL: acl, AccessControlPolicy: body } = input;
  if (acl !== undefined) {
    if (body) throw s3Error(400, "UnexpectedContent", "This request does not support content");
    requireCanned(acl);
    return acl;
  }
  if (!body) {
    throw s3Error(400, "MissingSecurityHeader", "Your request was missing a required header", {
      MissingHeaderName: "x-amz-acl",
    });
  }
  const { Grants = [] } = body as {
    readonly Grants?: readonly {
      readonly Permission?: string;
      readonly Grantee?: { readonly Type?: string };
    }[];
  };
  const isOwners = Grants.every(
    ({ Grantee, Permission }) => Permission === "FULL_CONTROL" && Grantee?.Type !== "Group",
  );
  if (isOwners) return "private";
  throw notImplemented("AccessControlPolicy", "lambdad knows canned ACLs only");
}

function isOwnership(
  text: string | undefined,
): text is "BucketOwnerEnforced" | "BucketOwnerPreferred" | "ObjectWriter" {
  return text === "BucketOwnerEnforced" || text === "BucketOwnerPreferred" || text === "ObjectWriter";
}
