/** Amazon Resource Names: `arn:partition:service:region:account:resource`. The resource part may hold more colons. */

export interface Arn {
  readonly partition: string;
  readonly service: string;
  readonly region: string;
  readonly account: string;
  readonly resource: string;
}

export function parseArn(text: string): Arn | undefined {
  const parts = text.split(":");
  const [prefix, partition, service, region, account, ...rest] = parts;
  if (prefix !== "arn" || !partition || !service || region === undefined || account === undefined)
    return undefined;
  const resource = rest.join(":");
  return resource === "" ? undefined : { partition, service, region, account, resource };
}

export function formatArn(arn: Omit<Arn, "partition"> & { readonly partition?: string }): string {
  const partition = arn.partition ?? partitionOf(arn.region);
  return `arn:${partition}:${arn.service}:${arn.region}:${arn.account}:${arn.resource}`;
}

/** The same resource in another region, and its partition. What is no ARN stays as it is. */
export function arnInRegion(text: string, region: string): string {
  const arn = parseArn(text);
  return arn ? formatArn({ ...arn, partition: undefined, region }) : text;
}

/** The partition that a region belongs to. Source: the partitions list of AWS's SDKs. */
export function partitionOf(region: string): string {
  if (region.startsWith("cn-")) return "aws-cn";
  if (region.startsWith("us-gov-")) return "aws-us-gov";
  if (region.startsWith("eusc-")) return "aws-eusc";
  return "aws";
}
