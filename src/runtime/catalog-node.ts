/**
 * Node runtimes. The binary is the running Node if it is of the right major version, else the npm package
 * `node-<platform>-<arch>`, fetched once into the data directory; if that fails, a Node of that version on PATH.
 *
 * Concurrent requests share one fetch. Nothing half-made is ever seen: a fetched binary is tried, then renamed into place.
 */
import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { Logger } from "../base/logger.ts";
import { interpreterProbeMs } from "../limits.ts";
import type { Bootstraps } from "./bootstraps.ts";
import type { Flag } from "./contract.ts";
import { fetchNode } from "./node-package.ts";
import { nodeSdk } from "./node-sdk.ts";
import { runProgram } from "./program.ts";
import type { RuntimeSource } from "./runtime-source.ts";
import { runtimeVersion } from "./runtime-version.ts";

export interface NodeDeps {
  readonly dataDir: string;
  /** PATH, for npm and for a Node to fall back on. */
  readonly path: string;
  /** The caller's environment: npm's configuration, proxies and certificates are taken from it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  /** For the person who waits: one line, without a newline. */
  readonly onProgress: (message: string) => void;
  readonly bootstraps: Bootstraps;
  /** Instead of the npm package: for tests. */
  readonly fetch?: typeof fetchNode;
}

/** Pinned: what runs is what was tested. Source: the npm packages' newest in each line, November 2026. */
const versions: Readonly<Record<string, string>> = {
  "nodejs18.x": "18.20.8",
  "nodejs20.x": "20.20.2",
  "nodejs22.x": "22.23.3",
  "nodejs24.x": "24.21.0",
  "nodejs26.x": "26.10.0",
};

/** A binary that is here. */
interface Binary {
  readonly path: string;
  readonly version: string;
}

export function createNodeRuntimes(deps: NodeDeps): RuntimeSource {
  const { dataDir, path, logger, onProgress, bootstraps, fetch = fetchNode } = deps;
  const fetching = new Map<string, Promise<Binary>>();
  const onPath = once(() => nodesOnPath(path));
  const sdk = once(() =>
    nodeSdk(dataDir).catch((error: unknown) => {
      logger.warn("functions have to bring the AWS SDK themselves: it could not be copied", { error });
      return undefined;
    }),
  );

  function place(version: string): string {
    return join(dataDir, "runtimes", `node-${version}-${process.platform}-${process.arch}`);
  }

  async function present(version: string): Promise<Binary | undefined> {
    if (major(process.versions.node) === major(version)) {
      return { path: process.execPath, version: process.versions.node };
    }
    const cached = join(place(version), "bin", "node");
    return (await exists(cached)) ? { path: cached, version } : undefined;
  }

  async function fetched(version: string): Promise<Binary> {
    onProgress(`fetching Node.js ${version} (about 50 MB, once)`);
    try {
      await fetch({ version, place: place(version), path, env: deps.env });
      onProgress(`Node.js ${version} is ready`);
      return { path: join(place(version), "bin", "node"), version };
    } catch (error) {
      const substitute = (await onPath()).find((node) => major(node.version) === major(version));
      if (substitute === undefined) throw error;
      logger.warn("a Node.js could not be fetched; the one on PATH is used", {
        version,
        path: substitute.path,
        error,
      });
      onProgress(
        `Node.js ${version} could not be fetched; using ${substitute.version} at ${substitute.path}`,
      );
      return substitute;
    }
  }

  function fetchedOnce(version: string): Promise<Binary> {
    let work = fetching.get(version);
    if (work === undefined) {
      work = fetched(version).finally(() => fetching.delete(version));
      fetching.set(version, work);
    }
    return work;
  }

  return {
    async entry(id) {
      const version = versions[id];
      if (version === undefined) return undefined;
      const binary = await present(version);
      if (binary) return { id, status: "ready", description: `Node.js ${binary.version}`, hint: undefined };
      const substitute = (await onPath()).find((node) => major(node.version) === major(version));
      const otherwise = substitute ? `, or else ${substitute.version} at ${substitute.path}` : "";
      return {
        id,
        status: "fetchable",
        description: `Node.js ${version} from npm${otherwise}`,
        hint: "It is fetched with npm when a function first needs it.",
      };
    },

    async plan(id) {
      const version = versions[id];
      if (version === undefined) return undefined;
      const binary = (await present(version)) ?? (await fetchedOnce(version));
      const [bootstrap, modules] = await Promise.all([bootstraps.directory("node"), sdk()]);
      return {
        argv: ["/var/lang/bin/node", ...switchesOf(major(version)), "/var/runtime/index.cjs"],
        canWait: true,
        flags: { variable: "NODE_OPTIONS", defaults: [heapLimit, importsFromLayers] },
        mounts: [
          { source: binary.path, target: "/var/lang/bin/node" },
          { source: bootstrap, target: "/var/runtime" },
          ...(modules === undefined ? [] : [{ source: modules, target: "/var/runtime/node_modules" }]),
        ],
        env: nodeVariables(major(version)),
        ...runtimeVersion("nodejs", major(version), `${binary.version}:${bootstrap}`),
      };
    },
  };
}

