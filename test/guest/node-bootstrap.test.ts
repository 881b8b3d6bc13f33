/**
 * The Node bootstrap against a tiny Runtime API: handlers in all their forms and what comes of them, on the Node that
 * runs the tests. With LAMBDAD_TEST_FETCH=1 also on every Node version of the catalog, which npm brings.
 */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { startGuest, type Guest, type GuestOptions } from "./guest-runtime.ts";
import { bootstrap, type Node, nodes } from "./nodes.ts";
import { functionArn, requestId, traceId } from "./tiny-api.ts";

type Start = Partial<GuestOptions>;
type Json = string | number | boolean | object | null;
type Case = (start: (options: Start) => Promise<Guest>, node: Node) => Promise<void>;

const hasCallbacks = (node: Node): boolean => node.major < 24;
const handlerOf = (body: string): Record<string, string> => ({ "index.js": `exports.handler = ${body};` });

/** Loads the file's handler and sends one event. */
const answers =
  (files: Record<string, string>, expected: Json | ((node: Node) => Json), handler = "index.handler"): Case =>
  async (start, node) => {
    const guest = await start({ files, handler });
    const answer = await guest.invoke({ name: "Jörg", list: [1, null] });
    const wanted = typeof expected === "function" ? expected(node) : expected;
    assert.deepEqual(
      { kind: answer.kind, body: withoutTrace(answer.body) },
      { kind: "response", ...(isOutcome(wanted) ? wanted : { body: wanted }) },
    );
  };

/** INIT ends in an error of this type and text. */
const failsInit =
  (
    files: Record<string, string>,
    handler: string,
    errorType: string,
    errorMessage: RegExp,
    exit?: number,
  ): Case =>
  async (start, node) => {
    const guest = await start({ files, handler });
    const answer = await guest.init;
    assert.equal(answer?.kind, "init-error");
    const { errorMessage: message, trace, ...rest } = answer.body as Payload;
    assert.deepEqual(rest, { errorType });
    assert.equal(answer.errorType, errorType);
    assert.match(message, errorMessage);
    assert.ok(trace.length > 1, `trace: ${trace.join("\n")}`);
    const ended = await guest.ended;
    assert.equal(ended.exit, exit ?? (hasCallbacks(node) ? 129 : 1));
    const title = hasCallbacks(node) || exit === 13 ? "Uncaught Exception" : "Init Error";
    assert.match(
      ended.frames.at(-1)?.text ?? "",
      new RegExp(`\tERROR\t${title} \t{"errorType":"${errorType}"`),
    );
  };

interface Payload {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace: readonly string[];
}

/** What the handler threw, as the caller gets it. */
function failure(errorType: string, errorMessage: string): object {
  return { kind: "error", body: { errorType, errorMessage } };
}

function isOutcome(value: unknown): value is object {
  return typeof value === "object" && value !== null && "kind" in value;
}

function withoutTrace(body: unknown): unknown {
  if (typeof body !== "object" || body === null || !("trace" in body)) return body;
  const { trace: _trace, ...rest } = body;
  return rest;
}

const echo = "async (event) => event";
const sent = { name: "Jörg", list: [1, null] };

