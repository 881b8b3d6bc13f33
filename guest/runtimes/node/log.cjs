"use strict";
/**
 * The console as AWS's: each call is one log line with time, request id and level, as text or as JSON.
 *
 * Lines go as frames to the log descriptor if lambdad gave one (newlines stay), else to standard output (newlines become
 * carriage returns).
 */
const { intoError, toLogged } = require("./errors.cjs");
const { frameOf, jsonFrame, textFrame, writeAll } = require("./frames.cjs");
const { framePrinted } = require("./printed-lines.cjs");

/** The current invocation's, for each line. */
const logging = { requestId: undefined, tenantId: undefined };
exports.logging = logging;

const levels = {
  trace: { name: "TRACE", bits: 0x04 },
  debug: { name: "DEBUG", bits: 0x08 },
  info: { name: "INFO", bits: 0x0c },
  warn: { name: "WARN", bits: 0x10 },
  error: { name: "ERROR", bits: 0x14 },
  fatal: { name: "FATAL", bits: 0x18 },
};

let isJson = false;
/** From Node 24 on AWS looks for an error behind the first argument only. */
let firstOfErrors = 0;

/**
 * `descriptor`: number of the log descriptor as text, if there is one. `isNewer`: as AWS's client for Node 24 and later,
 * which has a request id outside invocations too.
 */
exports.patchConsole = function patchConsole(descriptor, isNewer) {
  logging.requestId = isNewer ? "-" : undefined;
  firstOfErrors = isNewer ? 1 : 0;
  isJson = process.env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === "JSON";
  const level = levels[process.env.AWS_LAMBDA_LOG_LEVEL?.toLowerCase()] ?? levels.trace;
  const write = descriptor === undefined ? writeLine : frameWriter(Number(descriptor));
  if (descriptor !== undefined) framePrinted(Number(descriptor));
  const format = isJson ? formatJson : formatText;
  for (const [method, own] of Object.entries(levels)) {
    console[method] =
      own.bits < level.bits
        ? function () {}
        : (message, ...rest) => {
            const now = new Date();
            write(own, now, format(own, now, [message, ...rest]));
          };
  }
  console.log = console.info;
};

/** The line of an error that ended an invocation or the runtime. */
exports.logError = function logError(title, thrown) {
  const error = intoError(thrown);
  if (isJson) console.error(error);
  else console.error(title, `\t${toLogged(error)}`);
};

function formatText(level, now, args) {
  return `${now.toISOString()}\t${logging.requestId}\t${level.name}\t${inspected(args)}`;
}

function formatJson(level, now, args) {
  const line = { timestamp: now.toISOString(), level: level.name, requestId: logging.requestId };
  if (logging.tenantId !== undefined) line.tenantId = logging.tenantId;
  if (args.length === 1) {
    line.message = args[0];
    try {
      return JSON.stringify(line, (_key, value) => (value instanceof Error ? withProperties(value) : value));
    } catch {
      line.message = inspected(args);
      return JSON.stringify(line);
    }
  }
  line.message = inspected(args);
  const error = args.slice(firstOfErrors).find((arg) => arg instanceof Error);
  return JSON.stringify(error === undefined ? line : Object.assign(line, described(error, [])));
}

function withProperties(error) {
  return Object.assign(described(error, error.stack), error);
}

function described(error, otherStack) {
  return {
    errorType: error.constructor?.name ?? "UnknownError",
    errorMessage: error.message,
    stackTrace: typeof error.stack === "string" ? error.stack.split("\n") : otherStack,
  };
}

function inspected(args) {
  return require("util").format(...args);
}

function writeLine(_level, _now, text) {
  process.stdout.write(`${text.replaceAll("\n", "\r")}\n`);
}

function frameWriter(descriptor) {
  return (level, now, text) => {
    const type = (isJson ? jsonFrame : textFrame) | level.bits;
    writeAll(descriptor, frameOf(type, now.valueOf(), isJson ? text : `${text}\n`));
  };
}
