/** What is kept of a bucket. Settings are in the form of S3's model, as JSON keeps it; absent: not set. */
import { hash } from "node:crypto";
import type * as S3 from "@aws-sdk/client-s3";
import { partitionOf } from "../../../base/arn.ts";
import type { Acl } from "./acl.ts";
import type { Versioning } from "./history.ts";
import type { NotificationSettings } from "./notification.ts";
import type { LifecycleSettings } from "./lifecycle.ts";
import type { Tags } from "./object.ts";

export interface BucketRecord {
  readonly name: string;
  /** Ours: a bucket that is made again under its old name has none of the old one's keys. */
  readonly id: string;
  readonly account: string;
  readonly region: string;
  /** "EU", as it was asked for. */
  readonly location?: string;
  readonly createdAtMs: number;
  readonly versioning?: Versioning;
  /** It is being looked at whether it is empty: nothing may be put into it. */
  readonly isEnding?: boolean;
  readonly settings: BucketSettings;
}

export interface BucketSettings {
  /** "none": the controls were deleted. */
  readonly ownership?: "none" | "BucketOwnerEnforced" | "BucketOwnerPreferred" | "ObjectWriter";
  readonly acl?: Acl;
  readonly publicAccess?: PublicAccessBlock;
  readonly policy?: string;
  readonly tags?: Tags;
  readonly cors?: readonly S3.CORSRule[];
  readonly website?: S3.WebsiteConfiguration;
  readonly lifecycle?: LifecycleSettings;
  readonly notification?: NotificationSettings;
  readonly hasBucketKey?: boolean;
  readonly isEncryptionSet?: boolean;
  readonly objectLock?: { readonly defaultRetention?: S3.DefaultRetention };
}

export interface PublicAccessBlock {
  readonly BlockPublicAcls: boolean;
  readonly IgnorePublicAcls: boolean;
  readonly BlockPublicPolicy: boolean;
  readonly RestrictPublicBuckets: boolean;
}

export const allPublicBlocked: PublicAccessBlock = {
  BlockPublicAcls: true,
  IgnorePublicAcls: true,
  BlockPublicPolicy: true,
  RestrictPublicBuckets: true,
};

export function bucketArn({ name, region }: Pick<BucketRecord, "name" | "region">): string {
  return `arn:${partitionOf(region)}:s3:::${name}`;
}

/** 64 hex digits, as canonical user ids are; one for each account. */
export function canonicalId(account: string): string {
  return hash("sha256", `canonical user of ${account}`, "hex");
}
