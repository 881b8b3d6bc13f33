/**
 * What must be there before a runtime can be started: the runtime itself, which may have to be fetched, and the code,
 * which may have to be unpacked. Its time is not INIT's. What is missing becomes a `LaunchError` in AWS's words.
 */
import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import type { Mount } from "../isolation/driver.ts";
import type { Catalog, CodeMounts, LaunchPlan, VersionSpec } from "./contract.ts";
import { RuntimeUnavailable } from "./contract.ts";

export interface Prepared {
  readonly plan: LaunchPlan;
  readonly code: Mount;
}

export class LaunchError extends Error {
  override name = "LaunchError";
  /** AWS's: "Runtime.InvalidEntrypoint", … */
  readonly errorType: string;
  constructor(errorType: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.errorType = errorType;
  }
}

/** Throws `LaunchError`. */
export async function prepare(
  catalog: Catalog,
  codeMounts: CodeMounts,
  spec: VersionSpec,
): Promise<Prepared> {
  try {
    const [plan, code] = await Promise.all([catalog.plan(spec.runtime), codeMounts.mount(spec.codeSha256)]);
    await checkEntrypoint(plan, code);
    return { plan, code };
  } catch (error) {
    throw asLaunchError(error);
  }
}

/** Where the code brings its own runtime (`provided.*`), it must be there and executable. */
async function checkEntrypoint(plan: LaunchPlan, code: Mount): Promise<void> {
  const program = plan.argv[0] ?? "";
  if (!program.startsWith(`${code.target}/`)) return;
  try {
    await access(join(code.source, program.slice(code.target.length)), constants.X_OK);
  } catch (cause) {
    const tried = "[/var/task/bootstrap /opt/bootstrap]";
    throw new LaunchError("Runtime.InvalidEntrypoint", `Couldn't find valid bootstrap(s): ${tried}`, {
      cause,
    });
  }
}

export function asLaunchError(error: unknown): LaunchError {
  if (error instanceof LaunchError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const errorType = error instanceof RuntimeUnavailable ? "Runtime.InvalidEntrypoint" : "Sandbox.Failure";
  return new LaunchError(errorType, reason, { cause: error });
}
