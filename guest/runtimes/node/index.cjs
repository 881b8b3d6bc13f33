"use strict";
/**
 * The Node.js runtime of a function: loads the handler, then answers one invocation after the other. It may have been
 * started before anyone knew for which function; then it waits for its orders first.
 *
 * Runs on Node 18 to 26 as they come, without dependencies. What a handler sees is AWS's: callbacks and an event loop
 * that must run empty up to Node 22, promises only from Node 24 on. Warm invocations are the hot path: one socket, one
 * write an invocation, no timers, no files. Must never show user code a variable of ours.
 */
const { openRuntimeApi } = require("./api.cjs");
const fs = require("fs");
const { isAsyncFunction } = require("util").types;
const { callerOf } = require("./callers.cjs");
const { contextOf, readFunction, withCallbacks } = require("./context.cjs");
const {
  JSONStringifyError,
  NodejsExit,
  UnhandledPromiseRejection,
  stringifyResult,
  toPayload,
} = require("./errors.cjs");
const { defineGc, exposeGcToOthers } = require("./gc.cjs");
const { loadHandler } = require("./handler.cjs");
const { defineInvokeStore, enterInvocation } = require("./invoke-store.cjs");
const { logError, logging, patchConsole } = require("./log.cjs");
const { createResponseStream, defineGlobal, finished, isStreaming } = require("./stream.cjs");

const nodeMajor = Number.parseInt(process.versions.node, 10);
/** AWS took callbacks, `context.done` and the wait for an empty event loop away with Node 24. */
const hasCallbacks = nodeMajor < 24;

/** What the process is at: it decides where an error that nobody caught is reported. */
let phase = "init";
let requestId;
/** Called when the event loop has run empty while the handler is still at work. */
let onIdle = leaveUnsettled;

const env = process.env;
const later = setImmediate; // before user code can change it
let api;
/** Calls the handler. */
let caller;
let isStreamed;
let isAsync;

if (env._LAMBDAD_ORDERS !== undefined) followOrders(JSON.parse(fs.readFileSync(env._LAMBDAD_ORDERS, "utf8")));
// In a turn of its own, with orders or without: while we waited for them the event loop's clock stood still.
setImmediate(start);

/** From now on this process is the function's: its variables in their order, and its working directory. */
function followOrders({ variables, cwd }) {
  const names = Object.keys(env);
  let known = 0; // a variable that is where it should be is not taken away: setting TZ, for one, costs time
  while (known < names.length && names[known] === variables[known]?.[0]) known += 1;
  for (const name of names.slice(known)) delete env[name];
  for (const [name, value] of variables) if (env[name] !== value) env[name] = value;
  process.chdir(cwd);
}

function start() {
  const handlerName = env._HANDLER ?? "";
  const taskRoot = env.LAMBDA_TASK_ROOT ?? "/var/task";
  api = openRuntimeApi({
    socketPath: env._LAMBDAD_RUNTIME_SOCKET,
    address: env.AWS_LAMBDA_RUNTIME_API,
    onInvocation: invoke,
  });
  readFunction(env);
  patchConsole(env._LAMBDA_TELEMETRY_LOG_FD, !hasCallbacks);
  forgetOurVariables();
  // AWS's bootstrap is a module, in which `require.main` is undefined for user code.
  process.mainModule = undefined;
  if (!["1", "true"].includes(env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA)) {
    defineGlobal();
    if (!hasCallbacks) defineInvokeStore();
  }
  if (!hasCallbacks) defineGc();

  process.on("beforeExit", () => onIdle());
  if (hasCallbacks) reportUncaught();

  loadHandler(taskRoot, handlerName, hasCallbacks).then(
    (handler) => {
      isStreamed = isStreaming(handler);
      isAsync = hasCallbacks && isAsyncFunction(handler);
      caller = callerOf(handler, { isStreamed, hasCallbacks });
      later(begin);
    },
    (error) => leave(hasCallbacks ? "Uncaught Exception" : "Init Error", error, hasCallbacks ? 129 : 1),
  );
}

/** A turn after the handler's file: what it left rejected, and nobody has caught, is an error of INIT. */
function begin() {
  phase = "waiting";
  api.next();
  if (!hasCallbacks) exposeGcToOthers();
}

function invoke(headers, body) {
  requestId = headers.get("lambda-runtime-aws-request-id");
  phase = "invoking";
  logging.requestId = requestId;
  logging.tenantId = headers.get("lambda-runtime-aws-tenant-id");
  const trace = headers.get("lambda-runtime-trace-id");
  if (trace === undefined) delete env._X_AMZN_TRACE_ID;
  else env._X_AMZN_TRACE_ID = trace;
  if (!hasCallbacks) enterInvocation(requestId, trace);
  // While the handler runs, only what it started itself keeps the event loop going.
  api.unref();
  if (isStreamed) void invokeStreaming(requestId, headers, body);
  else if (hasCallbacks) invokeWithCallbacks(requestId, headers, body);
  else void invokeAsync(requestId, headers, body);
}

/**
 * From Node 24 on: what the handler returns is the answer, promise or not. It is given a turn of the event loop later, as
 * AWS does it: a promise that was rejected, and that nobody has caught, ends the process before.
 */