/**
 * recalled: AWS's own, of every Node runtime: code calls `gc()`, and requests and answers may have large headers. From Node 24
 * on the bootstrap sees to `gc()`, in a fifth of a start's time (`gc.cjs`).
 */
function switchesOf(majorVersion: string): readonly string[] {
  const headers = "--max-http-header-size=81920";
  return Number(majorVersion) < 24 ? ["--expose-gc", headers] : [headers];
}

/**
 * Without it V8 takes the machine's memory for its own, collects too late, and is killed by the kernel where AWS's would
 * have collected. recalled: AWS leaves a tenth to the rest of the process.
 */
const heapLimit: Flag = {
  unless: /max[-_]old[-_]space[-_]size/,
  text: (memoryMb) => `--max-old-space-size=${Math.floor(memoryMb * 0.9)}`,
};

const importsFromLayers: Flag = {
  unless: /^(?!.*--import\b)/s,
  text: () => "--require=/var/runtime/esm-preload.cjs",
};

function nodeVariables(majorVersion: string): Record<string, string> {
  const folders = [`/opt/nodejs/node${majorVersion}/node_modules`, "/opt/nodejs/node_modules"];
  const NODE_PATH = [...folders, "/var/runtime/node_modules", "/var/runtime", "/var/task"].join(delimiter);
  // AWS turned these off when Node 20.19 and 22.12 turned them on; NODE_OPTIONS brings them back, there as here.
  // inferred for 20 and 22 from AWS's announcements; not for later versions, of which nothing is known.
  const NODE_OPTIONS = "--no-experimental-require-module --no-experimental-detect-module";
  return majorVersion === "20" || majorVersion === "22" ? { NODE_PATH, NODE_OPTIONS } : { NODE_PATH };
}

async function nodesOnPath(path: string): Promise<readonly Binary[]> {
  const candidates = path.split(delimiter).filter((folder) => folder.startsWith("/"));
  const found = await Promise.all([...new Set(candidates)].map((folder) => probe(join(folder, "node"))));
  return found.filter((binary) => binary !== undefined);
}

async function probe(file: string): Promise<Binary | undefined> {
  if (!(await exists(file))) return undefined;
  // Its own path: /usr/local/bin/node may be a script or a link.
  const program = "process.stdout.write(process.execPath + '\\n' + process.versions.node)";
  const { isSuccess, stdout } = await runProgram(file, ["-e", program], {
    env: {},
    timeoutMs: interpreterProbeMs,
  });
  const [path, version] = stdout.split("\n");
  return isSuccess && path && version ? { path, version } : undefined;
}

function major(version: string): string {
  return version.split(".", 1)[0] ?? version;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
