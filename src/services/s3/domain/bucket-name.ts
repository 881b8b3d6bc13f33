/** Which names buckets may have. Pure. Source: "General purpose bucket naming rules". */
import { isIPv4 } from "node:net";

export function isBucketName(name: string): boolean {
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name)) return false;
  if (name.includes("..") || isIPv4(name)) return false;
  if (reservedPrefixes.some((prefix) => name.startsWith(prefix))) return false;
  return !reservedSuffixes.some((suffix) => name.endsWith(suffix));
}

/** S3 Express: `name--azid--x-s3`. */
export function isDirectoryBucketName(name: string): boolean {
  return name.endsWith("--x-s3");
}

/** `arn:aws:s3:::name`, or undefined. */
export function bucketOfArn(arn: string): string | undefined {
  return /^arn:aws[a-z-]*:s3:::([^/]+)$/.exec(arn)?.[1];
}

const reservedPrefixes = ["xn--", "sthree-", "amzn-s3-demo-"];
const reservedSuffixes = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];
