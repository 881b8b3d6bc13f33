/** The Node versions to test the Node bootstrap with: the running one, and with LAMBDAD_TEST_FETCH=1 all of the catalog. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../src/base/logger.ts";
import { createCatalog } from "../../src/runtime/catalog.ts";

export interface Node {
  readonly major: number;
  readonly path: string;
  /** As the catalog's plan has it. */
  readonly env: Readonly<Record<string, string>>;
}

export const bootstrap = join(import.meta.dirname, "../../guest/runtimes/node/index.cjs");

export async function nodes(): Promise<readonly Node[]> {
  const running = { major: Number.parseInt(process.versions.node, 10), path: process.execPath, env: {} };
  if (process.env["LAMBDAD_TEST_FETCH"] !== "1") return [running];
  const catalog = createCatalog({
    dataDir: join(tmpdir(), "lambdad-test-runtimes"), // kept from run to run
    path: process.env["PATH"] ?? "",
    home: process.env["HOME"] ?? "",
    env: process.env,
    logger: silentLogger,
    onProgress: console.log,
  });
  const found: Node[] = [];
  for (const major of [18, 20, 22, 24, 26]) {
    const { mounts, env } = await catalog.plan(`nodejs${major}.x`);
    found.push({ major, path: mounts[0]?.source ?? "", env });
  }
  return found;
}
