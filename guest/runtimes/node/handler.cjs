"use strict";
/**
 * Finds and loads the handler: `path/to/file.export.nested` below the task root.
 *
 * The file is tried without extension, as .js, .mjs and .cjs, and last as a module by Node's own rules (layers). A .js
 * file is an ES module if the nearest package.json says so. Every failure has AWS's error type.
 */
const fs = require("fs");
const path = require("path");
const Module = require("module");
const { isModuleNamespaceObject } = require("util").types;
const {
  CallbackHandlerDeprecated,
  HandlerNotFound,
  ImportModuleError,
  MalformedHandlerName,
  userCodeSyntaxError,
} = require("./errors.cjs");
const { isStreaming } = require("./stream.cjs");

// As if AWS's bootstrap did it, so that messages with a require stack are AWS's.
const requireUser = Module.createRequire(path.join(__dirname, "index.mjs"));

exports.loadHandler = async function loadHandler(taskRoot, name, hasCallbacks) {
  if (name.includes("..")) {
    throw new MalformedHandlerName(
      `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`,
    );
  }
  const base = path.basename(name);
  const [, file, exported] = /^([^.]*)\.(.*)$/.exec(base) ?? [];
  if (file === undefined) throw new MalformedHandlerName("Bad handler");
  const directory = path.resolve(taskRoot, name.slice(0, name.indexOf(base)));

  const loaded = await load(taskRoot, directory, file, hasCallbacks);
  const handler = hasCallbacks ? memberOf(loaded, exported) : exportOf(loaded, exported);
  if (!handler) throw new HandlerNotFound(`${name} is undefined or not exported`);
  if (typeof handler !== "function") throw new HandlerNotFound(`${name} is not a function`);
  if (!isStreaming(handler) && !hasCallbacks && handler.length >= 3) {
    throw new CallbackHandlerDeprecated(
      "ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You " +
        "need to modify this function to use a supported handler signature to use Node.js 24 or later. For more " +
        "information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.",
    );
  }
  return handler;
};

function memberOf(object, names) {
  return names.split(".").reduce((nested, key) => nested?.[key], object);
}

/** From Node 24 on: of objects only, and of the default export of an ES module. */
function exportOf(loaded, names) {
  const find = (object) =>
    names
      .split(".")
      .reduce((nested, key) => (typeof nested === "object" && nested ? nested[key] : undefined), object);
  return find(loaded) || (isModuleNamespaceObject(loaded) ? find(loaded.default) : undefined);
}

async function load(taskRoot, directory, file, hasParent) {
  try {
    const stem = path.join(directory, file);
    for (const extension of ["", ".js", ".mjs", ".cjs"]) {
      const candidate = stem + extension;
      if (fs.existsSync(candidate)) return await loadFile(candidate, extension, hasParent);
    }
    return requireAny(requireUser.resolve(file, { paths: [taskRoot, directory] }));
  } catch (error) {
    if (error instanceof SyntaxError) throw userCodeSyntaxError(error);
    if (error?.code === "MODULE_NOT_FOUND") throw new ImportModuleError(error);
    throw error;
  }
}

/**
 * From Node 24 on AWS imports CommonJS too. To the file that looks as if nobody had required it, at a tenth of the time.
 * Folders, which cannot be imported, and hooks of instrumentations see the difference, and get the import.
 */
async function loadFile(file, extension, hasParent) {
  const isModule = extension === ".mjs" || (extension === ".js" && isModulePackage(path.dirname(file)));
  if (isModule || (!hasParent && (extension === "" || hasHooks()))) return importFile(file);
  try {
    return requireAny(file, hasParent);
  } catch (error) {
    // A .js file that turned out to be a module with top-level await: only `import` can wait.
    if (error?.code === "ERR_REQUIRE_ASYNC_MODULE") return importFile(file);
    throw error;
  }
}

function requireAny(file, hasParent = true) {
  const loaded = hasParent ? requireUser(file) : Module._load(file);
  require("./esm-paths.cjs").searchNodePathFromNowOn();
  return loaded;
}

function hasHooks() {
  return /(^|\s)--(import|loader|experimental-loader)\b/.test(process.env.NODE_OPTIONS);
}

function importFile(file) {
  require("./esm-paths.cjs").searchNodePath();
  return import(require("url").pathToFileURL(file).href);
}

function isModulePackage(directory) {
  if (path.basename(directory) === "node_modules") return false;
  let text;
  try {
    text = fs.readFileSync(path.join(directory, "package.json"), "utf8");
  } catch {
    const parent = path.dirname(directory);
    return parent !== directory && isModulePackage(parent);
  }
  try {
    return JSON.parse(text)?.type === "module";
  } catch (error) {
    console.warn(
      `${directory}/package.json cannot be read, it will be ignored for ES module detection.`,
      error,
    );
    return false;
  }
}
