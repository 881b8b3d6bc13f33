/**
 * What must be there before a runtime can be started: the runtime itself, which may have to be fetched, and code and
 * layers, which may have to be unpacked. Its time is not INIT's. What is missing becomes a `LaunchError` in AWS's words.
 */
import type { Mount } from "../isolation/driver.ts";
import type { Catalog, CodeMounts, LaunchPlan, VersionSpec } from "./contract.ts";
import { RuntimeUnavailable } from "./contract.ts";
import { chooseEntrypoint } from "./entrypoint.ts";
import type { ExtensionFault } from "./extension-files.ts";
import { findExtensions } from "./extension-files.ts";
import { LaunchError } from "./launch-error.ts";

export interface Prepared {
  readonly plan: LaunchPlan;
  /** Runtime, code and layers. */
  readonly mounts: readonly Mount[];
  /** Program and arguments; paths as seen inside. */
  readonly argv: readonly string[];
  /** External extensions, started before the runtime; paths as seen inside. */
  readonly extensions: readonly string[];
  /** One of them keeps all of it from being started. */
  readonly extensionFault?: ExtensionFault | undefined;
}

/** Throws `LaunchError`. */
export async function prepare(
  catalog: Catalog,
  codeMounts: CodeMounts,
  spec: VersionSpec,
): Promise<Prepared> {
  try {
    const [plan, code, ...layers] = await Promise.all([
      catalog.plan(spec.runtime),
      codeMounts.mount(spec.codeSha256),
      ...(spec.layers.length > 0 ? [codeMounts.mountLayers(spec.layers)] : []),
    ]);
    const mounts = [...plan.mounts, code, ...layers];
    const entrypoint = await chooseEntrypoint(plan, mounts, spec);
    if (entrypoint.kind === "invalid") throw new LaunchError(entrypoint.errorType, entrypoint.message);
    const { paths, fault } = await findExtensions(layers[0], { mounts, root: plan.root ?? "" });
    return { plan, mounts, argv: entrypoint.argv, extensions: paths, extensionFault: fault };
  } catch (error) {
    throw asLaunchError(error);
  }
}

export function asLaunchError(error: unknown): LaunchError {
  if (error instanceof LaunchError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const errorType = error instanceof RuntimeUnavailable ? "Runtime.InvalidEntrypoint" : "Sandbox.Failure";
  return new LaunchError(errorType, reason, { cause: error });
}
