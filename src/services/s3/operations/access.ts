/** Who may: policies, public access blocks, ownership, ACLs. */
import { bucketPolicyBytesMax } from "../../../limits.ts";
import type { OperationsOf } from "../../service.ts";
import type * as S3 from "@aws-sdk/client-s3";
import { moreHeaders } from "../../../wire/protocol.ts";
import {
  type Acl,
  type AclHeaders,
  aclOfBody,
  aclOfHeaders,
  aclToWire,
  allowedAcl,
  isPublic,
  ownershipOf,
} from "../domain/acl.ts";
import { allPublicBlocked, type BucketRecord, canonicalId } from "../domain/bucket.ts";
import { checkedPolicy, isPublicPolicy, keptPolicy } from "../domain/bucket-policy.ts";
import { accessDenied, malformedPolicy, malformedXml, notConfigured, s3Error } from "../errors.ts";
import type { S3Parts } from "../parts.ts";
import type { ObjectVersion } from "../domain/object.ts";
import { causeOf } from "../request.ts";
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
      return { PolicyStatus: { IsPublic: isPublicPolicy(keptPolicy(policy)) } };
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
      const { ownership: ObjectOwnership = "BucketOwnerEnforced" } = bucket.settings;
      if (ObjectOwnership === "none") {
        const text = "The bucket ownership controls were not found";
        throw notConfigured("OwnershipControlsNotFoundError", text, bucket.name);
      }
      return { OwnershipControls: { Rules: [{ ObjectOwnership }] } };
    },
    async DeleteBucketOwnershipControls(input, ctx) {
      await buckets.set(await buckets.require(input, ctx), { ownership: "none" });
      return {};
    },

    async PutBucketAcl(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      const acl = allowedAcl(aclOf(input, canonicalId(bucket.value.account)), bucket.value);
      await buckets.set(bucket, { acl });
      return {};
    },
    async GetBucketAcl(input, ctx) {
      const { account, settings } = (await buckets.require(input, ctx)).value;
      return aclToWire(settings.acl, canonicalId(account), canonicalId(account));
    },

    async PutObjectAcl(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      const by = causeOf(ctx, "PutObjectAcl");
      const change = (version: ObjectVersion): ObjectVersion => {
        const owner = canonicalId(version.owner ?? bucket.value.account);
        const acl = allowedAcl(aclOf(input, owner), bucket.value);
        const { acl: _, ...rest } = version;
        return { ...rest, ...(acl !== undefined && { acl }) };
      };
      const event = { name: "ObjectAcl:Put", by };
      const changed = await objects.update(bucket, input.Key, input.VersionId, change, event);
      return versionHeader(bucket.value, changed);
    },
    async GetObjectAcl(input, ctx) {
      const bucket = await buckets.require(input, ctx);
      const version = await objects.described(bucket, input.Key, input.VersionId);
      const { acl, owner } = version;
      const { account } = bucket.value;
      const shown =
        ownershipOf(bucket.value) === "BucketOwnerEnforced"
          ? aclToWire(undefined, canonicalId(account), canonicalId(account))
          : aclToWire(acl, canonicalId(owner ?? account), canonicalId(account));
      return { ...shown, ...versionHeader(bucket.value, version) };
    },
  };
}

const nothingBlocked = { ...allPublicBlocked, BlockPublicPolicy: false };

/** The model has no member for it. */
function versionHeader({ versioning }: BucketRecord, { id }: ObjectVersion): object {
  return versioning === undefined ? {} : { [moreHeaders]: { "x-amz-version-id": id } };
}

/** Of the headers, or of the body. `owner`: canonical id. */
function aclOf(
  input: AclHeaders & { readonly AccessControlPolicy?: S3.AccessControlPolicy | undefined },
  owner: string,
): Acl | undefined {
  const { AccessControlPolicy: body } = input;
  const hasHeaders = input.ACL !== undefined || Object.keys(input).some((name) => name.startsWith("Grant"));
  const hasBody = body !== undefined && Object.keys(body).length > 0;
  if (hasHeaders && hasBody) {
    throw s3Error(400, "UnexpectedContent", "This request does not support content");
  }
  if (hasHeaders) return aclOfHeaders(input);
  if (hasBody) return aclOfBody(body, owner);
  throw s3Error(400, "MissingSecurityHeader", "Your request was missing a required header", {
    MissingHeaderName: "x-amz-acl",
  });
}

function isOwnership(
  text: string | undefined,
): text is "BucketOwnerEnforced" | "BucketOwnerPreferred" | "ObjectWriter" {
  return text === "BucketOwnerEnforced" || text === "BucketOwnerPreferred" || text === "ObjectWriter";
}
