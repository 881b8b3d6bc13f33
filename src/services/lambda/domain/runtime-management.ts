/**
 * When a version's runtime may be replaced by a newer one. Pure.
 *
 * This machine has one version of each runtime and replaces it only when lambdad or the machine is upgraded, so `Auto`
 * and `FunctionUpdate` do the same; `Manual` pins what runs now and nothing else.
 */
import { invalidParameter } from "../errors.ts";
import type { Configuration } from "./function.ts";

export type RuntimeManagement =
  | { readonly updateRuntimeOn: "Auto" | "FunctionUpdate" }
  | { readonly updateRuntimeOn: "Manual"; readonly runtimeVersionArn: string };

export interface RuntimeManagementInput {
  readonly updateRuntimeOn: "Auto" | "FunctionUpdate" | "Manual";
  readonly runtimeVersionArn: string | undefined;
}

// inferred: the three texts.
export function runtimeManagementOf(
  input: RuntimeManagementInput,
  { runtimeVersionArn: current }: Configuration,
): RuntimeManagement {
  const { updateRuntimeOn, runtimeVersionArn } = input;
  if (updateRuntimeOn !== "Manual") {
    if (runtimeVersionArn === undefined) return { updateRuntimeOn };
    throw invalidParameter("RuntimeVersionArn can only be set when UpdateRuntimeOn is Manual.");
  }
  if (runtimeVersionArn === undefined) {
    throw invalidParameter("RuntimeVersionArn is required when UpdateRuntimeOn is Manual.");
  }
  if (runtimeVersionArn !== current) {
    throw invalidParameter(
      `Runtime version ${runtimeVersionArn} is not available for this function. The version in use is ${current ?? "not known yet"}.`,
    );
  }
  return { updateRuntimeOn, runtimeVersionArn };
}
