/**
 * Code signing configurations: whose signatures code must carry, and what happens to code without. Pure. Source:
 * lambda-map 1.6, 2.3.
 *
 * AWS Signer is not there, so no zip that reaches lambdad carries a signature of it: `Enforce` refuses every deployment,
 * `Warn` lets every one pass, exactly as AWS treats unsigned code.
 */
import { AwsError } from "../../../wire/aws-error.ts";
import { formatArn, parseArn } from "../../../base/arn.ts";
import { invalidParameter, resourceNotFound } from "../errors.ts";
import type { Input } from "../operation-types.ts";

export interface CodeSigningConfig {
  readonly id: CodeSigningId;
  readonly description: string | undefined;
  readonly profileArns: readonly string[];
  readonly policy: "Warn" | "Enforce";
  readonly tags: Readonly<Record<string, string>>;
  readonly lastModifiedAtMs: number;
}

export interface CodeSigningId {
  readonly account: string;
  readonly region: string;
  /** "csc-" and 17 lower-case hex digits. */
  readonly name: string;
}

export function codeSigningArn({ account, region, name }: CodeSigningId): string {
  return formatArn({ service: "lambda", region, account, resource: `code-signing-config:${name}` });
}

/** Undefined where the ARN names none of this account and region: for the caller it is not there. */
export function codeSigningId(
  arn: string,
  { account, region }: Pick<CodeSigningId, "account" | "region">,
): CodeSigningId | undefined {
  const parts = parseArn(arn);
  const [kind, name = ""] = parts?.resource.split(":") ?? [];
  const isHere = parts?.account === account && parts.region === region;
  return isHere && kind === "code-signing-config" ? { account, region, name } : undefined;
}

type Publishers = Input<"CreateCodeSigningConfig">["AllowedPublishers"];

/** Profile versions of AWS Signer. inferred: the text. */
export function profileArnsOf(publishers: Publishers): readonly string[] {
  const arns = publishers?.SigningProfileVersionArns ?? [];
  for (const arn of arns) {
    const parts = parseArn(arn);
    if (parts?.service !== "signer" || !/^\/signing-profiles\/[^/]+\/[^/]+$/.test(parts.resource)) {
      throw invalidParameter(`The signing profile version ARN ${arn} is invalid.`);
    }
  }
  return arns;
}

/** Of code that is to be deployed under this configuration. */
export function requireSigned(config: CodeSigningConfig | undefined): void {
  if (config?.policy !== "Enforce") return;
  throw new AwsError(
    "CodeVerificationFailedException",
    "The code signature failed one or more of the validation checks for signature mismatch or expiry, and the code signing policy is set to ENFORCE. Lambda blocks the deployment.",
    { status: 400, members: { Type: "User" } },
  );
}

/** A function names a configuration that is not there. */
export function codeSigningMissing(arn: string): AwsError {
  return new AwsError(
    "CodeSigningConfigNotFoundException",
    `The code signing configuration cannot be found. Check that the provided configuration is not deleted: ${arn}.`,
    { status: 404, members: { Type: "User" } },
  );
}

/** The configuration itself was asked for. */
export function codeSigningNotFound(arn: string): AwsError {
  return resourceNotFound(`The Lambda code signing configuration ${arn} can not be found.`);
}