const cases: Readonly<Record<string, Case>> = {
  "a CommonJS handler answers": answers(handlerOf(echo), sent),
  "a .cjs handler answers": answers({ "index.cjs": `exports.handler = ${echo};` }, sent),
  "an .mjs handler with top-level await answers": answers(
    {
      "index.mjs": `const ready = await Promise.resolve(true); export const handler = async (e) => ready && e;`,
    },
    sent,
  ),
  "a .js handler in a package of type module answers": answers(
    {
      "package.json": '{"type":"module"}',
      "src/index.js": `import { x } from "./x.js"; await null; export const handler = async () => x;`,
      "src/x.js": "export const x = 7;",
    },
    7,
    "src/index.handler",
  ),
  "a nested export in a nested folder is found": answers(
    { "lib/api/main.js": "exports.v1 = { users: { get: async () => 'found' } };" },
    "found",
    "lib/api/main.v1.users.get",
  ),
  "a default export's member is found from Node 24 on": async (start, node) => {
    const guest = await start({
      files: { "index.mjs": "export default { handler: async () => 'default' };" },
    });
    if (hasCallbacks(node)) assert.equal((await guest.init)?.errorType, "Runtime.HandlerNotFound");
    else assert.equal((await guest.invoke(sent)).body, "default");
  },
  "from Node 24 on only what AWS's runtime finds is found": async (start, node) => {
    const cases: readonly (readonly [files: Record<string, string>, handler: string])[] = [
      [{ "index.js": "exports.f = Object.assign(() => 1, { get: async () => 'found' })" }, "index.f.get"],
      [
        { "index.js": "module.exports = class { static handler() { return Promise.resolve('found'); } }" },
        "index.handler",
      ],
      [{ "index/index.js": "exports.handler = async () => 'found'" }, "index.handler"],
    ];
    for (const [files, handler] of cases) {
      const guest = await start({ files, handler });
      if (hasCallbacks(node)) assert.equal((await guest.invoke(sent)).body, "found");
      else assert.match((await guest.init)?.errorType ?? "", /^(Runtime\.HandlerNotFound|Error)$/);
    }
    const file = { index: "exports.handler = async () => 'found'" };
    assert.equal((await (await start({ files: file })).invoke(sent)).body, "found");
  },
  "ES modules find packages along NODE_PATH, after those of their own, as CommonJS does": async (
    start,
    node,
  ) => {
    const opt = await mkdtemp(join(tmpdir(), "lambdad-layer-"));
    const write = async (path: string, text: string) => {
      await mkdir(dirname(join(opt, path)), { recursive: true });
      await writeFile(join(opt, path), text);
    };
    for (const name of ["layered", "@scope/own"]) {
      await write(`nodejs/node_modules/${name}/package.json`, `{"name":"${name}","main":"main.js"}`);
      await write(`nodejs/node_modules/${name}/main.js`, `exports.from = "layer";`);
    }
    const files = {
      "node_modules/@scope/own/index.js": `exports.from = "task";`,
      "index.mjs": `import layered from "layered"; import own from "@scope/own";
        const missing = await import("nowhere").catch(({ code, message }) => [code, message]);
        export const handler = async () => [layered.from, own.from, ...missing];`,
    };
    const guest = await start({
      files,
      env: { NODE_PATH: `/nowhere/node_modules:${opt}/nodejs/node_modules` },
    });
    const { body } = await guest.invoke(null);
    assert.deepEqual((body as string[]).slice(0, 3), ["layer", "task", "ERR_MODULE_NOT_FOUND"]);
    assert.match((body as string[])[3] ?? "", /^Cannot find package 'nowhere' imported from .*index\.mjs$/);
    // Where hooks run in the same thread.
    if (node.major >= 24) {
      const imports = `exports.handler = async () => (await import("layered")).default.from;`;
      const env = { NODE_PATH: `${opt}/nodejs/node_modules` };
      const common = await start({ files: { "index.js": imports }, env });
      assert.equal((await common.invoke(null)).body, "layer");
    }
    await rm(opt, { recursive: true });
  },
  "a handler in node_modules of the task root is found by Node's own rules": answers(
    { "node_modules/dep/index.js": "exports.handler = async () => 'dep';" },
    "dep",
    "dep.handler",
  ),
  "undefined answers null": answers(handlerOf("async () => {}"), null),
  "a thenable that is no promise answers": answers(handlerOf("() => ({ then: (ok) => ok(5) })"), 5),
  "a value that is returned without a promise counts from Node 24 on": answers(
    handlerOf("() => 'plain'"),
    (node: Node) => (hasCallbacks(node) ? null : "plain"),
  ),
  "a promise that nothing can settle any more is null up to Node 22": answers(
    handlerOf("() => new Promise(() => {})"),
    (node: Node) =>
      hasCallbacks(node)
        ? null
        : failure(
            "Runtime.NodejsExit",
            "The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a " +
              "Promise that was never settled. For more information, see " +
              "https://nodejs.org/docs/latest/api/process.html#process_exit_codes",
          ),
  ),
  "an async function that nothing can settle any more is an error, and up to Node 22 not the end": async (
    start,
    node,
  ) => {
    const body = "async (event) => { if (event !== null) await new Promise(() => {}); return 5; }";
    const guest = await start({ files: handlerOf(body) });
    assert.equal((await guest.invoke({})).errorType, "Runtime.NodejsExit");
    if (hasCallbacks(node)) assert.equal((await guest.invoke(null)).body, 5);
    else assert.equal((await guest.ended).exit, 13);
  },
  "a rejection is an error of its own type": answers(
    handlerOf("async () => { class Broken extends Error { name = 'Broken'; } throw new Broken('no\\x7f'); }"),
    failure("Broken", "no%7F"),
  ),
  "a throw without a promise is an error": answers(
    handlerOf("() => { throw new TypeError('bad'); }"),
    failure("TypeError", "bad"),
  ),
  "what looks like an error is one up to Node 22": answers(
    handlerOf("async () => { throw { name: 'N', message: 'M', stack: 'S' }; }"),
    (node: Node) => (hasCallbacks(node) ? failure("N", "M") : failure("object", "[object Object]")),
  ),
  "a thrown string is an error of type string": answers(
    handlerOf("async () => { throw 'text'; }"),
    failure("string", "text"),
  ),
  "an error that cannot be read is reported all the same": answers(
    handlerOf("async () => { throw Object.defineProperty(new Error(), 'name', { get() { throw 1; } }); }"),
    failure(
      "handled",
      "callback called with Error argument, but there was a problem while retrieving one or more of its message, " +
        "name, and stack",
    ),
  ),
  "a result that is no JSON is an error": answers(handlerOf("async () => 1n"), (node: Node) =>
    failure(hasCallbacks(node) ? "Error" : "Runtime.JSONStringifyError", "Unable to stringify response body"),
  ),
  "a circular result is an error": answers(
    handlerOf("async () => { const a = {}; a.a = a; return a; }"),
    (node: Node) =>
      failure(
        hasCallbacks(node) ? "Error" : "Runtime.JSONStringifyError",
        "Unable to stringify response body",
      ),
  ),

  "a result that JSON has no word for is refused by the client": answers(
    handlerOf("async () => () => 1"),
    failure("TypeError", "Wrong arguments"),
  ),
  "an error whose name is no text cannot be read": answers(
    handlerOf("async () => { throw Object.assign(new Error('x'), { name: 5 }); }"),
    failure(
      "handled",
      "callback called with Error argument, but there was a problem while retrieving one or more of its message, " +
        "name, and stack",
    ),
  ),
  "what has no text is an error of its conversion, or the end": async (start, node) => {
    const guest = await start({ files: handlerOf("async () => { throw Object.create(null); }") });
    const answer = await guest.invoke({});
    const message = "Cannot convert object to primitive value";
    if (hasCallbacks(node))
      assert.deepEqual(withoutTrace(answer.body), { errorType: "TypeError", errorMessage: message });
    else assert.match((await guest.ended).stderr, new RegExp(`TypeError: ${message}`));
  },

  "a handler that is missing fails INIT": failsInit(
    { "index.js": "" },
    "index.handler",
    "Runtime.HandlerNotFound",
    /^index\.handler is undefined or not exported$/,
  ),
  "a handler that is no function fails INIT": failsInit(
    { "index.js": "exports.handler = 5" },
    "index.handler",
    "Runtime.HandlerNotFound",
    /^index\.handler is not a function$/,
  ),
  "a file that is missing fails INIT": failsInit(
    {},
    "gone.handler",
    "Runtime.ImportModuleError",
    /^Error: Cannot find module 'gone'\nRequire stack:\n- .*\/node\/index\.mjs$/,
  ),
  "a dependency that is missing fails INIT": (start, node) =>
    failsInit(
      { "index.js": "require('sharp')" },
      "index.handler",
      "Runtime.ImportModuleError",
      hasCallbacks(node)
        ? /^Error: Cannot find module 'sharp'\nRequire stack:\n- .*index\.js\n- .*\/node\/index\.mjs$/
        : /^Error: Cannot find module 'sharp'\nRequire stack:\n- .*index\.js$/,
    )(start, node),
  "a syntax error fails INIT": failsInit(
    { "index.js": "exports.handler = async () => {" },
    "index.handler",
    "Runtime.UserCodeSyntaxError",
    /^SyntaxError: Unexpected end of input$/,
  ),
  "a handler without a dot fails INIT": failsInit(
    {},
    "handler",
    "Runtime.MalformedHandlerName",
    /^Bad handler$/,
  ),
  "a handler outside of the task root fails INIT": failsInit(
    {},
    "../index.handler",
    "Runtime.MalformedHandlerName",
    /^'\.\.\/index\.handler' is not a valid handler name\. Use absolute paths when specifying root directories/,
  ),
  "code that throws while it is loaded fails INIT with its own error": failsInit(
    { "index.js": "throw new RangeError('at load')" },
    "index.handler",
    "RangeError",
    /^at load$/,
  ),
  "top-level await that nothing can settle fails INIT": failsInit(
    { "index.mjs": "await new Promise(() => {}); export const handler = 1;" },
    "index.handler",
    "Runtime.NodejsExit",
    /^The Lambda runtime client detected/,
    13,
  ),

  "a callback handler answers up to Node 22 and is refused from 24 on": async (start, node) => {
    const guest = await start({
      files: handlerOf("(event, context, callback) => callback(null, event.name)"),
    });
    if (hasCallbacks(node)) {
      assert.equal((await guest.invoke(sent)).body, "Jörg");
      assert.equal((await guest.invoke({ name: "again" })).body, "again");
    } else {
      const refusal = await guest.init;
      assert.equal(refusal?.errorType, "Runtime.CallbackHandlerDeprecated");
      assert.match(refusal?.text ?? "", /removed support for callback-based function handlers/);
    }
  },

  "an error does not keep the next invocation from its answer": async (start) => {
    const guest = await start({
      files: handlerOf("async (e) => { if (e.fail) throw new Error('x'); return e; }"),
    });
    assert.equal((await guest.invoke({ fail: true })).kind, "error");
    assert.deepEqual((await guest.invoke({ a: 1 })).body, { a: 1 });
    assert.deepEqual((await guest.invoke([2])).body, [2]);
  },

  "an event that is no JSON is an error": async (start) => {
    const guest = await start({ files: handlerOf(echo) });
    const answer = await guest.invoke("{");
    assert.equal(answer.kind, "error");
    assert.equal((answer.body as Payload).errorType, "SyntaxError");
  },

  "the context has AWS's members": async (start, node) => {
    const body = `async (event, context) => {
      const { getRemainingTimeInMillis, ...rest } = context;
      return { rest, members: Object.keys(context), left: context.getRemainingTimeInMillis() };
    }`;
    const guest = await start({ files: handlerOf(body) });
    const clientContext = { client: { app_title: "Zürich" }, custom: { a: "1" }, env: {} };
    const identity = { cognitoIdentityId: "id", cognitoIdentityPoolId: "pool" };
    const answer = await guest.invoke(null, {
      "Lambda-Runtime-Client-Context": JSON.stringify(clientContext),
      "Lambda-Runtime-Cognito-Identity": JSON.stringify(identity),
      "Lambda-Runtime-Aws-Tenant-Id": "tenant-1",
    });
    const { rest, members, left } = answer.body as { rest: object; members: string[]; left: number };
    const ownOfVersion = hasCallbacks(node)
      ? { callbackWaitsForEmptyEventLoop: true }
      : { xRayTraceId: traceId };
    assert.deepEqual(rest, {
      ...ownOfVersion,
      functionVersion: "$LATEST",
      functionName: "probe",
      memoryLimitInMB: "128",
      logGroupName: "/aws/lambda/probe",
      logStreamName: "2026/11/21/[$LATEST]60ce",
      clientContext,
      identity,
      invokedFunctionArn: functionArn,
      awsRequestId: requestId,
      tenantId: "tenant-1",
    });
    assert.deepEqual(
      ["done", "fail", "succeed"].filter((name) => members.includes(name)),
      hasCallbacks(node) ? ["done", "fail", "succeed"] : [],
    );
    const ofFunction = "functionName functionVersion memoryLimitInMB logGroupName logStreamName";
    if (!hasCallbacks(node)) assert.equal(members.slice(-5).join(" "), ofFunction);
    assert.ok(left > 0 && left <= 3000, `${left} ms`);
  },

  "the invocation is in awslambda.InvokeStore from Node 24 on": async (start, node) => {
    const body = `async () => {
      const store = globalThis.awslambda.InvokeStore;
      if (store === undefined) return null;
      const before = store.get("own") ?? null;
      store.set("own", 5);
      let refused;
      try { store.set(store.constructor.PROTECTED_KEYS.REQUEST_ID, "x"); } catch ({ message }) { refused = message; }
      return [before, store.get("own"), store.getRequestId(), store.getXRayTraceId(), refused];
    }`;
    const guest = await start({ files: handlerOf(body) });
    const refused = "Cannot modify protected Lambda context field: Symbol(_AWS_LAMBDA_REQUEST_ID)";
    for (let round = 0; round < 2; round += 1) {
      assert.deepEqual(
        (await guest.invoke({})).body,
        hasCallbacks(node) ? null : [null, 5, requestId, traceId, refused],
      );
    }
  },

  "stack traces name what AWS's runtime names": async (start, node) => {
    const guest = await start({
      files: { "index.mjs": "export const handler = () => { throw new Error('x'); };" },
    });
    const { trace } = (await guest.invoke({})).body as Payload;
    const [type, method] = hasCallbacks(node)
      ? ["Runtime", "handleOnceNonStreaming"]
      : ["BufferedInvokeProcessor", "processInvoke"];
    assert.match(trace[1] ?? "", new RegExp(`^    at ${type}\\.handler \\(file://.*/index\\.mjs:1:38\\)$`));
    assert.match(trace[2] ?? "", new RegExp(`^    at ${type}\\.${method} `));
  },

  "hooks for modules see a CommonJS handler imported from Node 24 on": async (start, node) => {
    const hooks = `import { register } from "node:module";
      register("data:text/javascript," + encodeURIComponent(\`export async function load(url, context, next) {
        if (!url.endsWith("/index.js")) return next(url, context);
        return { format: "module", shortCircuit: true, source: "export const handler = async () => 'hooked'" };
      }\`));`;
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(hooks)}`;
    const guest = await start({ files: handlerOf("async () => 'own'"), env: { NODE_OPTIONS } });
    assert.equal((await guest.invoke({})).body, hasCallbacks(node) ? "own" : "hooked");
  },

  "code that asks who has required it hears what AWS's runtime says": async (start, node) => {
    const files = {
      "index.js": "const parent = module.parent; exports.handler = async () => parent == null;",
    };
    const guest = await start({ files });
    assert.equal((await guest.invoke({})).body, !hasCallbacks(node));
  },

  "a function sees AWS's variables and none of ours": async (start) => {
    const body = `async () => ({
      own: Object.keys(process.env).filter((name) => name.startsWith("_")).sort(),
      options: process.env.NODE_OPTIONS ?? null, trace: process.env._X_AMZN_TRACE_ID, main: require.main ?? null,
    })`;
    const guest = await start({ files: handlerOf(body) });
    assert.deepEqual((await guest.invoke({})).body, {
      own: ["_HANDLER", "_X_AMZN_TRACE_ID"],
      options: null,
      trace: traceId,
      main: null,
    });
  },

  "console lines are frames with level, time and request id": async (start) => {
    const body = `async () => {
      console.log("a %s", "b", { c: 1 }); console.debug("two\\nlines"); console.warn("w"); console.error(new Error("e").message);
      console.trace("t"); console.info("ü"); console.log();
    }`;
    const guest = await start({ files: { "index.js": `console.log("init"); exports.handler = ${body};` } });
    assert.equal((await guest.invoke({})).body, null);
    const { frames, stdout, stderr } = await guest.stop();
    const lines = frames.map(({ type, text }) => {
      const [time = "", id, ...rest] = text.split("\t");
      assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      return [type, id, rest.join("\t")];
    });
    assert.match(String(lines[0]?.[1]), /^(undefined|-)$/);
    assert.deepEqual(lines.slice(1), [
      [0xa55a000f, requestId, "INFO\ta b { c: 1 }\n"],
      [0xa55a000b, requestId, "DEBUG\ttwo\nlines\n"],
      [0xa55a0013, requestId, "WARN\tw\n"],
      [0xa55a0017, requestId, "ERROR\te\n"],
      [0xa55a0007, requestId, "TRACE\tt\n"],
      [0xa55a000f, requestId, "INFO\tü\n"],
      [0xa55a000f, requestId, "INFO\tundefined\n"],
    ]);
    assert.ok(Math.abs((frames[0]?.timestampMs ?? 0) - Date.now()) < 60_000);
    assert.deepEqual({ stdout, stderr }, { stdout: "", stderr: "" });
  },

  "what is printed and what is logged stay in order: what is printed is framed as it is, but a child's":
    async (start) => {
      const body = `async () => {
        const { stdout, stderr } = process;
        stdout.write("one\\ntwo ü\\n"); console.log("three"); stderr.write(Buffer.from("four\\n"));
        stdout.cork(); stdout.write("fi"); stdout.write("ve\\n\\n"); stdout.uncork(); console.log("six");
        require("child_process").execFileSync("sh", ["-c", "echo child; echo child >&2"], { stdio: "inherit" });
        console.dir({ a: 1 });
        await new Promise((written) => stdout.write("626567", "hex", written)); stdout.write("un\\nlast\\nno end");
        return [stdout.fd, stderr.fd, stdout === process.stdout];
      }`;
      const guest = await start({ files: handlerOf(body) });
      assert.deepEqual((await guest.invoke({})).body, [1, 2, true]);
      const { frames, stdout, stderr } = await guest.stop();
      assert.deepEqual(
        frames.map(({ type, text }) => [type % 0x10, text.split("\t").at(-1)]),
        [
          [1, "one\ntwo ü\n"],
          [0xf, "three\n"],
          [5, "four\n"],
          [1, "fi"],
          [1, "ve\n\n"],
          [0xf, "six\n"],
          [1, "{ a: 1 }\n"],
          [1, "beg"],
          [1, "un\nlast\nno end"],
        ],
      );
      assert.deepEqual({ stdout, stderr }, { stdout: "child\n", stderr: "child\n" });
    },

  "without a descriptor lines go to standard output, one each": async (start) => {
    const guest = await start({ files: handlerOf("async () => console.log('two\\nlines')"), frames: false });
    await guest.invoke({});
    const { stdout } = await guest.stop();
    assert.match(stdout, new RegExp(`^\\S+Z\t${requestId}\tINFO\ttwo\rlines\n$`));
  },

  "JSON lines have the level's frame, and levels below the least one are left out": async (start) => {
    const body = `async () => {
      console.debug("no"); console.log({ a: 1 }); console.log("n %d", 5); console.error("failed", new TypeError("bad"));
      const a = {}; a.a = a; console.warn(a);
    }`;
    const env = { AWS_LAMBDA_LOG_FORMAT: "JSON", AWS_LAMBDA_LOG_LEVEL: "INFO" };
    const guest = await start({ files: handlerOf(body), env });
    await guest.invoke({}, { "Lambda-Runtime-Aws-Tenant-Id": "t" });
    const { frames } = await guest.stop();
    const parsed = frames.map(({ text }) => JSON.parse(text) as Record<string, unknown>);
    assert.deepEqual(
      frames.map(({ type }) => type),
      [0xa55a000e, 0xa55a000e, 0xa55a0016, 0xa55a0012],
    );
    assert.deepEqual(
      parsed.map(({ level, requestId: id, tenantId }) => [level, id, tenantId]),
      ["INFO", "INFO", "ERROR", "WARN"].map((level) => [level, requestId, "t"]),
    );
    assert.deepEqual(parsed[0]?.["message"], { a: 1 });
    assert.equal(parsed[1]?.["message"], "n 5");
    assert.equal(parsed[2]?.["errorType"], "TypeError");
    assert.equal(parsed[2]["errorMessage"], "bad");
    assert.ok(Array.isArray(parsed[2]["stackTrace"]));
    assert.match(String(parsed[3]?.["message"]), /Circular/);
  },

  "a JSON line finds its error as AWS's client of that version does": async (start, node) => {
    const body = `async () => {
      console.error(new Error("first"), "then"); console.error(Object.assign(new Error("odd"), { stack: undefined }));
    }`;
    const guest = await start({ files: handlerOf(body), env: { AWS_LAMBDA_LOG_FORMAT: "JSON" } });
    await guest.invoke({});
    const { frames } = await guest.stop();
    const [first, odd] = frames.map(({ text }) => JSON.parse(text) as Record<string, unknown>);
    assert.equal(first?.["errorMessage"], hasCallbacks(node) ? "first" : undefined);
    assert.deepEqual(odd?.["message"], { errorType: "Error", errorMessage: "odd" });
  },

  "a JSON line names the client's own errors by their classes": async (start, node) => {
    const guest = await start({ files: { "index.js": "" }, env: { AWS_LAMBDA_LOG_FORMAT: "JSON" } });
    const { frames } = await guest.ended;
    const line = JSON.parse(frames[0]?.text ?? "") as { message: { errorType: string } };
    assert.equal(line.message.errorType, hasCallbacks(node) ? "HandlerNotFound" : "HandlerNotFoundError");
  },

  "the line of an error has its type, its properties and its stack": async (start) => {
    const body = "async () => { throw Object.assign(new Error('x'), { code: 'E', extra: 1 }); }";
    const guest = await start({ files: handlerOf(body) });
    const answer = await guest.invoke({});
    assert.match((answer.body as Payload).trace[0] ?? "", /^Error: x$/);
    const { frames } = await guest.stop();
    assert.equal(frames.length, 1);
    const [, id, level, title, json] = (frames[0]?.text ?? "").split("\t");
    assert.deepEqual([id, level, title], [requestId, "ERROR", "Invoke Error "]);
    const { stack, ...rest } = JSON.parse(json ?? "") as { stack: string[] };
    assert.deepEqual(rest, { errorType: "Error", errorMessage: "x", code: "E", extra: 1 });
    assert.match(stack[1] ?? "", /index\.js/);
  },

  "an exception that nobody catches ends the runtime": async (start, node) => {
    const body = "() => new Promise(() => setTimeout(() => { throw new TypeError('late'); }, 1))";
    const guest = await start({ files: handlerOf(body) });
    const answer = await guest.invoke({});
    const { exit, stderr, frames } = await guest.ended;
    if (hasCallbacks(node)) {
      assert.deepEqual(withoutTrace(answer.body), { errorType: "TypeError", errorMessage: "late" });
      assert.equal(exit, 129);
      assert.match(frames[0]?.text ?? "", /\tERROR\tUncaught Exception \t{"errorType":"TypeError"/);
    } else {
      assert.deepEqual([answer.kind, exit], ["exit", 1]);
      assert.match(stderr, /TypeError: late/);
    }
  },

  "a rejection that nobody handles ends the runtime": async (start, node) => {
    const body =
      "() => { Promise.reject(new Error('lost')); return new Promise((ok) => setTimeout(ok, 1000)); }";
    const guest = await start({ files: handlerOf(body) });
    const answer = await guest.invoke({});
    const { exit, stderr } = await guest.ended;
    if (hasCallbacks(node)) {
      const errorType = "Runtime.UnhandledPromiseRejection";
      assert.deepEqual(withoutTrace(answer.body), { errorType, errorMessage: "Error: lost" });
      assert.equal(exit, 128);
    } else {
      assert.deepEqual([answer.kind, exit], ["exit", 1]);
      assert.match(stderr, /Error: lost/);
    }
  },

  "a rejection at load that nobody handles is the end of INIT": async (start, node) => {
    const files = { "index.js": "Promise.reject(new Error('lost')); exports.handler = async () => 1;" };
    const guest = await start({ files });
    const { exit } = await guest.ended;
    if (hasCallbacks(node)) assert.equal((await guest.init)?.errorType, "Runtime.UnhandledPromiseRejection");
    assert.equal(exit, hasCallbacks(node) ? 128 : 1);
  },

  "the trace of a syntax error begins with the place in the file from Node 24 on": async (start, node) => {
    const guest = await start({ files: { "index.js": "exports.handler = async ( => 1" } });
    const ended = await guest.init;
    assert.ok(ended);
    const [first] = (ended.body as Payload).trace;
    const whole = /^Runtime\.UserCodeSyntaxError: SyntaxError: Unexpected token '=>'$/;
    assert.match(first ?? "", hasCallbacks(node) ? whole : /index\.js:1$/);
  },

  "a rejection that nobody handles comes before the answer from Node 24 on": async (start, node) => {
    const guest = await start({
      files: handlerOf("async () => { Promise.reject(new Error('lost')); return 1; }"),
    });
    const answer = await guest.invoke({});
    assert.deepEqual(
      [answer.kind, (await guest.ended).exit],
      hasCallbacks(node) ? ["response", 128] : ["exit", 1],
    );
  },

  "process.exit ends the runtime with that code and no answer": async (start) => {
    const guest = await start({ files: handlerOf("async () => process.exit(7)") });
    assert.deepEqual([(await guest.invoke({})).kind, (await guest.ended).exit], ["exit", 7]);
  },

  "an answer leaves together with the request for the next invocation": async (start) => {
    const guest = await start({ files: handlerOf(echo) });
    for (const event of [{}, { a: 1 }, ["x".repeat(3000)]]) {
      await guest.invoke(event);
      assert.ok(guest.wasTogether());
    }
  },

  "an event and an answer of 6 MB arrive whole": async (start) => {
    const guest = await start({ files: handlerOf(echo) });
    const large = { text: "ä€x".repeat(1_000_000) };
    assert.equal((await guest.invoke(large)).text, JSON.stringify(large));
    assert.deepEqual((await guest.invoke({ after: true })).body, { after: true });
  },

  "a head that comes byte by byte is understood": async (start) => {
    const guest = await start({ files: handlerOf(echo), pieceBytes: 1 });
    for (const event of [{ a: "ü€" }, {}, [1]]) assert.deepEqual((await guest.invoke(event)).body, event);
  },

  "the API is reached over TCP too": async (start) => {
    const guest = await start({ files: handlerOf(echo), transport: "tcp", pieceBytes: 700 });
    assert.deepEqual((await guest.invoke(sent)).body, sent);
    assert.deepEqual((await guest.invoke({ text: "y".repeat(100_000) })).text.length, 100_011);
  },

  "a server that refuses an answer and hangs up is asked for the next invocation": async (start) => {
    const guest = await start({ files: handlerOf(echo), refuses: true });
    await guest.invoke({ n: 1 });
    assert.deepEqual((await guest.invoke({ n: 2 })).body, { n: 2 });
  },

  "a server that is gone ends the runtime": async (start) => {
    const guest = await start({ files: handlerOf(echo) });
    await guest.invoke({});
    await guest.waits();
    guest.hangUp();
    assert.equal((await guest.ended).exit, 1);
  },

  "a module is not guessed from its syntax on Node 20 and 22, unless NODE_OPTIONS says so": async (
    start,
    node,
  ) => {
    if (node.major !== 20 && node.major !== 22) return;
    const files = { "index.js": "import 'fs'; export const handler = async () => 1;" };
    const guest = await start({ files });
    assert.equal((await guest.init)?.errorType, "Runtime.UserCodeSyntaxError");
    const other = await start({ files, env: { NODE_OPTIONS: "--experimental-require-module" } });
    assert.equal((await other.invoke({})).body, 1);
  },
};

/** What only the versions with callbacks have. */
const legacyCases: Readonly<Record<string, Case>> = {
  "a callback's result waits for the event loop to run empty": answers(
    handlerOf(
      "(e, c, cb) => { const r = { late: false }; setTimeout(() => { r.late = true; }, 20); cb(null, r); }",
    ),
    { late: true },
  ),
  "callbackWaitsForEmptyEventLoop = false answers at once": answers(
    handlerOf(
      `(e, c, cb) => { c.callbackWaitsForEmptyEventLoop = false; const r = { late: false };
        setTimeout(() => { r.late = true; }, 20); cb(null, r); }`,
    ),
    { late: false },
  ),
  "a callback's error is an error": answers(
    handlerOf("(e, c, cb) => cb(new RangeError('cb'))"),
    failure("RangeError", "cb"),
  ),
  "a callback's text is an error of type string": answers(
    handlerOf("(e, c, cb) => cb('cb')"),
    failure("string", "cb"),
  ),
  "context.succeed answers": answers(handlerOf("(e, c) => { setTimeout(() => c.succeed('s'), 5); }"), "s"),
  "context.done answers": answers(handlerOf("(e, c) => { c.done(null, 'd'); }"), "d"),
  "context.fail is an error": answers(
    handlerOf("(e, c) => { c.fail(new Error('f')); }"),
    failure("Error", "f"),
  ),
  "context.fail without an error is one": answers(
    handlerOf("(e, c) => { c.fail(); }"),
    failure("string", "handled"),
  ),
  "the first answer counts": answers(
    handlerOf("(e, c, cb) => { c.succeed('first'); c.succeed('second'); cb(null, 'third'); }"),
    "first",
  ),
  "an answer of an earlier invocation is not taken for this one's": async (start) => {
    const files = {
      "index.js": "let old; exports.handler = (e, c, cb) => { old?.(null, 'old'); old = cb; c.succeed(e); };",
    };
    const guest = await start({ files });
    for (const event of [1, 2, 3]) assert.equal((await guest.invoke(event)).body, event);
  },
};

for (const node of await nodes()) {
  for (const [name, run] of Object.entries(hasCallbacks(node) ? { ...cases, ...legacyCases } : cases)) {
    test(`Node ${node.major}: ${name}`, { timeout: 60_000 }, async (t) => {
      const start = async (options: Start): Promise<Guest> => {
        const argv = [node.path, bootstrap];
        const env = { ...node.env, ...options.env };
        const guest = await startGuest({ argv, handler: "index.handler", ...options, env });
        t.after(() => guest.stop());
        return guest;
      };
      await run(start, node);
    });
  }
}

if (process.env["LAMBDAD_TEST_FETCH"] !== "1") {
  test("Node 18 to 26 with callbacks and without", (t) => {
    t.skip("set LAMBDAD_TEST_FETCH=1 to fetch the other Node versions from npm and test them");
  });
}
