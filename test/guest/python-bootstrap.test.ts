/**
 * The Python bootstrap against a tiny Runtime API: handlers in all their forms and what comes of them, on every Python
 * of this machine that the catalog finds.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { silentLogger } from "../../src/base/logger.ts";
import { createCatalog } from "../../src/runtime/catalog.ts";
import { startGuest, type Guest, type GuestOptions } from "./guest-runtime.ts";
import { functionArn, requestId, traceId } from "./tiny-api.ts";

interface Python {
  readonly minor: number;
  readonly argv: readonly string[];
}

type Json = string | number | boolean | object | null;
type Start = Partial<GuestOptions>;
type Case = (start: (options: Start) => Promise<Guest>, python: Python) => Promise<void>;

interface Payload {
  readonly errorMessage: string;
  readonly errorType: string;
  readonly requestId: string;
  readonly stackTrace: readonly string[];
}

const sent = { name: "Jörg", list: [1, null, 1.5] };

/** A module with one handler of this body. */
function moduleOf(...lines: readonly string[]): Record<string, string> {
  return {
    "index.py": ["def handler(event, context):", ...lines.map((line) => `    ${line}`), ""].join("\n"),
  };
}

const answers =
  (files: Record<string, string>, body: Json, handler = "index.handler"): Case =>
  async (start) => {
    const guest = await start({ files, handler });
    const answer = await guest.invoke(sent);
    assert.deepEqual({ kind: answer.kind, body: answer.body }, { kind: "response", body });
  };

const fails =
  (files: Record<string, string>, errorType: string, errorMessage: RegExp, stack: readonly RegExp[]): Case =>
  async (start) => {
    const guest = await start({ files });
    const answer = await guest.invoke(sent);
    assert.equal(answer.kind, "error");
    assert.equal(answer.errorType, errorType);
    assertPayload(answer.body as Payload, { errorType, errorMessage, id: requestId, stack });
  };

const failsInit =
  (
    files: Record<string, string>,
    handler: string,
    errorType: string,
    errorMessage: RegExp,
    stack: readonly RegExp[] = [],
  ): Case =>
  async (start) => {
    const guest = await start({ files, handler });
    const answer = await guest.init;
    assert.equal(answer?.kind, "init-error");
    assert.equal(answer.errorType, errorType);
    assertPayload(answer.body as Payload, { errorType, errorMessage, id: "", stack });
    const { exit, frames } = await guest.ended;
    assert.equal(exit, 1);
    assert.deepEqual([frames.length, frames[0]?.text], [2, unhandled]);
    assert.ok(frames[1]?.text.startsWith(`[ERROR] ${errorType}: `), frames[1]?.text);
  };

/** AWS's words before each error that the function did not catch. */
const unhandled =
  "LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code. However, in rare cases, " +
  "a Lambda runtime update can cause unexpected function behavior. For functions using managed runtimes, runtime updates " +
  "can be triggered by a function change, or can be applied automatically. To determine if the runtime has been updated, " +
  "check the runtime version in the INIT_START log entry. If this error correlates with a change in the runtime version, " +
  "you may be able to mitigate this error by temporarily rolling back to the previous runtime version. For more " +
  "information, see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html\r";

interface Expected {
  readonly errorType: string;
  readonly errorMessage: RegExp;
  readonly id: string;
  /** Of the last entries. */
  readonly stack: readonly RegExp[];
}

function assertPayload(payload: Payload, { errorType, errorMessage, id, stack }: Expected): void {
  assert.deepEqual(Object.keys(payload), ["errorMessage", "errorType", "requestId", "stackTrace"]);
  assert.deepEqual([payload.errorType, payload.requestId], [errorType, id]);
  assert.match(payload.errorMessage, errorMessage);
  const last = payload.stackTrace.slice(-stack.length);
  assert.equal(last.length, stack.length === 0 ? payload.stackTrace.length : stack.length);
  for (const [index, pattern] of stack.entries()) assert.match(last[index] ?? "", pattern);
  assert.ok(!payload.stackTrace.join("").includes("lambdad_runtime"), "our own frames are left out");
}

