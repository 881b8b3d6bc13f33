/**
 * Guesses how a folder wants to run: its runtime and handler, from the files that are there. Pure: names and contents in,
 * a guess with its reason out.
 */

export interface Guess {
  readonly runtime: string;
  readonly handler: string;
  /** "index.mjs", "package.json": what the guess was made from. */
  readonly because: string;
}

export interface Folder {
  /** Relative to the folder, "/" between parts. */
  readonly files: readonly string[];
  read(file: string): string;
}

const nodeRuntime = "nodejs24.x";
const pythonModules = ["lambda_function.py", "index.py", "main.py", "app.py", "handler.py"];
const rubyFiles = ["lambda_function.rb", "index.rb", "main.rb", "app.rb", "handler.rb"];
const nodeModules = ["index.mjs", "index.js", "index.cjs", "handler.mjs", "handler.js", "app.mjs", "app.js"];

/** The newest that this machine can start. */
export interface NewestRuntimes {
  readonly python: string;
  readonly ruby: string;
}

export function guess(folder: Folder, newest: NewestRuntimes): Guess | undefined {
  const has = (file: string) => folder.files.includes(file);
  if (has("bootstrap")) return { runtime: "provided.al2023", handler: "bootstrap", because: "bootstrap" };
  const main = has("package.json") ? mainOf(folder.read("package.json")) : undefined;
  if (main && has(main))
    return { runtime: nodeRuntime, handler: nodeHandler(folder, main), because: "package.json" };
  const nodeModule = nodeModules.find(has);
  if (nodeModule)
    return { runtime: nodeRuntime, handler: nodeHandler(folder, nodeModule), because: nodeModule };
  const pythonModule = pythonModules.find(has) ?? onlyOne(folder.files, /^[^/]+\.py$/);
  if (pythonModule)
    return { runtime: newest.python, handler: scriptHandler(folder, pythonModule), because: pythonModule };
  const rubyFile = rubyFiles.find(has) ?? onlyOne(folder.files, /^[^/]+\.rb$/);
  if (rubyFile) return { runtime: newest.ruby, handler: scriptHandler(folder, rubyFile), because: rubyFile };
  return undefined;
}

function mainOf(text: string): string | undefined {
  try {
    const { main } = JSON.parse(text) as { main?: unknown };
    return typeof main === "string" ? main.replace(/^\.\//, "") : undefined;
  } catch {
    // Not our mistake to report: the function itself will say what is wrong with it.
    return undefined;
  }
}

function nodeHandler(folder: Folder, file: string): string {
  const named =
    /exports\.(\w*handler\w*)\s*=|export\s+(?:const|let|async function|function)\s+(\w*handler\w*)/i.exec(
      folder.read(file),
    );
  return `${withoutExtension(file)}.${named?.[1] ?? named?.[2] ?? "handler"}`;
}

/** Python's or Ruby's: both say `def handler(`. */
function scriptHandler(folder: Folder, file: string): string {
  const named = /^def\s+(\w*handler\w*)\s*\(/im.exec(folder.read(file));
  return `${withoutExtension(file)}.${named?.[1] ?? "lambda_handler"}`;
}

function withoutExtension(file: string): string {
  return file.replace(/\.[^./]+$/, "");
}

function onlyOne(files: readonly string[], pattern: RegExp): string | undefined {
  const matching = files.filter((file) => pattern.test(file));
  return matching.length === 1 ? matching[0] : undefined;
}
