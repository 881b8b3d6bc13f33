"use strict";
/**
 * ES modules find packages along NODE_PATH, too: those of layers and the AWS SDK. Node looks there for `require` only;
 * AWS's runtimes do since Node 18. What Node finds by its own rules comes first, and its own error stays the error.
 */
const module_ = require("module");

/** Called once, before the first ES module of a function is loaded. */
exports.searchNodePath = function searchNodePath() {
  const folders = (process.env.NODE_PATH ?? "")
    .split(":")
    .filter((folder) => folder.endsWith("/node_modules"));
  if (folders.length === 0) return;
  if (module_.registerHooks) {
    module_.registerHooks({ resolve: resolveWith(folders) });
  } else {
    const thread = urlOf(`${__dirname}/esm-paths-thread.mjs`);
    module_.register(thread, { data: { parents: folders.map(parentIn) } });
  }
};

/** A module that lies beside such a folder finds what is in it. */
function parentIn(folder) {
  return urlOf(`${folder.slice(0, -"node_modules".length)}_.mjs`);
}

function urlOf(path) {
  return require("url").pathToFileURL(path).href;
}

/**
 * For what CommonJS imports while it runs: called when its handler is there, so that what that requires goes the usual way.
 * Where hooks need a thread of their own it is left undone: that costs more than all of the rest.
 */
exports.searchNodePathFromNowOn = function searchNodePathFromNowOn() {
  if (module_.registerHooks) exports.searchNodePath();
};

function resolveWith(folders) {
  // Made when they are needed: the first URL costs a start half a millisecond.
  let parents;
  return function resolve(specifier, context, next) {
    try {
      return next(specifier, context);
    } catch (error) {
      if (error?.code !== "ERR_MODULE_NOT_FOUND" || !isPackage(specifier)) throw error;
      parents ??= folders.map(parentIn);
      for (const parentURL of parents) {
        try {
          return next(specifier, { ...context, parentURL });
        } catch (missing) {
          if (missing?.code !== "ERR_MODULE_NOT_FOUND") throw missing;
        }
      }
      throw error;
    }
  };
}

/** Neither a path nor a URL nor one of a package's own imports. */
function isPackage(specifier) {
  return /^[^./#:][^:]*$/.test(specifier);
}
exports.isPackage = isPackage;
