/**
 * The house rules that a machine can check: who may import whom, nothing dead, nothing banned, documents that name only
 * files that exist. Reads every source file once, as text.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";

const root = resolve(import.meta.dirname, "..");

/** Folder (or file) of `src/` → its layer. A file imports from its own layer's folder or from lower layers only. */
const layers: readonly (readonly [prefix: string, layer: number])[] = [
  ["base/", 0],
  ["limits.ts", 0.25],
  ["store/", 1],
  ["wire/", 1],
  ["isolation/", 2],
  ["runtime/", 3],
  ["invoke/", 4],
  ["events/", 5],
  ["services/", 6],
  ["gateway/", 7],
  ["config.ts", 0.5],
  ["version.ts", 0.5],
  ["cli/", 9],
  ["platform.ts", 8],
  ["main.ts", 10],
];

interface Source {
  /** Relative to `src/`. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

interface Import {
  /** Relative to `src/`. */
  readonly target: string;
  readonly isTypeOnly: boolean;
}

const sources = readSources(join(root, "src"));
const production = sources.filter(({ path }) => !/\.(test|suite|bench|fuzz|stress)\.ts$/.test(path));

test("a production file imports from its own folder or from a lower layer", () => {
  const broken: string[] = [];
  for (const { path, imports } of production) {
    for (const { target } of imports) {
      if (topFolder(target) !== topFolder(path) && layerOf(target) >= layerOf(path))
        broken.push(`${path} imports ${target}`);
    }
  }
  assert.deepEqual(broken, []);
});

test("a service imports no other service, and of the engine below it only types and pure parts", () => {
  const allowed = [
    /^base\//,
    /^limits\.ts$/,
    /^wire\//,
    /^store\/(store|records)\.ts$/,
    /^services\/service\.ts$/,
    /^events\//,
  ];
  const broken: string[] = [];
  for (const { path, imports } of production) {
    const folder = /^services\/[^/]+\//.exec(path)?.[0];
    if (!folder) continue;
    for (const { target, isTypeOnly } of imports) {
      if (target.startsWith(folder) || isTypeOnly || allowed.some((rule) => rule.test(target))) continue;
      if (/^runtime\/(contract|runtime-facts|invocation)\.ts$/.test(target)) continue;
      broken.push(`${path} imports ${target}`);
    }
    for (const { target } of imports) {
      if (target.startsWith("services/") && !target.startsWith(folder) && target !== "services/service.ts") {
        broken.push(`${path} imports ${target}`);
      }
    }
  }
  assert.deepEqual(broken, []);
});

test("imports make no cycle", () => {
  const byPath = new Map(production.map((source) => [source.path, source]));
  const done = new Set<string>();
  function visit(path: string, trail: readonly string[]): string | undefined {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path].join(" → ");
    if (done.has(path)) return undefined;
    for (const { target, isTypeOnly } of byPath.get(path)?.imports ?? []) {
      const cycle = isTypeOnly ? undefined : visit(target, [...trail, path]);
      if (cycle) return cycle;
    }
    done.add(path);
    return undefined;
  }
  assert.deepEqual(
    production.map(({ path }) => visit(path, [])).filter((cycle) => cycle !== undefined),
    [],
  );
});

