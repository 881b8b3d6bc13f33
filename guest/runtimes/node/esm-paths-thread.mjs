/** `esm-paths.cjs` for Nodes before 22.15, whose hooks run in a thread of their own and wait. */
import { isPackage } from "./esm-paths.cjs";

let parents = [];

export function initialize(given) {
  parents = given.parents;
}

export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    if (error?.code !== "ERR_MODULE_NOT_FOUND" || !isPackage(specifier)) throw error;
    for (const parentURL of parents) {
      try {
        return await next(specifier, { ...context, parentURL });
      } catch (missing) {
        if (missing?.code !== "ERR_MODULE_NOT_FOUND") throw missing;
      }
    }
    throw error;
  }
}
