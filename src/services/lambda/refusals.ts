/**
 * Knobs of AWS that do not act here yet: asked for, they are refused by name. A value that equals AWS's default asks for
 * nothing and passes. Pure tables; the README shows the same list to users.
 */
import { notSupportedYet } from "./errors.ts";
import type { Architecture } from "./domain/function.ts";
import type { CodeInput, ConfigurationInput, CreateInput } from "./domain/configuration.ts";

export function refuseInCreate(input: CreateInput, machine: Architecture): void {
  refuse(inCreate, input);
  refuse(inConfiguration, input);
  refuseCode({ ...input.Code, Architectures: input.Architectures, PublishTo: input.PublishTo }, machine);
}

export function refuseInConfiguration(input: Omit<ConfigurationInput, "FunctionName">): void {
  refuse(inConfiguration, input);
}

export function refuseCode(input: Omit<CodeInput, "FunctionName">, machine: Architecture): void {
  refuse(inCode, input);
  const [architecture] = input.Architectures ?? [];
  if (architecture !== undefined && architecture !== machine) {
    throw notSupportedYet(`Architectures [${architecture}] on this ${machine} machine`);
  }
}

/** S3ObjectStorageMode is the only knob of a layer's content that does not act. */
export function refuseLayerContent(content: Pick<CodeInput, "S3ObjectStorageMode">): void {
  refuse([storageMode], content);
}

type Refusals<I> = readonly (readonly [parameter: string, isAsked: (input: I) => unknown])[];

const inCreate: Refusals<CreateInput> = [
  ["PackageType Image", ({ PackageType }) => PackageType === "Image"],
  ["TenancyConfig", ({ TenancyConfig }) => TenancyConfig],
];

const inConfiguration: Refusals<Omit<ConfigurationInput, "FunctionName">> = [
  [
    "VpcConfig",
    ({ VpcConfig: vpc }) =>
      vpc?.SubnetIds?.length || vpc?.SecurityGroupIds?.length || vpc?.Ipv6AllowedForDualStack,
  ],
  ["FileSystemConfigs", ({ FileSystemConfigs }) => FileSystemConfigs?.length],
  ["KMSKeyArn", ({ KMSKeyArn }) => KMSKeyArn],
  ["ImageConfig", ({ ImageConfig }) => Object.keys(ImageConfig ?? {}).length],
  ["DurableConfig", ({ DurableConfig }) => DurableConfig],
  ["CapacityProviderConfig", ({ CapacityProviderConfig }) => CapacityProviderConfig],
];

const storageMode: Refusals<Pick<CodeInput, "S3ObjectStorageMode">>[number] = [
  "S3ObjectStorageMode REFERENCE",
  ({ S3ObjectStorageMode }) => S3ObjectStorageMode === "REFERENCE",
];

const inCode: Refusals<Omit<CodeInput, "FunctionName">> = [
  ["SourceKMSKeyArn", ({ SourceKMSKeyArn }) => SourceKMSKeyArn],
  storageMode,
  ["PublishTo", ({ PublishTo }) => PublishTo],
];

function refuse<I>(table: Refusals<I>, input: I): void {
  for (const [parameter, isAsked] of table) if (isAsked(input)) throw notSupportedYet(parameter);
}
