"use strict";
/**
 * ES modules find packages along NODE_PATH, too: those of layers and the AWS SDK. Node looks there for `require` only;
 * AWS's runtimes do since Node 18. What Node finds by its own rules comes first, and its own error stays the error.
 */
const module_ = require("module");
const { pathToFileURL } = require("url");

/** Called once, before the first ES module of a function is loaded. */
exports.searchNodePath = function searchNodePath() {
  const folders = (process.env.NODE_PATH ?? "")
    .split(":")
    .filter((folder) => folder.endsWith("/node_modules"));
  // A module that lies beside such a folder finds what is in it.
  const parents = folders.map(
    (folder) => pathToFileURL(`${folder.slice(0, -"node_modules".length)}_.mjs`).href,
  );
  if (parents.length === 0) return;
  if (module_.registerHooks) module_.registerHooks({ resolve: resolveWith(parents) });
  else module_.register(pathToFileURL(`${__dirname}/esm-paths-thread.mjs`), { data: { parents } });
};

/**
 * For what CommonJS imports while it runs: called when its handler is there, so that what that requires goes the usual way.
 * Where hooks need a thread of their own it is left undone: that costs more than all of the rest.
 */
exports.searchNodePathFromNowOn = function searchNodePathFromNowOn() {
  if (module_.registerHooks) exports.searchNodePath();
};

function resolveWith(parents) {
  return function resolve(specifier, context, next) {
    try {
      return next(specifier, context);
    } catch (error) {
      if (error?.code !== "ERR_MODULE_NOT_FOUND" || !isPackage(specifier)) throw error;
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
