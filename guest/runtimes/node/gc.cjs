"use strict";
/**
 * `gc()`, which AWS's runtimes have by `--expose-gc`. Any such switch makes V8 refuse what Node has compiled of its own
 * modules: that is 6 ms of a start, and 20 of one with `https` and `crypto`. So Node 24 and later are started without it, and
 * it is switched on for those functions whose files ask for worker threads or contexts, which then have their own `gc()`.
 * Earlier Nodes have the switch, since their heap limit is another one.
 */
let collect;

/** Before user code is loaded. Nothing changes where the switch was given. */
exports.defineGc = function defineGc() {
  if (globalThis.gc !== undefined) return;
  const value = function gc(...options) {
    collect ??= ofNewContext();
    return collect(...options);
  };
  Object.defineProperty(globalThis, "gc", { value, writable: true, enumerable: true });
  process.execArgv.unshift(exposing);
};

const exposing = "--expose-gc";

/** When the function's files are loaded. */
exports.exposeGcToOthers = function exposeGcToOthers() {
  const loaded = process.moduleLoadList;
  if (loaded.includes("NativeModule worker_threads") || loaded.includes("NativeModule vm")) exposeGc();
};

function exposeGc() {
  require("v8").setFlagsFromString(exposing);
}

/** Contexts have one of their own if they are made while it is switched on. */
function ofNewContext() {
  exposeGc();
  return require("vm").runInNewContext("gc");
}
