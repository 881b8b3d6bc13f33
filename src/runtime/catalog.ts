/**
 * Which runtimes this machine can start, and how: from a runtime identifier to a `LaunchPlan`.
 *
 * Knows every identifier of AWS (`runtime-facts.ts`). Node comes from npm on first use (`catalog-node.ts`); Python, Java
 * and Ruby are the ones that are here (`catalog-python.ts`, `catalog-java.ts`, `catalog-ruby.ts`), or in a root file system
 * that was installed (`roots.ts`); `provided.*` needs nothing; the rest says what to do instead.
 * Must never start anything itself.
 */
import { createBootstraps } from "./bootstraps.ts";
import { createJavaRuntimes } from "./catalog-java.ts";
import { createNodeRuntimes, type NodeDeps } from "./catalog-node.ts";
import { createPythonRuntimes } from "./catalog-python.ts";
import { createRubyRuntimes } from "./catalog-ruby.ts";
import { RuntimeUnavailable, type Catalog, type RuntimeEntry } from "./contract.ts";
import { createJavaBootstrap } from "./java-bootstrap.ts";
import { createRoots } from "./roots.ts";
import { runtimeFacts, type RuntimeFamily } from "./runtime-facts.ts";
import type { RuntimeSource } from "./runtime-source.ts";
import { runtimeVersion } from "./runtime-version.ts";

export interface CatalogDeps extends Omit<NodeDeps, "bootstraps"> {
  /** Where pyenv may be. */
  readonly home: string;
}

export function createCatalog(deps: CatalogDeps): Catalog {
  const bootstraps = createBootstraps(deps.dataDir);
  const roots = createRoots(deps.dataDir);
  const javaHome = deps.env["JAVA_HOME"];
  const sources: Partial<Record<RuntimeFamily, RuntimeSource>> = {
    nodejs: createNodeRuntimes({ ...deps, bootstraps }),
    python: createPythonRuntimes({ ...deps, bootstraps, roots }),
    java: createJavaRuntimes({
      ...deps,
      javaHome,
      bootstrap: createJavaBootstrap({ ...deps, bootstraps }),
      roots,
    }),
    ruby: createRubyRuntimes({ ...deps, bootstraps, roots }),
    provided: providedRuntimes,
  };

  async function entryOf(id: string, family: RuntimeFamily): Promise<RuntimeEntry> {
    const found = await sources[family]?.entry(id);
    return found ?? { id, status: "missing", description: familyNames[family], hint: hintFor(family) };
  }

  return {
    list: () => Promise.all(Object.entries(runtimeFacts).map(([id, { family }]) => entryOf(id, family))),
    async plan(id) {
      const facts = Object.hasOwn(runtimeFacts, id) ? runtimeFacts[id] : undefined;
      if (facts === undefined)
        throw new RuntimeUnavailable(`${id} is not a runtime identifier of AWS Lambda.`);
      const plan = await sources[facts.family]?.plan(id);
      if (plan) return plan;
      const entry = await entryOf(id, facts.family);
      throw new RuntimeUnavailable(`The runtime ${id} is not available here. ${entry.hint}`);
    },
  };
}

const familyNames: Readonly<Record<RuntimeFamily, string>> = {
  nodejs: "Node.js",
  python: "Python",
  java: "Java",
  dotnet: ".NET",
  ruby: "Ruby",
  go: "Go",
  provided: "custom runtime",
};

const oldest =
  "nodejs18.x, python3.8, java8.al2, ruby3.2 and whatever is newer than these are there, and provided.*";

function hintFor(family: RuntimeFamily): string {
  switch (family) {
    case "go":
      return "Build the function for provided.al2023, with its program named bootstrap.";
    case "dotnet":
      return (
        "Bring .NET with the function: make it a program with Amazon.Lambda.RuntimeSupport's LambdaBootstrapBuilder in its " +
        "Main, AssemblyName bootstrap and InvariantGlobalization true, run dotnet publish -c Release " +
        `-r linux-${process.arch} --self-contained, and deploy what is in its publish folder as provided.al2023, with ` +
        "any handler. PowerShell functions take AWS's custom runtime for PowerShell."
      );
    case "nodejs":
    case "python":
    case "java":
    case "ruby":
    case "provided":
      return `This version is too old for lambdad: ${oldest}.`;
  }
}

/** The function or a layer brings the program: AWS's two places for it. */
const providedRuntimes: RuntimeSource = {
  async entry(id) {
    return { id, status: "ready", description: "custom runtime", hint: undefined };
  },
  async plan(id) {
    return {
      argv: ["/var/task/bootstrap"],
      entrypoints: ["/var/task/bootstrap", "/opt/bootstrap"],
      mounts: [],
      env: {},
      withoutOurVariables: true,
      ...runtimeVersion("provided", id.split(".")[1] ?? "al1", id),
    };
  },
};
