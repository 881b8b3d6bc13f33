/** `lambdad runtimes`: every runtime identifier of AWS, and what this machine has for it. */
import type { Catalog, RuntimeEntry } from "../runtime/contract.ts";
import { dim, green, print, table, yellow } from "./output.ts";

export interface RuntimesOptions {
  readonly json?: boolean;
  /** Those that cannot be started here, too. */
  readonly all?: boolean;
}

export async function runtimes(catalog: Catalog, options: RuntimesOptions): Promise<void> {
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

function coloured(status: RuntimeEntry["status"]): string {
  switch (status) {
    case "ready":
      return green("ready");
    case "fetchable":
      return yellow("on first use");
    case "missing":
      return dim("missing");
  }
}
