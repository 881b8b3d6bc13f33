/**
 * The version of a runtime as AWS writes it in INIT_START and in a function's configuration.
 *
 * AWS counts its builds (`v18`) and names each by a hash; ours is always `v1`, with a hash of what it was made from.
 */
import { createHash } from "node:crypto";
import type { LaunchPlan } from "./contract.ts";

/** `made`: everything that tells one build from another, such as the interpreter's exact version. */
export function runtimeVersion(
  family: string,
  version: string,
  made: string,
): Pick<LaunchPlan, "runtimeVersion" | "runtimeVersionArn"> {
  const hash = createHash("sha256").update(`${family}:${version}:${made}`).digest("hex");
  return {
    runtimeVersion: `${family}:${version}.v1`,
    runtimeVersionArn: `arn:aws:lambda:us-east-1::runtime:${hash}`,
  };
}
