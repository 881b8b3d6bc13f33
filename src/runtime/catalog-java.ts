/**
 * Java runtimes: the installations that are on this machine, or a root file system with one. Of each major version the
 * newest is taken; an installed root file system goes before the machine.
 *
 * The bootstrap is compiled and its class archive made when a plan is first asked for, so not within an INIT. Flags are
 * AWS's, and give way to JAVA_TOOL_OPTIONS.
 */
import type { Flag } from "./contract.ts";
import type { JavaBootstrap } from "./java-bootstrap.ts";
import { compilerHint } from "./java-bootstrap.ts";
import { javaHomesIn, machineJavaHomes, type JavaHome, type JavaPlaces } from "./java-homes.ts";
import type { Roots } from "./roots.ts";
import type { RuntimeSource } from "./runtime-source.ts";
import { runtimeVersion } from "./runtime-version.ts";

export interface JavaDeps extends JavaPlaces {
  readonly bootstrap: JavaBootstrap;
  readonly roots: Pick<Roots, "installed" | "absent">;
}

export function createJavaRuntimes(deps: JavaDeps): RuntimeSource {
  const { bootstrap, roots } = deps;

  async function homesFor(id: string): Promise<readonly JavaHome[]> {
    const root = await roots.installed(id);
    const homes = [...(root === undefined ? [] : await javaHomesIn(root)), ...(await machineJavaHomes(deps))];
    return homes.filter(({ major, hasCompiler }) => major === majorOf(id) || hasCompiler);
  }

  function runs(homes: readonly JavaHome[], id: string): JavaHome | undefined {
    return homes.find(({ major }) => major === majorOf(id));
  }

  return {
    async entry(id) {
      const major = majorOf(id);
      if (major === undefined) return undefined;
      const homes = await homesFor(id);
      const java = runs(homes, id);
      if (java === undefined) {
        return roots.absent(id, `Java ${major}`, `so that a JDK ${major} is in /usr/lib/jvm or JAVA_HOME`);
      }
      const place = java.root === undefined ? `at ${java.path}` : "in its own root file system";
      const description = `Java ${java.version} ${place}`;
      const isStartable = homes.some(({ hasCompiler }) => hasCompiler) || (await bootstrap.isCompiled());
      if (!isStartable) return { id, status: "missing", description, hint: compilerHint };
      return { id, status: "ready", description, hint: undefined };
    },

    async plan(id) {
      const homes = await homesFor(id);
      const java = runs(homes, id);
      if (java === undefined) return undefined;
      const directory = await bootstrap.directory(homes.filter(({ hasCompiler }) => hasCompiler));
      const archive = await bootstrap.archive(java, directory);
      const isEverywhere = java.root !== undefined || java.path.startsWith("/usr/");
      return {
        argv: [
          `${java.path}/bin/java`,
          ...(archive === undefined ? [] : archiveFlags),
          ...["-jar", "/var/runtime/lambdad.jar", "/opt"],
        ],
        flags: {
          variable: "JAVA_TOOL_OPTIONS",
          defaults: java.major >= 17 ? [...flags, clientCompiler] : flags,
        },
        ...(java.root === undefined ? {} : { root: java.root }),
        mounts: [
          { source: directory, target: "/var/runtime" },
          ...(archive === undefined ? [] : [{ source: archive, target: "/var/lang/lib/server" }]),
          ...(isEverywhere ? [] : [{ source: java.path, target: java.path }]),
        ],
        env: utf8,
        withoutOurVariables: true,
        ...runtimeVersion("java", id.slice("java".length), `${java.version}:${directory}`),
      };
    },
  };
}

/** Undefined: too old for lambdad. */
function majorOf(id: string): number | undefined {
  const major = Number(/^java(8\.al2|8\.al2023|\d\d)(\.al2023)?$/.exec(id)?.[1]?.split(".")[0]);
  return Number.isNaN(major) ? undefined : major;
}

/** Where AWS has its own. An archive that does not fit is no reason to say so in the function's log. */
const archiveFlags = [
  "-XX:SharedArchiveFile=/var/lang/lib/server/runtime.jsa",
  ...["-Xshare:auto", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"],
];

/** For names of files, variables and output. AWS's machines have the locale that LANG names; a sandbox may not. */
const utf8 = { LC_ALL: "C.UTF-8" };

/** Of the function's memory, as seen on AWS (inferred): the rest is for what Java has beside its heap. */
const heapShare = 0.85;

const flags: readonly Flag[] = [
  { unless: /-XX:\+Use\w+GC\b/, text: () => "-XX:+UseSerialGC" },
  {
    unless: /-Xmx|-XX:MaxHeapSize|-XX:Max(Heap|RAM)/,
    text: (memoryMb) => `-Xmx${Math.floor(memoryMb * heapShare)}m`,
  },
];

/** AWS: from Java 17 on; what starts soonest. */
const clientCompiler: Flag = {
  unless: /-XX:(TieredStopAtLevel|[-+]TieredCompilation)/,
  text: () => "-XX:TieredStopAtLevel=1",
};