async function invokeAsync(id, headers, body) {
  onIdle = leaveUnsettled;
  try {
    const result = await caller.processInvoke(JSON.parse(body), contextOf(headers));
    later(succeed, id, stringifyResult(result, JSONStringifyError));
  } catch (error) {
    later(fail, id, error);
  }
}

/**
 * Up to Node 22: the first of promise, callback, `done`, `succeed` and `fail` answers. A callback's result waits for
 * the event loop to run empty, unless `callbackWaitsForEmptyEventLoop` is off; a handler that leaves without any of
 * them has answered null, except for an async function, of which AWS expected more (recalled).
 */
function invokeWithCallbacks(id, headers, body) {
  let isFinished = false;
  let waitsForEmptyEventLoop = true;

  const once = (settle) => (first, second) => {
    if (isFinished) return;
    settle(first, second);
    isFinished = true; // not where it threw
  };
  const complete = (result) => succeed(id, stringifyResult(result, Error));
  const done = (error, result) =>
    error === undefined || error === null ? complete(result) : fail(id, error);
  const failed = (error) => fail(id, error ?? "handled");
  const callback = (error, result) => {
    if (error !== undefined && error !== null) fail(id, error);
    // In a turn of its own: what has no JSON is an uncaught exception then.
    else if (waitsForEmptyEventLoop) onIdle = () => later(complete, result);
    else complete(result);
  };

  onIdle = () => {
    isFinished = true;
    if (isAsync) fail(id, new NodejsExit());
    else complete(null);
  };
  const legacy = {
    get callbackWaitsForEmptyEventLoop() {
      return waitsForEmptyEventLoop;
    },
    set callbackWaitsForEmptyEventLoop(value) {
      waitsForEmptyEventLoop = value;
    },
    succeed: once(complete),
    fail: once(failed),
    done: once(done),
  };
  const answer = once(callback);
  try {
    const context = withCallbacks(legacy, headers);
    const result = caller.handleOnceNonStreaming(JSON.parse(body), context, answer);
    if (typeof result?.then === "function") result.then(legacy.succeed, legacy.fail).catch(legacy.fail);
  } catch (error) {
    answer(error);
  }
}

/** The handler writes its answer; what it returns only says when it is done. */
async function invokeStreaming(id, headers, body) {
  onIdle = leaveUnsettled;
  const stream = createResponseStream(caller.handler, (contentType) => api.stream(id, contentType));
  try {
    const event = JSON.parse(body);
    const result = hasCallbacks
      ? caller.handleOnceStreaming(event, stream, withCallbacks({}, headers))
      : caller.processInvoke(event, stream, contextOf(headers));
    if (typeof result?.then !== "function") throw new Error("Streaming does not support non-async handlers.");
    if ((await result) !== undefined) console.warn("Streaming handlers ignore return values.");
    await finished(stream);
  } catch (error) {
    return failStream(id, stream, error);
  }
  if (phase !== "invoking") return;
  phase = "waiting";
  api.next();
}

/** Before the first byte it is an error as any other, afterwards it ends the answer. */
function failStream(id, stream, error) {
  if (!stream.hasBegun) {
    stream.destroy();
    return fail(id, error);
  }
  if (phase !== "invoking") return;
  logError("Invoke Error", error);
  stream.fail(toPayload(error), () => {
    if (phase !== "invoking") return;
    phase = "waiting";
    api.next();
  });
}

function succeed(id, text) {
  if (phase !== "invoking") return;
  phase = "waiting";
  api.respond(id, text);
}

function fail(id, error) {
  if (phase !== "invoking") return;
  logError("Invoke Error", error);
  phase = "waiting";
  api.fail(id, toPayload(error));
}

/** Up to Node 22 AWS reports these and exits with its own codes; later Node's own crash is all there is. */
function reportUncaught() {
  process.on("uncaughtException", (error) => leave("Uncaught Exception", error, 129));
  process.on("unhandledRejection", (reason, promise) => {
    leave("Unhandled Promise Rejection", new UnhandledPromiseRejection(reason, promise), 128);
  });
}

/** Top-level await, or (from Node 24 on) a handler, that waits for something that cannot come any more. */
function leaveUnsettled() {
  // 13 is Node's own exit code for it.
  if (phase !== "waiting") leave("Uncaught Exception", new NodejsExit(), 13);
}

/** Reports an error that ends the runtime, and exits once that has arrived. */
function leave(title, error, exitCode) {
  if (phase === "leaving") return;
  const wasAt = phase;
  phase = "leaving";
  logError(title, error);
  const exit = () => process.exit(exitCode);
  if (wasAt === "waiting") exit();
  else api.report(wasAt === "init" ? undefined : requestId, toPayload(error), exit);
}

function forgetOurVariables() {
  for (const name of Object.keys(env)) if (name.startsWith("_LAMBDAD_")) delete env[name];
  delete env._LAMBDA_TELEMETRY_LOG_FD;
  // The catalog's default for Node 20 and 22; a function's own options are longer or other.
  if (env.NODE_OPTIONS === "--no-experimental-require-module --no-experimental-detect-module") {
    delete env.NODE_OPTIONS;
  }
}
