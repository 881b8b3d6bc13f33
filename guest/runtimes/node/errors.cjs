"use strict";
/**
 * AWS's error types of the Node.js runtime, and the two forms in which an error leaves it: the payload that the caller
 * of the function gets, and the JSON of the log line.
 */
const { isNativeError } = require("util").types;

/** AWS's client for Node 24 and later has other errors in details that show. */
const isNewer = Number.parseInt(process.versions.node, 10) >= 24;

/**
 * Named before it is made, so that the first line of its stack has the name too; later AWS's have it as their own, in logs.
 * `ending`: of the class's name from Node 24 on, which JSON log lines show.
 */
function errorType(name, ending = "", construct) {
  const type = class extends Error {
    constructor(...args) {
      super(construct === undefined ? args[0] : construct(...args));
      if (isNewer) this.name = name;
    }
  };
  type.prototype.name = name;
  Object.defineProperty(type, "name", { value: name.slice("Runtime.".length) + (isNewer ? ending : "") });
  return type;
}

exports.HandlerNotFound = errorType("Runtime.HandlerNotFound", "Error");
exports.MalformedHandlerName = errorType("Runtime.MalformedHandlerName", "Error");
exports.ImportModuleError = errorType("Runtime.ImportModuleError");
exports.CallbackHandlerDeprecated = errorType("Runtime.CallbackHandlerDeprecated", "Error");
exports.InvalidStreamingOperation = errorType("Runtime.InvalidStreamingOperation");
exports.MalformedStreamingHandler = errorType("Runtime.MalformedStreamingHandler");

const SyntaxErrorOfUser = errorType("Runtime.UserCodeSyntaxError");
exports.userCodeSyntaxError = function userCodeSyntaxError(error) {
  const wrapped = new SyntaxErrorOfUser(error);
  // The original's stack begins with the place in the file. AWS shows it from Node 24 on.
  if (isNewer) wrapped.stack = error.stack;
  return wrapped;
};

exports.NodejsExit = errorType(
  "Runtime.NodejsExit",
  "",
  () =>
    "The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise " +
    "that was never settled. For more information, see " +
    "https://nodejs.org/docs/latest/api/process.html#process_exit_codes",
);

const Unhandled = errorType("Runtime.UnhandledPromiseRejection");
exports.UnhandledPromiseRejection = class UnhandledPromiseRejection extends Unhandled {
  constructor(reason, promise) {
    super(reason);
    this.reason = reason;
    this.promise = promise;
  }
};

exports.JSONStringifyError = errorType("Runtime.JSONStringifyError");

/** The handler's result as JSON text; throws a `Failure` where it has none. */
exports.stringifyResult = function stringifyResult(result, Failure) {
  let text;
  try {
    text = JSON.stringify(result === undefined ? null : result);
  } catch {
    throw new Failure("Unable to stringify response body");
  }
  // A function or a symbol has no JSON, and the native half of AWS's client takes nothing but text.
  if (text === undefined) throw new TypeError("Wrong arguments");
  return text;
};

/** The payload of an error, whatever was thrown. */
exports.toPayload = function toPayload(error) {
  try {
    if (isNewer ? error instanceof Error : isNativeError(error) || looksLikeError(error)) {
      return {
        errorType: printable(error.name),
        errorMessage: printable(error.message),
        trace: traceOf(error),
      };
    }
    return { errorType: typeof error, errorMessage: isNewer ? String(error) : error.toString(), trace: [] };
  } catch {
    return {
      errorType: "handled",
      errorMessage:
        "callback called with Error argument, but there was a problem while retrieving one or more of its message, " +
        "name, and stack",
      ...(isNewer && { trace: [] }),
    };
  }
};

/** The JSON of a text log line, with the error's own properties and those of errors in it. */
exports.toLogged = function toLogged(error) {
  try {
    return JSON.stringify(error, (_key, value) => (value instanceof Error ? withProperties(value) : value));
  } catch {
    return JSON.stringify(exports.toPayload(error));
  }
};

function withProperties(error) {
  const result = { errorType: error.name, errorMessage: error.message, code: error.code, ...error };
  if (typeof error.stack === "string") result.stack = error.stack.split("\n");
  return result;
}

function looksLikeError(value) {
  return [value?.name, value?.message, value?.stack].every((part) => typeof part === "string" && part !== "");
}

/** Up to Node 22 an error without a stack is one that cannot be read. */
function traceOf({ stack }) {
  return isNewer ? (printable(stack)?.split("\n") ?? []) : printable(stack).split("\n");
}

/** AWS escapes DEL, which its front end does not take. Throws where somebody has put something else in the place of text. */
function printable(text) {
  return text === undefined || text === null ? undefined : text.replaceAll("\x7f", "%7F");
}

/** Whatever was thrown, as an error. Throws what its conversion to text throws. */
exports.intoError = function intoError(thrown) {
  if (thrown instanceof Error) return thrown;
  return new Error(isNewer ? String(thrown) : thrown);
};