const cases: Readonly<Record<string, Case>> = {
  "a handler answers": answers(moduleOf("return event"), sent),
  "a handler in a package is found by dots": answers(
    { "pkg/__init__.py": "", "pkg/mod.py": "def func(event, context): return 'dots'" },
    "dots",
    "pkg.mod.func",
  ),
  "a handler in a folder is found by slashes": answers(
    { "pkg/mod.py": "def func(event, context): return 'slashes'" },
    "slashes",
    "pkg/mod.func",
  ),
  "a class that can be called is a handler": answers(
    { "index.py": "class H:\n    def __call__(self, event, context): return 'called'\nhandler = H()\n" },
    "called",
  ),
  "a module of the task root is imported": answers(
    { "index.py": "from other import x\ndef handler(e, c): return x\n", "other.py": "x = 3\n" },
    3,
  ),
  "a module of the task root may have the name of one of ours": answers(
    {
      "index.py": "import api, errors\ndef handler(e, c): return [api.a, errors.a]\n",
      "api.py": "a = 1",
      "errors.py": "a = 2",
    },
    [1, 2],
  ),
  "nothing answers null": answers(moduleOf("pass"), null),
  "tuples, keys that are no text, and numbers answer as JSON has them": answers(
    moduleOf("return {1: (1, 2), None: True, 'f': 0.1, 'big': 2 ** 60, 'e': []}"),
    { 1: [1, 2], null: true, f: 0.1, big: 2 ** 60, e: [] },
  ),

  "debugpy listens, and waits for its client, before the function is loaded": async (start) => {
    const files = {
      "debugpy.py":
        "calls = []\ndef listen(where): calls.append(list(where))\ndef wait_for_client(): calls.append('waits')\n",
      "index.py":
        "import debugpy, os\ncalls = list(debugpy.calls)\n" +
        "def handler(event, context): return [calls, '_LAMBDAD_DEBUGPY' in os.environ]\n",
    };
    for (const [where, calls] of [
      ["0.0.0.0:9229", [["0.0.0.0", 9229]]],
      ["127.0.0.1:1234:wait", [["127.0.0.1", 1234], "waits"]],
    ] as const) {
      const guest = await start({ files, env: { _LAMBDAD_DEBUGPY: where } });
      assert.deepEqual((await guest.invoke(sent)).body, [calls, false]);
    }
  },
  "debugpy that is missing where it is asked for fails INIT, with what to do": async (start) => {
    const guest = await start({
      // As it is missing, whatever this machine has.
      files: { ...moduleOf("return 1"), "debugpy.py": "raise ImportError()\n" },
      env: { _LAMBDAD_DEBUGPY: "127.0.0.1:1" },
    });
    const answer = await guest.init;
    assert.equal(answer?.errorType, "Runtime.ImportModuleError");
    assert(answer);
    assert.match((answer.body as Payload).errorMessage, /^Unable to import module 'debugpy': put it into/);
  },
  "a module that is missing fails INIT": failsInit(
    {},
    "gone.handler",
    "Runtime.ImportModuleError",
    /^Unable to import module 'gone': No module named 'gone'$/,
  ),
  "a dependency that is missing fails INIT": failsInit(
    { "index.py": "import not_there" },
    "index.handler",
    "Runtime.ImportModuleError",
    /^Unable to import module 'index': No module named 'not_there'$/,
  ),
  "a function that is missing fails INIT": failsInit(
    { "index.py": "" },
    "index.handler",
    "Runtime.HandlerNotFound",
    /^Handler 'handler' missing on module 'index'$/,
  ),
  "a handler without a dot fails INIT": failsInit(
    {},
    "handler",
    "Runtime.MalformedHandlerName",
    /^Bad handler 'handler': not enough values to unpack \(expected 2, got 1\)$/,
  ),
  "a built-in module fails INIT": failsInit(
    {},
    "sys.exit",
    "Runtime.BuiltInModuleConflict",
    /^Cannot use built-in module sys as a handler module$/,
  ),
  "a syntax error fails INIT": failsInit(
    { "index.py": "def handler(:\n    pass\n" },
    "index.handler",
    "Runtime.UserCodeSyntaxError",
    /^Syntax error in module 'index': invalid syntax \(index\.py, line 1\)$/,
    [/^ {2}File ".*index\.py" Line 1\n {4}def handler\(:\n$/],
  ),
  "code that raises while it is loaded fails INIT with its own error": failsInit(
    { "index.py": "raise ValueError('at load')" },
    "index.handler",
    "ValueError",
    /^at load$/,
    [/^ {2}File ".*index\.py", line 1, in <module>\n {4}raise ValueError\('at load'\)\n$/],
  ),

  "an exception is an error with its stack": fails(
    { "index.py": "def inner():\n    raise KeyError('k')\n\ndef handler(event, context):\n    inner()\n" },
    "KeyError",
    /^'k'$/,
    [
      /^ {2}File ".*index\.py", line 5, in handler\n {4}inner\(\)\n$/,
      /^ {2}File ".*index\.py", line 2, in inner\n {4}raise KeyError\('k'\)\n$/,
    ],
  ),
  "files of the interpreter are shown where AWS has them": async (start, { minor }) => {
    const guest = await start({ files: { "index.py": "raise ValueError('no')\n" } });
    const answer = await guest.init;
    assert.ok(answer);
    const [first = "", ...rest] = (answer.body as Payload).stackTrace;
    assert.ok(
      first.startsWith(`  File "/var/lang/lib/python3.${minor}/importlib/__init__.py", line `),
      first,
    );
    assert.match(first, /\n {4}return _bootstrap\._gcd_import\(name\[level:\], package, level\)\n$/);
    assert.match(rest.at(-1) ?? "", /\/index\.py", line 1, in <module>\n {4}raise ValueError\('no'\)\n$/);
  },
  "a class of one's own is its type": fails(
    { "index.py": "class Broken(Exception): pass\ndef handler(e, c): raise Broken()\n" },
    "Broken",
    /^$/,
    [/in handler/],
  ),
  "what AWS's encoder writes and Python's own does not is written": answers(
    moduleOf(
      "import collections, decimal, enum",
      "Point = collections.namedtuple('Point', 'x y')",
      "class Kind(str, enum.Enum): A = 'a'",
      "class Row:",
      "    def _asdict(self): return {'row': 1}",
      "counts = collections.defaultdict(int, {'n': 1.5, b'k': True, None: -2, 3: 'ü'})",
      "return [decimal.Decimal('1.50'), Point(1, [Point(2, Kind.A)]), b'\\xc3\\xbc', counts, Row(), (None, ())]",
    ),
    [
      1.5,
      { x: 1, y: [{ x: 2, y: "a" }] },
      "ü",
      { n: 1.5, k: true, null: -2, 3: "ü" },
      { row: 1 },
      [null, []],
    ],
  ),
  "bytes that are no text cannot be marshalled": fails(
    moduleOf("return {'a': b'\\xff'}"),
    "Runtime.MarshalError",
    /^Unable to marshal response: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte$/,
    [],
  ),
  "a set cannot be marshalled, nor a date": async (start) => {
    const guest = await start({ files: moduleOf("import datetime", "return eval(event[0])") });
    for (const [kind, value] of Object.entries({ set: "[{1}]", date: "{'d': datetime.date(2026, 1, 1)}" })) {
      const { errorType, body } = await guest.invoke([value]);
      assert.equal(errorType, "Runtime.MarshalError");
      const message = `Unable to marshal response: Object of type ${kind} is not JSON serializable`;
      assert.equal((body as Payload).errorMessage, message);
    }
  },
  "bytes are the answer as they are": async (start) => {
    const guest = await start({ files: moduleOf("return b'[1 ]'") });
    const { kind, text } = await guest.invoke({});
    assert.deepEqual([kind, text], ["response", "[1 ]"]);
  },
  "a circular result cannot be marshalled": fails(
    moduleOf("a = []", "a.append(a)", "return a"),
    "Runtime.MarshalError",
    /^Unable to marshal response: Circular reference detected$/,
    [],
  ),

  "Unicode is written as it is from Python 3.12 on": async (start, { minor }) => {
    const guest = await start({ files: moduleOf("return 'ü€'") });
    assert.equal((await guest.invoke({})).text, minor >= 12 ? '"ü€"' : '"\\u00fc\\u20ac"');
  },

  "half a surrogate pair does not break an answer or an error": async (start) => {
    const files = moduleOf("if event: raise ValueError('\\udc80')", "return '\\ud800'");
    const guest = await start({ files });
    assert.equal((await guest.invoke(0)).body, "\ud800");
    assert.equal(((await guest.invoke(1)).body as Payload).errorMessage, "\udc80");
  },

  "what cannot be called has a stack too": async (start) => {
    const guest = await start({ files: { "index.py": "def handler(): pass\n" } });
    const { errorMessage, errorType, stackTrace } = (await guest.invoke({})).body as Payload;
    assert.equal(errorType, "TypeError");
    assert.equal(errorMessage, "handler() takes 0 positional arguments but 2 were given");
    assert.equal(stackTrace.length, 1);
  },

  "a .pth file of the code leads to its packages, PYTHONPATH keeps those that the runtime brings": async (
    start,
  ) => {
    const files = {
      "deps/inner.py": "x = 1",
      "deps.pth": "deps\n",
      "brought/boto9.py": "y = 2",
      "index.py": "import inner, boto9\ndef handler(event, context): return [inner.x, boto9.y]\n",
    };
    const env = { _LAMBDAD_PACKAGES: "brought", PYTHONPATH: "/nowhere" };
    assert.deepEqual((await (await start({ files, env })).invoke({})).body, [1, 2]);
  },

  "context.log is a log event of its own, and a record that cannot be formatted is an error": async (
    start,
  ) => {
    const files = moduleOf(
      "import logging",
      "context.log('a')",
      "context.log('b')",
      "logging.error('%d', 'x')",
    );
    const guest = await start({ files });
    assert.equal((await guest.invoke({})).errorType, "TypeError");
    const { frames } = await guest.stop();
    assert.deepEqual(
      frames.slice(0, 2).map(({ type, text }) => [type, text]),
      [
        [0xa55a0003, "a"],
        [0xa55a0003, "b"],
      ],
    );
  },

  "an error does not keep the next invocation from its answer": async (start) => {
    const guest = await start({ files: moduleOf("return 1 / event") });
    assert.equal((await guest.invoke(0)).errorType, "ZeroDivisionError");
    assert.equal((await guest.invoke(2)).body, 0.5);
  },

  "an event that is no JSON is an error": async (start) => {
    const guest = await start({ files: moduleOf("return event") });
    const answer = await guest.invoke("{");
    assert.equal(answer.errorType, "Runtime.UnmarshalError");
    assert.match(
      (answer.body as Payload).errorMessage,
      /^Unable to unmarshal input: Expecting property name/,
    );
    const spaced = ' {"a": [1e3, "\\ud83d\\ude00"]} ';
    assert.deepEqual((await guest.invoke(spaced)).body, { a: [1000, "😀"] });
  },

  "the context has AWS's members": async (start) => {
    const files = moduleOf(
      "left = context.get_remaining_time_in_millis()",
      "client, identity = context.client_context, context.identity",
      "members = {k: v for k, v in vars(context).items() if isinstance(v, str) and k[0] != '_'}",
      "return {'members': members, 'left': left, 'title': client.client.app_title, 'custom': client.custom,",
      "        'env': client.env, 'id': identity.cognito_identity_id, 'pool': identity.cognito_identity_pool_id}",
    );
    const guest = await start({ files });
    const { body } = await guest.invoke(null, {
      "Lambda-Runtime-Client-Context": JSON.stringify({ client: { app_title: "Zürich" }, custom: { a: 1 } }),
      "Lambda-Runtime-Cognito-Identity": JSON.stringify({
        cognitoIdentityId: "i",
        cognitoIdentityPoolId: "p",
      }),
      "Lambda-Runtime-Aws-Tenant-Id": "tenant-1",
    });
    const { left, ...rest } = body as { left: number };
    assert.deepEqual(rest, {
      members: {
        aws_request_id: requestId,
        log_group_name: "/aws/lambda/probe",
        log_stream_name: "2026/11/21/[$LATEST]60ce",
        function_name: "probe",
        memory_limit_in_mb: "128",
        function_version: "$LATEST",
        invoked_function_arn: functionArn,
        tenant_id: "tenant-1",
      },
      title: "Zürich",
      custom: { a: 1 },
      env: null,
      id: "i",
      pool: "p",
    });
    assert.ok(left > 0 && left <= 3000, `${left} ms`);
  },

  "without a client context there is none, and an empty identity": async (start) => {
    const guest = await start({
      files: moduleOf("return [repr(context.client_context), repr(context.identity)]"),
    });
    const identity = "CognitoIdentity([cognito_identity_id=None,cognito_identity_pool_id=None])";
    assert.deepEqual((await guest.invoke({})).body, ["None", identity]);
  },

  "a function sees AWS's variables and none of ours, and its code comes first": async (start) => {
    const files = moduleOf(
      "import os, sys",
      "own = sorted(name for name in os.environ if name[0] == '_')",
      "return [own, os.environ.get('_X_AMZN_TRACE_ID'), sys.path[0] == os.environ['LAMBDA_TASK_ROOT'], sys.path[2]]",
    );
    const guest = await start({ files });
    const { body } = await guest.invoke({});
    assert.deepEqual(body, [["_HANDLER", "_X_AMZN_TRACE_ID"], traceId, true, "/opt/python"]);
  },

  "log records are frames with level, time and request id": async (start) => {
    const files = {
      "index.py": [
        "import logging, sys",
        "log = logging.getLogger(__name__)",
        "logging.getLogger().setLevel(logging.DEBUG)",
        "log.warning('init')",
        "def handler(event, context):",
        "    log.debug('d'); log.info('two\\nlines'); log.warning('w %s', 1); log.error('e'); log.critical('c')",
      ].join("\n"),
    };
    const guest = await start({ files });
    await guest.invoke({});
    const { frames, stdout, stderr } = await guest.stop();
    const lines = frames.map(({ type, text }) => {
      const [level, time = "", ...rest] = text.split("\t");
      assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,3}Z$/);
      return [type, level, ...rest];
    });
    assert.deepEqual(lines, [
      [0xa55a0013, "[WARNING]", "", "init\n"],
      [0xa55a000b, "[DEBUG]", requestId, "d\n"],
      [0xa55a000f, "[INFO]", requestId, "two\nlines\n"],
      [0xa55a0013, "[WARNING]", requestId, "w 1\n"],
      [0xa55a0017, "[ERROR]", requestId, "e\n"],
      [0xa55a001b, "[CRITICAL]", requestId, "c\n"],
    ]);
    assert.ok(Math.abs((frames[0]?.timestampMs ?? 0) - Date.now()) < 60_000);
    assert.deepEqual({ stdout, stderr }, { stdout: "", stderr: "" });
  },

  "what is printed and what is logged stay in order, also a child's": async (start) => {
    const files = moduleOf(
      "import logging, os, sys",
      "print('one\\ntwo ü')",
      "logging.warning('three')",
      "print('four', file=sys.stderr)",
      "sys.stdout.buffer.write(b'five\\n')",
      "print('beg', end='', flush=True)",
      "print('un\\nsix')",
      "os.system('echo child; echo error >&2')",
      "child = os.fork()",
      "if child == 0: print('fork'); sys.stdout.flush(); os._exit(0)",
      "os.waitpid(child, 0)",
      "print([sys.stdout.fileno(), sys.stderr.fileno(), sys.stdout.encoding, sys.stdout.isatty()])",
      "sys.stdout.write('no end')",
    );
    const guest = await start({ files });
    await guest.invoke({});
    const { frames, stdout, stderr } = await guest.stop();
    const end = "child\nerror\nfork\n[1, 2, 'utf-8', False]\nno end";
    assert.deepEqual(
      frames.map(({ type, text }) => [type, text.split("\t").at(-1)]),
      [
        [0, "one\ntwo ü\n"],
        [0xa55a0013, "three\n"],
        [0, `four\nfive\nbegun\nsix\n${end}`],
      ],
    );
    assert.deepEqual({ stdout, stderr }, { stdout: "", stderr: "" });
  },

  "what was printed without its end is out however the runtime ends": async (start) => {
    const guest = await start({ files: moduleOf("import os", "print('half', end='')", "os._exit(1)") });
    await guest.invoke({});
    assert.equal((await guest.ended).frames[0]?.text, "half");
  },

  "threads that print and log at once tear no frame": async (start) => {
    const files = moduleOf(
      "import logging, threading",
      "def work(i):",
      "    for _ in range(5): print(str(i) * 100_000); logging.warning('w' * 100_000)",
      "threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]",
      "[thread.start() for thread in threads]",
      "[thread.join() for thread in threads]",
    );
    const guest = await start({ files });
    await guest.invoke({});
    const { frames } = await guest.stop();
    const logged = frames.filter(({ type }) => type !== 0).map(({ text }) => text.length);
    assert.deepEqual(
      [logged.length, new Set(logged).size <= 3],
      [20, true],
      "all of them, but for their milliseconds",
    );
    const printed = frames.filter(({ type }) => type === 0).map(({ text }) => text);
    assert.equal(printed.join("").length, 20 * 100_001);
  },

  "what is printed is out before the answer": async (start) => {
    const guest = await start({
      files: moduleOf("import sys", "sys.stdout.write('no newline')", "return 1"),
    });
    await guest.invoke({});
    const { frames, stdout } = await guest.stop();
    assert.deepEqual([frames[0]?.text, stdout], ["no newline", ""]);
  },

  "the level is WARNING by default": async (start) => {
    const guest = await start({
      files: moduleOf("import logging", "logging.info('no')", "logging.warning('yes')"),
    });
    await guest.invoke({});
    const { frames } = await guest.stop();
    assert.deepEqual(frames.length, 1);
    assert.match(frames[0]?.text ?? "", /yes\n$/);
  },

  "an exception is one log event behind AWS's warning, indented with no-break spaces": async (start) => {
    const guest = await start({ files: moduleOf("raise ValueError('no')") });
    await guest.invoke({});
    const { frames } = await guest.stop();
    const file = `${guest.taskRoot}/index.py`;
    assert.deepEqual(
      frames.map(({ type, text }) => ({ type, text })),
      [
        { type: 0xa55a0013, text: unhandled },
        {
          type: 0xa55a0017,
          text:
            "[ERROR] ValueError: no\nTraceback (most recent call last):\n" +
            `\u00a0\u00a0File "${file}", line 2, in handler\n\u00a0\u00a0\u00a0\u00a0raise ValueError('no')`,
        },
      ],
    );
  },

  "without a descriptor lines go to standard output, one each": async (start) => {
    const files = moduleOf("import logging", "logging.warning('w')", "raise ValueError('no')");
    const guest = await start({ files, frames: false });
    await guest.invoke({});
    const [first = "", warning = "", second = "", rest] = (await guest.stop()).stdout.split("\n");
    assert.match(first, new RegExp(`^\\[WARNING\\]\t\\S+Z\t${requestId}\tw$`));
    assert.equal(warning, unhandled);
    assert.match(
      second,
      /^\[ERROR\] ValueError: no\rTraceback \(most recent call last\):\r\u00a0\u00a0File /,
    );
    assert.equal(rest, "");
  },

  "JSON lines have the level's frame, extras and exceptions": async (start) => {
    const { "index.py": module } = moduleOf(
      "logging.debug('no')",
      "logging.info('i', extra={'order': {'n': 1}, 'odd': {1}})",
      "logging.log(35, 'between')",
      "try: raise KeyError('k')",
      "except KeyError: logging.exception('caught')",
      "raise ValueError('no')",
    );
    const files = { "index.py": `import logging\nlogging.warning("init")\n${module ?? ""}` };
    const env = { AWS_LAMBDA_LOG_FORMAT: "JSON", AWS_LAMBDA_LOG_LEVEL: "INFO" };
    const guest = await start({ files, env });
    await guest.invoke({}, { "Lambda-Runtime-Aws-Tenant-Id": "t" });
    const { frames } = await guest.stop();
    assert.deepEqual(
      frames.map(({ type }) => type),
      [0xa55a0012, 0xa55a000e, 0xa55a0012, 0xa55a0016, 0xa55a0012, 0xa55a0016],
    );
    assert.equal(frames[4]?.text, unhandled);
    assert.deepEqual(frames.map(({ text }) => text.endsWith("\n")).slice(0, 4), [true, true, true, true]);
    const [init, line, between, caught, uncaught] = frames
      .filter(({ text }) => text !== unhandled)
      .map(({ text }) => JSON.parse(text) as Record<string, unknown>);
    assert.equal(init?.["requestId"], "");
    const { timestamp, ...rest } = line ?? {};
    assert.match(String(timestamp), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.deepEqual(rest, {
      level: "INFO",
      message: "i",
      logger: "root",
      requestId,
      tenantId: "t",
      order: { n: 1 },
      odd: "{1}",
    });
    assert.equal(between?.["level"], "WARNING");
    const { timestamp: _, location, stackTrace, ...failure } = caught ?? {};
    assert.deepEqual(failure, {
      level: "ERROR",
      message: "caught",
      logger: "root",
      errorType: "KeyError",
      errorMessage: "'k'",
      requestId,
      tenantId: "t",
    });
    assert.match(String(location), /index\.py:handler:8$/);
    assert.match(String(stackTrace), /^ {2}File ".*index\.py", line 7, in handler\n {4}try: raise KeyError/);
    assert.deepEqual([uncaught?.["log_level"], uncaught?.["errorType"]], ["ERROR", "ValueError"]);
  },

  "sys.exit ends the runtime with that code and no answer": async (start) => {
    const guest = await start({ files: moduleOf("import sys", "print('bye')", "sys.exit(7)") });
    assert.equal((await guest.invoke({})).kind, "exit");
    const { exit, frames } = await guest.ended;
    assert.deepEqual([exit, frames.map(({ text }) => text).join("")], [7, "bye\n"]);
  },

  "sys.exit while the module is loaded ends the runtime": async (start) => {
    const guest = await start({ files: { "index.py": "import sys\nsys.exit(3)\n" } });
    assert.equal((await guest.init)?.kind, "exit");
    assert.equal((await guest.ended).exit, 3);
  },

  "nothing is imported that the function did not ask for": async (start) => {
    const files = {
      "index.py":
        "import sys\nheavy = [n for n in ('json', 're', 'logging', 'socket', 'traceback', 'enum') if n in sys.modules]\n" +
        "def handler(event, context): return heavy\n",
    };
    const guest = await start({ files });
    assert.deepEqual((await guest.invoke({})).body, []);
  },

  "an answer leaves together with the request for the next invocation": async (start) => {
    const guest = await start({ files: moduleOf("return event") });
    for (const event of [{}, { a: 1 }, ["x".repeat(3000)]]) {
      await guest.invoke(event);
      assert.ok(guest.wasTogether());
    }
  },

  "an event and an answer of 6 MB arrive whole": async (start) => {
    const guest = await start({ files: moduleOf("return event") });
    const large = { text: "ä€x".repeat(1_000_000) };
    assert.deepEqual((await guest.invoke(large)).body, large);
    assert.deepEqual((await guest.invoke({ after: true })).body, { after: true });
  },

  "a head that comes byte by byte is understood": async (start) => {
    const guest = await start({ files: moduleOf("return event"), pieceBytes: 1 });
    for (const event of [{ a: "ü€" }, {}, [1]]) assert.deepEqual((await guest.invoke(event)).body, event);
  },

  "the API is reached over TCP too": async (start) => {
    const guest = await start({ files: moduleOf("return event"), transport: "tcp", pieceBytes: 700 });
    assert.deepEqual((await guest.invoke(sent)).body, sent);
  },

  "a server that refuses an answer and hangs up is asked for the next invocation": async (start) => {
    const guest = await start({ files: moduleOf("return event"), refuses: true });
    await guest.invoke({ n: 1 });
    assert.deepEqual((await guest.invoke({ n: 2 })).body, { n: 2 });
  },

  "a server that is gone ends the runtime": async (start) => {
    const guest = await start({ files: moduleOf("return event") });
    await guest.invoke({});
    await guest.waits();
    guest.hangUp();
    const { exit, stderr } = await guest.ended;
    assert.deepEqual([exit, stderr], [1, ""]);
  },
};

const found = await pythons();
if (found.length === 0) test("the Python bootstrap", (t) => t.skip("no Python 3.8 or newer on this machine"));
for (const python of found) {
  for (const [name, run] of Object.entries(cases)) {
    test(`Python 3.${python.minor}: ${name}`, { timeout: 60_000 }, async (t) => {
      const start = async (options: Start): Promise<Guest> => {
        const guest = await startGuest({ argv: python.argv, handler: "index.handler", ...options });
        t.after(() => guest.stop());
        return guest;
      };
      await run(start, python);
    });
  }
}

async function pythons(): Promise<readonly Python[]> {
  const dataDir = await mkdtemp(join(tmpdir(), "lambdad-test-"));
  after(() => rm(dataDir, { recursive: true, force: true }));
  const catalog = createCatalog({
    dataDir,
    path: process.env["PATH"] ?? "",
    home: process.env["HOME"] ?? "",
    env: process.env,
    logger: silentLogger,
    onProgress: console.log,
  });
  const entries = await catalog.list();
  const ready = entries.filter(({ id, status }) => id.startsWith("python") && status === "ready");
  return Promise.all(
    ready.map(async ({ id }) => {
      const { argv, mounts } = await catalog.plan(id);
      const bootstrap = mounts.find(({ target }) => target === "/var/runtime")?.source ?? "";
      return {
        minor: Number(id.split(".")[1]),
        argv: argv.map((part) => part.replace("/var/runtime", bootstrap)),
      };
    }),
  );
}