test("every production file is imported by something, if only by a test, or is an entry", () => {
  const entries = new Set(["main.ts", "platform.ts"]);
  const everywhere = [
    ...sources,
    ...["test", "bench", "tools"].flatMap((folder) => readSources(join(root, folder), folder)),
  ];
  const imported = new Set(everywhere.flatMap(({ imports }) => imports.map(({ target }) => target)));
  // Worker threads are started by URL.
  for (const { text, path } of production) {
    for (const [, name] of text.matchAll(/new URL\(\s*[`"]\.\/([\w-]+)\./g))
      imported.add(join(dirname(path), `${name}.ts`));
  }
  assert.deepEqual(
    production.map(({ path }) => path).filter((path) => !imported.has(path) && !entries.has(path)),
    [],
  );
});

const bannedCalls: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/\bDate\.now\(/, "clock.now()"],
  [/\bnew Date\(\)/, "new Date(clock.now())"],
  [/\b(setTimeout|setInterval)\(/, "clock.after() or clock.sleep()"],
  [/\bMath\.random\(/, "random.float()"],
  [/\brandomUUID\(/, "random.uuid()"],
  [/\bprocess\.env\b/, "config.ts"],
  [/\bperformance\.now\(/, "clock.monotonic()"],
  [/^import \{.* from "node:http";/, "base/http.ts, or `import type`"],
];

test("time, chance, the process environment and Node's HTTP are had in base/ and config.ts only", () => {
  const broken: string[] = [];
  for (const { path, text } of production) {
    if (path.startsWith("base/") || path === "config.ts") continue;
    for (const [pattern, instead] of bannedCalls) {
      const line = withoutComments(text)
        .split("\n")
        .findIndex((one) => pattern.test(one));
      if (line >= 0) broken.push(`${path}:${line + 1} use ${instead} instead of ${pattern.source}`);
    }
  }
  assert.deepEqual(broken, []);
});

test("no catch is empty, no TODO is without an issue, and nothing is called a hack", () => {
  const broken: string[] = [];
  for (const { path, text } of production) {
    if (/catch\s*(\([^)]*\))?\s*\{\s*\}/.test(text)) broken.push(`${path}: empty catch`);
    if (/\bTODO\b(?!\(#\d+\))/.test(text)) broken.push(`${path}: TODO without (#issue)`);
    if (/\bHACK\b|\bFIXME\b/.test(text)) broken.push(`${path}: HACK or FIXME`);
  }
  assert.deepEqual(broken, []);
});

test("every production file begins with what it is for", () => {
  assert.deepEqual(
    production.filter(({ text }) => !text.startsWith("/**")).map(({ path }) => path),
    [],
  );
});

test("file names are kebab-case and say something", () => {
  const banned = /(^|[-/])(manager|helpers?|utils?|common|misc|impl|abstract|data|info)([-.]|$)/;
  assert.deepEqual(
    sources.map(({ path }) => path).filter((path) => !/^[a-z0-9\-./]+$/.test(path) || banned.test(path)),
    [],
  );
});

test("every service folder has its parts and is in the list", () => {
  const folders = readdirSync(join(root, "src/services"), { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  const platform = readFileSync(join(root, "src/platform.ts"), "utf8");
  const missing: string[] = [];
  for (const { name } of folders) {
    for (const part of ["README.md", "index.ts"]) {
      if (!existsSync(join(root, "src/services", name, part))) missing.push(`services/${name}/${part}`);
    }
    if (!platform.includes(`./services/${name}/index.ts`)) missing.push(`services/${name} in platform.ts`);
  }
  assert.deepEqual(missing, []);
});

test("documents name only files that exist", () => {
  const missing: string[] = [];
  for (const document of documents()) {
    const text = readFileSync(join(root, document), "utf8");
    for (const [, path] of text.matchAll(
      /`(?:node |cat |bash )?((?:src|bin|test|bench|tools|docs|guest|models|examples)\/[\w./-]+)[^`]*`/g,
    )) {
      if (path && !existsSync(join(root, path))) missing.push(`${document} names ${path}`);
    }
    for (const [, path] of text.matchAll(/\]\((?!https?:|#)([\w./-]+)(?:#[\w-]+)?\)/g)) {
      if (path && !existsSync(join(root, dirname(document), path)))
        missing.push(`${document} links to ${path}`);
    }
  }
  assert.deepEqual(missing, []);
});

/** Of the root, of `docs/`, and what explains a service or an example. Relative to the root. */
function documents(): string[] {
  const inside = (folder: string) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".md") && !path.includes("node_modules"))
      .map((path) => join(folder, path));
  const atRoot = readdirSync(root).filter((path) => path.endsWith(".md"));
  return [...atRoot, ...["docs", "src", "examples", "models"].flatMap(inside)];
}

test("the longest files, for information", () => {
  const longest = production
    .map(({ path, text }) => ({ path, lines: text.split("\n").length }))
    .toSorted((one, other) => other.lines - one.lines)
    .slice(0, 5);
  console.log(`longest files: ${longest.map(({ path, lines }) => `${path} ${lines}`).join(", ")}`);
});

/** `from`: where the folder lies, relative to `src/`'s parent; paths and targets stay relative to `src/`. */
function readSources(folder: string, from = "src"): Source[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => {
      const text = readFileSync(join(folder, path), "utf8");
      return { path, text, imports: importsOf(from === "src" ? path : join("..", from, path), text) };
    });
}

function importsOf(path: string, text: string): Import[] {
  const found: Import[] = [];
  const statement = /^(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?"(\.[^"]+)"/gm;
  for (const [, type, specifier] of text.matchAll(statement))
    found.push({ target: targetOf(path, specifier), isTypeOnly: !!type });
  for (const [, specifier] of text.matchAll(/\bimport\("(\.[^"]+)"\)/g)) {
    found.push({ target: targetOf(path, specifier), isTypeOnly: false });
  }
  return found.filter(({ target }) => !target.startsWith(".."));
}

function targetOf(path: string, specifier = ""): string {
  return relative(join(root, "src"), resolve(join(root, "src"), dirname(path), specifier));
}

function topFolder(path: string): string {
  return path.includes("/") ? path.slice(0, path.indexOf("/")) : path;
}

function layerOf(path: string): number {
  const layer = layers.find(([prefix]) => path.startsWith(prefix))?.[1];
  assert(layer !== undefined, `src/${path} has no layer: add its folder to design and to this table`);
  return layer;
}

function withoutComments(text: string): string {
  return text
    .replaceAll(/\/\*[^]*?\*\//g, (comment) => comment.replaceAll(/[^\n]/g, ""))
    .replaceAll(/(^|\s)\/\/.*$/gm, "");
}
