/**
 * The checksums that objects carry beside their ETag: which one an upload has, how the parts of a multipart upload make
 * one of the whole, how they are shown. Source: map-sqs-sns-s3 3.9.
 */
import { checksums, type Checksum as Running } from "../../../wire/checksum.ts";
import { combinedCrc } from "../../../wire/crc-combine.ts";
import type { AwsError } from "../../../wire/aws-error.ts";
import { badChecksum, invalidRequest } from "../errors.ts";

export const algorithms = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] as const;
export type Algorithm = (typeof algorithms)[number];
export type ChecksumType = "FULL_OBJECT" | "COMPOSITE";

export interface Checksum {
  readonly algorithm: Algorithm;
  /** Base64; of a COMPOSITE one with "-<parts>" behind it. */
  readonly value: string;
  readonly type: ChecksumType;
}

/** What S3 computes when nobody asks for anything. */
export const defaultAlgorithm: Algorithm = "CRC64NVME";

/** What a request says of its body. */
export interface ChecksumClaim {
  readonly algorithm: Algorithm;
  /** To be compared; undefined: it came as a trailer, which has been verified, or not at all. */
  readonly value: string | undefined;
  /** Named by the client, in whatever way. */
  readonly isNamed: boolean;
}

/** Members of inputs and outputs: `ChecksumCRC32`, … */
export type ChecksumMembers = { readonly [K in `Checksum${Algorithm}`]?: string | undefined };

/** `trailer`: the header `x-amz-trailer`. Throws for two values, or one that cannot be. */
export function claimOf(input: object, trailer: string | undefined): ChecksumClaim {
  const given = Object.entries(input).filter(([name, value]) => isValueMember(name) && value !== undefined);
  const trailing = trailer?.trim().toLowerCase();
  const count = given.length + (trailing?.startsWith(headerPrefix) ? 1 : 0);
  if (count > 1) {
    throw invalidRequest(
      "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    );
  }
  const [named] = given;
  if (named) {
    const algorithm = requireAlgorithm(named[0].slice("Checksum".length));
    return { algorithm, value: requireValue(algorithm, String(named[1])), isNamed: true };
  }
  if (trailing?.startsWith(headerPrefix)) {
    const algorithm = requireAlgorithm(trailing.slice(headerPrefix.length).toUpperCase());
    return { algorithm, value: undefined, isNamed: true };
  }
  return { algorithm: defaultAlgorithm, value: undefined, isNamed: false };
}

export function requireAlgorithm(name: string): Algorithm {
  const found = algorithms.find((each) => each === name);
  if (found) return found;
  throw invalidRequest(
    "Checksum algorithm provided is unsupported. Please try again with any of the valid types: " +
      `[${algorithms.join(", ")}]`,
  );
}

function requireValue(algorithm: Algorithm, value: string): string {
  const bytes = Buffer.from(value, "base64");
  if (bytes.length === digestBytes[algorithm] && bytes.toString("base64") === value) return value;
  throw invalidRequest(`Value for ${headerPrefix}${algorithm.toLowerCase()} header is invalid.`);
}

/** Throws BadDigest. */
export function requireMatch(claim: ChecksumClaim, calculated: string): void {
  if (claim.value !== undefined && claim.value !== calculated) throw badChecksum(claim.algorithm);
}

export function runningChecksum(algorithm: Algorithm): Running {
  const create = checksums[algorithm.toLowerCase()];
  if (!create) throw new TypeError(`no checksum ${algorithm}`);
  return create();
}

/** The type that a multipart upload has. Throws for a combination that S3 refuses. */
export function checksumTypeOf(
  algorithm: string | undefined,
  type: string | undefined,
): { readonly algorithm: Algorithm; readonly type: ChecksumType } | undefined {
  if (algorithm === undefined) {
    if (type === undefined) return undefined;
    throw invalidRequest(
      "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
    );
  }
  const known = requireAlgorithm(algorithm);
  const byDefault: ChecksumType = known === "CRC64NVME" ? "FULL_OBJECT" : "COMPOSITE";
  const asked = type ?? byDefault;
  if (asked !== "FULL_OBJECT" && asked !== "COMPOSITE") {
    throw invalidRequest("Value for x-amz-checksum-type header is invalid.");
  }
  const isPossible = asked === "FULL_OBJECT" ? !known.startsWith("SHA") : known !== "CRC64NVME";
  if (isPossible) return { algorithm: known, type: asked };
  throw invalidRequest(
    `The ${asked} checksum type cannot be used with the ${known.toLowerCase()} checksum algorithm.`,
  );
}

export interface SummedPart {
  readonly sizeBytes: number;
  /** Base64. */
  readonly checksum: string;
}

/** Of a whole object, from those of its parts. */
export function checksumOfParts(
  algorithm: Algorithm,
  type: ChecksumType,
  parts: readonly SummedPart[],
): Checksum {
  if (type === "COMPOSITE") {
    const running = runningChecksum(algorithm);
    for (const { checksum } of parts) running.update(Buffer.from(checksum, "base64"));
    const value = `${Buffer.from(running.digest()).toString("base64")}-${parts.length}`;
    return { algorithm, type, value };
  }
  const crc = combinedCrc(
    algorithm.toLowerCase(),
    parts.map(({ checksum, sizeBytes }) => ({ crc: Buffer.from(checksum, "base64"), sizeBytes })),
  );
  return { algorithm, type, value: Buffer.from(crc).toString("base64") };
}

/** `{ ChecksumCRC32: "…" }`. */
export function checksumMember({ algorithm, value }: Pick<Checksum, "algorithm" | "value">): ChecksumMembers {
  return { [`Checksum${algorithm}`]: value };
}

/** Of a listed part: the checksum of this algorithm, and whether it names one of another. */
export function partChecksum(part: object, algorithm: Algorithm | undefined) {
  const named = Object.entries(part).filter(([name, value]) => isValueMember(name) && value !== undefined);
  const other = named.find(([name]) => name !== `Checksum${algorithm}`)?.[0].slice("Checksum".length);
  const value = named.find(([name]) => name === `Checksum${algorithm}`)?.[1];
  return { value: value === undefined ? undefined : String(value), other };
}

export function missingPartChecksum(algorithm: Algorithm, partNumber: number): AwsError {
  return invalidRequest(
    `The upload was created using a ${algorithm.toLowerCase()} checksum. The complete request must include the ` +
      `checksum for each part. It was missing for part ${partNumber} in the request.`,
  );
}

export function otherChecksum(expected: Algorithm, actual: string): AwsError {
  return invalidRequest(
    `Checksum Type mismatch occurred, expected checksum Type: ${expected.toLowerCase()}, actual checksum Type: ` +
      actual.toLowerCase(),
  );
}

const headerPrefix = "x-amz-checksum-";
const digestBytes: Readonly<Record<Algorithm, number>> = {
  CRC32: 4,
  CRC32C: 4,
  CRC64NVME: 8,
  SHA1: 20,
  SHA256: 32,
};

/** `ChecksumMode`, `ChecksumAlgorithm` and `ChecksumType` are no values. */
function isValueMember(name: string): boolean {
  return name.startsWith("Checksum") && !/^Checksum(Mode|Algorithm|Type)$/.test(name);
}
