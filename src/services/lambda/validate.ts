/**
 * Rules that Lambda's model cannot express: relations between members, limits of ordinary functions, environment
 * variables. Pure; throws InvalidParameterValueException with AWS's text. The model's own constraints were checked by the
 * gateway. Sources: lambda-map 2.1, 2.3, 2.4, 4.3.
 */
import {
  environmentVariablesBytesMax,
  ephemeralStorageMbMax,
  ephemeralStorageMbMin,
  functionNameLengthMax,
  memoryMbMax,
  tagsMax,
  timeoutSecondsMax,
  unzippedBytesMax,
} from "../../limits.ts";
import { runtimeFacts, supportsSnapStart } from "../../runtime/runtime-facts.ts";
import { AwsError } from "../../wire/aws-error.ts";
import type { CodeInput, CreateInput } from "./domain/configuration.ts";
import { invalidParameter } from "./errors.ts";
import type { Configuration } from "./domain/function.ts";
import { contentsOf } from "./domain/function.ts";
import type { FunctionRef } from "./domain/function-ref.ts";

/** Name and required members of CreateFunction. */
export function checkCreate(input: CreateInput, ref: FunctionRef): void {
  if (ref.id.name.length > functionNameLengthMax) {
    throw invalidParameter(
      `1 validation error detected: Value '${ref.id.name}' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to ${functionNameLengthMax}`,
    );
  }
  if (ref.qualifier !== undefined) {
    throw invalidParameter("The function name of a new function cannot have a qualifier."); // inferred
  }
  if (!input.Runtime || !input.Handler) {
    throw invalidParameter(
      "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
    );
  }
  checkCodeSource(input.Code, "creating");
  if (input.Tags) checkTags(input.Tags);
}

/** Exactly one source of code: zip bytes, or an object in S3. */
export function checkCodeSource(code: Omit<CodeInput, "FunctionName">, doing: "creating" | "updating"): void {
  const { ZipFile, S3Bucket, S3Key, S3ObjectVersion } = code;
  if (code.ImageUri !== undefined) {
    throw invalidParameter(`Please don't provide ImageUri when ${doing} a function with packageType Zip.`);
  }
  // inferred: the three texts below.
  if (ZipFile && (S3Bucket ?? S3Key ?? S3ObjectVersion) !== undefined) {
    throw invalidParameter("Please do not provide other FunctionCode parameters when providing a ZipFile.");
  }
  if (ZipFile || (S3Bucket !== undefined && S3Key !== undefined)) return;
  if ((S3Bucket ?? S3Key) === undefined) throw invalidParameter("Please provide a source for function code.");
  throw invalidParameter("Please provide both S3Bucket and S3Key.");
}

/** A whole configuration, new or changed. */
export function checkConfiguration(configuration: Configuration): void {
  checkAtMost("MemorySize", configuration.memoryMb, memoryMbMax);
  checkAtMost("Timeout", configuration.timeoutSeconds, timeoutSecondsMax);
  checkAtMost("EphemeralStorage", configuration.ephemeralStorageMb, ephemeralStorageMbMax);
  if (configuration.variables) checkVariables(configuration.variables);
  checkUnzippedSize(configuration);
  if (configuration.snapStart) checkSnapStart(configuration);
  if (configuration.logGroup.startsWith("aws/")) {
    throw invalidParameter("Log group names that start with 'aws/' are reserved."); // inferred
  }
}

/** What it does not go together with is documented; the first text is recalled, the second inferred. */
function checkSnapStart({ runtime, ephemeralStorageMb }: Configuration): void {
  if (!supportsSnapStart(runtime)) {
    throw invalidParameter(`${runtime} is not supported for SnapStart enabled functions.`);
  }
  if (ephemeralStorageMb > ephemeralStorageMbMin) {
    throw invalidParameter(
      `EphemeralStorage of more than ${ephemeralStorageMbMin} MB is not supported for SnapStart enabled functions.`,
    );
  }
}

/** Of code and layers together. */
export function checkUnzippedSize(configuration: Configuration): void {
  const unzippedBytes = contentsOf(configuration).reduce((sum, code) => sum + code.unzippedBytes, 0);
  if (unzippedBytes <= unzippedBytesMax) return;
  // recalled
  throw invalidParameter(
    `Function code combined with layers exceeds the maximum allowed size of ${unzippedBytesMax} bytes. The actual size is ${unzippedBytes} bytes.`,
  );
}

/** Of a layer: they only filter lists, so old ones do, too. */
export function checkCompatibleRuntimes(runtimes: readonly string[]): void {
  if (runtimes.every((runtime) => Object.hasOwn(runtimeFacts, runtime))) return;
  // recalled: that it is the framework's error; inferred: the order of the set.
  throw new AwsError(
    "ValidationException",
    `1 validation error detected: Value '[${runtimes.join(", ")}]' at 'compatibleRuntimes' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [${Object.keys(runtimeFacts).join(", ")}]]`,
    { status: 400 },
  );
}

/** The model allows more than an ordinary function: those of Managed Instances may be larger. */
function checkAtMost(member: string, value: number, valueMax: number): void {
  if (value <= valueMax) return;
  throw invalidParameter(
    `'${member}' value failed to satisfy constraint: Member must have value less than or equal to ${valueMax}`,
  );
}

const reservedVariables: ReadonlySet<string> = new Set([
  "_HANDLER",
  "_X_AMZN_TRACE_ID",
  "AWS_DEFAULT_REGION",
  "AWS_REGION",
  "AWS_EXECUTION_ENV",
  "AWS_LAMBDA_FUNCTION_NAME",
  "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
  "AWS_LAMBDA_FUNCTION_VERSION",
  "AWS_LAMBDA_INITIALIZATION_TYPE",
  "AWS_LAMBDA_LOG_GROUP_NAME",
  "AWS_LAMBDA_LOG_STREAM_NAME",
  "AWS_ACCESS_KEY",
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_LAMBDA_RUNTIME_API",
  "LAMBDA_TASK_ROOT",
  "LAMBDA_RUNTIME_DIR",
]);

function checkVariables(variables: Readonly<Record<string, string>>): void {
  const reserved = Object.keys(variables).filter((name) => reservedVariables.has(name));
  if (reserved.length > 0) {
    throw invalidParameter(
      `Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: ${reserved.join(", ")}`,
    );
  }
  const measured = JSON.stringify(variables);
  if (Buffer.byteLength(measured) > environmentVariablesBytesMax) {
    throw invalidParameter(
      `Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: ${measured}`,
    );
  }
}

export function checkTags(tags: Readonly<Record<string, string>>): void {
  if (Object.keys(tags).length > tagsMax) {
    throw invalidParameter("Number of tags exceeds resource tag limit.");
  }
}
