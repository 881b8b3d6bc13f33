"use strict";
/**
 * AWS's error types of the Node.js runtime, and the two forms in which an error leaves it: the payload that the caller
 * of the function gets, and the JSON of the log line.
 */
const { isNativeError } = require("util").types;

/** AWS's client for Node 24 and later has other errors in details that show. */
const isNewer = Number.parseInt(process.versions.node, 10) >= 24;

/** Named before it is made, so that the first line of its stack has the name too; later AWS's have it as their own, in logs. */
function errorType(name, construct) {
  const type = class extends Error {
    constructor(...args) {
      super(construct === undefined ? args[0] : construct(...args));
      if (isNewer) this.name = name;
    }
  };
  type.prototype.name = name;
  return type;
}

exports.HandlerNotFound = errorType("Runtime.HandlerNotFound");
exports.MalformedHandlerName = errorType("Runtime.MalformedHandlerName");
exports.ImportModuleError = errorType("Runtime.ImportModuleError");
exports.CallbackHandlerDeprecated = errorType("Runtime.CallbackHandlerDeprecated");
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
  () =>
    "The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise " +
    "that was never settled. For more information, see " +
    "https://nodejs.org/docs/latest/api/process.html#process_exit_codes",
);

const Unhandled = errorType("Runtime.UnhandledPromiseRejection");
exports.UnhandledPromiseRejection = class extends Unhandled {
  constructor(reason, promise) {
    super(reason);
    this.reason = reason;
    this.promise = promise;
  }
};

exports.JSONStringifyError = errorType("Runtime.JSONStringifyError");

/** The handler's result as JSON text; throws a `Failure` where it has none. */
exports.stringifyResult = function stringifyResult(result, Failure) {
  try {
    // A function or a symbol has no JSON. inferred: AWS answers null.
    return JSON.stringify(result) ?? "null";
  } catch {
    throw new Failure("Unable to stringify response body");
  }
};

/** The payload of an error, whatever was thrown. */
exports.toPayload = function toPayload(error) {
  try {
    if (isNewer ? error instanceof Error : isNativeError(error) || looksLikeError(error)) {
      const { name, message, stack } = error;
      return {
        errorType: printable(name),
        errorMessage: printable(message),
        trace: stack ? printable(stack).split("\n") : [],
      };
    }
    return { errorType: typeof error, errorMessage: String(error), trace: [] };
  } catch {
    return {
      errorType: "handled",
      errorMessage:
        "callback called with Error argument, but there was a problem while retrieving one or more of its message, " +
        "name, and stack",
      trace: [],
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

/** AWS escapes DEL, which its front end does not take. */
function printable(text) {
  return typeof text === "string" ? text.replaceAll("\x7f", "%7F") : text;
}
