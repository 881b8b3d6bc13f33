/** `lambdad runtimes`: every runtime identifier of AWS, what this machine has for it, and how to get what it lacks. */
import { RuntimeUnavailable, type Catalog, type RuntimeEntry } from "../runtime/contract.ts";
import type { Roots } from "../runtime/roots.ts";
import { CommandError, dim, green, note, print, table, yellow } from "./output.ts";

export interface RuntimesOptions {
  readonly json?: boolean;
  /** Those that cannot be started here, too. */
  readonly all?: boolean;
}

export async function listRuntimes(catalog: Catalog, options: RuntimesOptions): Promise<void> {
  const entries = await catalog.list();
  if (options.json) return print(JSON.stringify(entries, undefined, 2));
  const shown = options.all ? entries : entries.filter(({ status }) => status !== "missing");
  print(
    table(
      shown.map(({ id, status, description, hint }) => [id, coloured(status), description, dim(hint ?? "")]),
    ),
  );
  const hidden = entries.length - shown.length;
  if (hidden > 0) print(dim(`\n${hidden} more cannot be started on this machine: lambdad runtimes --all`));
}

export async function installRuntime(
  roots: Pick<Roots, "installed" | "install">,
  catalog: Pick<Catalog, "list">,
  id: string,
): Promise<void> {
  const wasThere = (await roots.installed(id)) !== undefined;
  try {
    const place = await roots.install(id, (message) => note(`${id}: ${message}`));
    print(wasThere ? `${id} is there already: ${place}` : `${id} is installed: ${place}`);
  } catch (error) {
    if (!(error instanceof RuntimeUnavailable)) throw error;
    throw new CommandError([error.message, ...(await otherWay(catalog, id))].join("\n"));
  }
}

/** How to come by a runtime that has no root file system. */
async function otherWay(catalog: Pick<Catalog, "list">, id: string): Promise<readonly string[]> {
  const entry = (await catalog.list()).find((each) => each.id === id);
  if (entry === undefined) return [`${id} is not a runtime identifier of AWS Lambda: lambdad runtimes --all`];
  if (entry.status === "ready") return [`${id} needs none: it is ready (${entry.description}).`];
  return entry.status === "installable" || entry.hint === undefined ? [] : [entry.hint];
}

export async function removeRuntime(roots: Roots, id: string): Promise<void> {
  if (!(await roots.remove(id))) throw new CommandError(`${id} was not installed here.`);
  print(`${id} is removed.`);
}

function coloured(status: RuntimeEntry["status"]): string {
  switch (status) {
    case "ready":
      return green("ready");
    case "fetchable":
      return yellow("on first use");
    case "installable":
      return yellow("installable");
    case "missing":
      return dim("missing");
  }
}
