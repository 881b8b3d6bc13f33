/**
 * The Java installations of this machine and of installed root file systems: found where distributions, SDKMAN and
 * JAVA_HOME put them, and known by the `release` file that every one of them has since Java 8. None is started.
 */
import { access, readFile, readdir, realpath } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";

export interface JavaHome {
  /** "17.0.15", "1.8.0_452". */
  readonly version: string;
  /** 8, 11, 17, … */
  readonly major: number;
  /** Absolute path inside of `root`, or of the machine. */
  readonly path: string;
  /** The root file system that it is in; undefined: the machine's. */
  readonly root: string | undefined;
  readonly hasCompiler: boolean;
}

export interface JavaPlaces {
  readonly path: string;
  readonly home: string;
  /** JAVA_HOME. */
  readonly javaHome: string | undefined;
}

/** Newest version first, each once. */
export async function machineJavaHomes({ path, home, javaHome }: JavaPlaces): Promise<readonly JavaHome[]> {
  const programs = path.split(delimiter).filter((folder) => folder.startsWith("/"));
  const onPath = programs.map((folder) => realpath(join(folder, "java")).then(homeOf, () => ""));
  const places = [
    ...(javaHome ? [javaHome] : []),
    ...(await foldersOf("/usr/lib/jvm")),
    ...(await foldersOf(join(home, ".sdkman", "candidates", "java"))),
    ...(await Promise.all(onPath)).filter((place) => place !== ""),
  ];
  const real = await Promise.all(places.map((place) => realpath(place).catch(() => "")));
  return look([...new Set(real)].filter((place) => place !== ""));
}

export async function javaHomesIn(root: string): Promise<readonly JavaHome[]> {
  return look(await foldersOf(join(root, "usr", "lib", "jvm")), root);
}

async function look(places: readonly string[], root?: string): Promise<readonly JavaHome[]> {
  const found = await Promise.all(places.map((place) => javaHome(place, root)));
  return found
    .filter((each) => each !== undefined)
    .toSorted((one, other) => other.version.localeCompare(one.version, "en", { numeric: true }));
}

async function javaHome(place: string, root?: string): Promise<JavaHome | undefined> {
  const release = await readFile(join(place, "release"), "utf8").catch(() => "");
  const version = /^JAVA_VERSION="([\d._]+)/m.exec(release)?.[1];
  if (version === undefined || !(await isThere(join(place, "bin", "java")))) return undefined;
  const [first = "", second = ""] = version.split(".");
  return {
    version,
    major: Number(first === "1" ? second : first),
    path: root === undefined ? place : place.slice(root.length),
    root,
    hasCompiler: (await isThere(join(place, "bin", "javac"))) && (await isThere(join(place, "bin", "jar"))),
  };
}

/** `…/bin/java` and, up to Java 8, `…/jre/bin/java`. */
function homeOf(program: string): string {
  const home = dirname(dirname(program));
  return home.endsWith("/jre") ? dirname(home) : home;
}

/** Without links: distributions have several names for one. */
async function foldersOf(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(directory, name));
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
