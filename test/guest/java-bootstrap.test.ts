/**
 * The Java bootstrap against a tiny Runtime API: handlers in all their forms, JSON to objects and back, errors, contexts
 * and logs, on every Java of this machine that AWS has.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { startGuest, type Guest, type GuestOptions } from "./guest-runtime.ts";
import { javas, type Java, type Javas } from "./javas.ts";
import { parseFrames } from "./log-frames.ts";
import { functionArn, requestId, traceId } from "./tiny-api.ts";

interface Machine extends Omit<Javas, "javas"> {
  readonly java: Java;
  readonly start: (options: Partial<GuestOptions> & { readonly handler: string }) => Promise<Guest>;
  /** A directory for this test alone. */
  readonly directory: string;
}

type Case = (machine: Machine) => Promise<void>;

interface ErrorBody {
  readonly errorMessage: string;
  readonly errorType?: string;
  readonly stackTrace?: readonly string[];
  readonly cause?: ErrorBody;
}

/** The handler, the event, the answer. */
const forms: readonly (readonly [handler: string, event: unknown, answer: unknown])[] = [
  ["example.Forms::text", "ü", "ü!"],
  ["example.Forms::text", 5, "5!"],
  ["example.Forms::text", null, "null!"],
  ["example.Forms::number", 21, 42],
  ["example.Forms::number", "21", 42],
  ["example.Forms::number", 21.9, 42],
  ["example.Forms::number", null, 0],
  ["example.Forms::number", [4], 8],
  ["example.Forms::truth", true, false],
  ["example.Forms::truth", "false", true],
  ["example.Forms::sum", [1, 2.5, "3"], 6.5],
  ["example.Forms::sum", 4, 4],
  ["example.Forms::lengths", ["bb", "a"], { a: 1, bb: 2 }],
  ["example.Forms::array", [3, 1], [3, 1]],
  ["example.Forms::nothing", { any: "thing" }, null],
  ["example.Forms::none", {}, "none"],
  ["example.Forms::contextOnly", {}, "probe"],
  ["example.Forms::isStatic", [], "ArrayList"],
  ["example.Forms::isStatic", 1.5, "Double"],
  ["example.Forms::isStatic", 12_345_678_901, "Long"],
  ["example.Forms::streams", { a: ["ü", 1] }, { a: ["ü", 1] }],
  ["example.Forms::streamsAndContext", ["ü"], { probe: ["ü"] }],
  ["example.Forms::overloaded", {}, "two"],
  ["example.Forms$Streaming", { some: "bytes, more than seven" }, { some: "bytes, more than seven" }],
  ["example.Forms$Streaming::handleRequest", [1], [1]],
  ["example.Forms$OfPairs", [{ one: 1, two: 2 }], { one: 1, two: 3 }],
  ["example.Forms$OfPairs::handleRequest", [{ one: 1, two: 2 }], { one: 1, two: 3 }],
  ["example.Forms$Hidden", { one: 7 }, "hidden 7"],
  [
    "example.Mapped::untyped",
    { a: 1, b: 1.5, c: [], d: {}, e: null, f: "x", g: true },
    {
      a: "Integer",
      b: "Double",
      c: "ArrayList",
      d: "LinkedHashMap",
      e: "null",
      f: "String",
      g: "Boolean",
    },
  ],
  ["example.Mapped::boxes", [{ value: 1 }, { value: "2" }, {}], [{ value: 2 }, { value: 2 }, {}]],
  ["example.Mapped::boxes", { value: 1 }, [{ value: 2 }]],
  ["example.Mapped::derived", { base: "b", own: "o" }, { base: "b", own: "o" }],
  ["example.Mapped$Derived::inherited", "x", "inherited x"],
  [
    "example.Mapped::wait",
    { at: "2026-11-21T10:00:00.000Z", "detail-type": "x" },
    { at: "2026-11-21T10:00:00.000Z", detailType: "x" },
  ],
  ["example.Mapped::sku", "ab-1", { text: "AB-1" }],
  ["example.Mapped::upload", { Records: [{ Key: "a/b.png", size: "17" }] }, "a/b.png 17"],
  ["example.Mapped::stream", { arrivedAt: 1_545_084_650.987, data: "aGk=" }, "1545084650987 hi"],
  ["example.Mapped::web", {}, { statusCode: 201, isBase64Encoded: true }],
];

/** What AWS tells with each invocation: the function is not what its configuration says. */
const misfits: readonly (readonly [handler: string, message: string, type: string | undefined])[] = [
  ["example.Gone::handle", "Class not found: example.Gone", "java.lang.ClassNotFoundException"],
  ["example.Gone", "Class not found: example.Gone", "java.lang.ClassNotFoundException"],
  ["", "Invalid handler: `'", undefined],
  ["example.Forms::", "Invalid handler: `example.Forms::'", undefined],
  [
    "example.Forms::gone",
    "No public method named gone with appropriate method signature found on class class example.Forms",
    undefined,
  ],
  [
    "example.Forms::tooMany",
    "No public method named tooMany with appropriate method signature found on class class example.Forms",
    undefined,
  ],
  [
    "example.Forms::notPublic",
    "No public method named notPublic with appropriate method signature found on class class example.Forms",
    undefined,
  ],
  [
    "example.Forms$NoInterface",
    "Class example.Forms$NoInterface does not implement an appropriate handler interface",
    undefined,
  ],
  [
    "example.Forms$Raw",
    "Class example.Forms$Raw does not implement com.amazonaws.services.lambda.runtime.RequestHandler with concrete type parameters",
    undefined,
  ],
  [
    "example.Forms$Abstract",
    "Class example.Forms$Abstract cannot be instantiated",
    "java.lang.InstantiationException",
  ],
  [
    "example.Forms$WithoutConstructor",
    "Class example.Forms$WithoutConstructor has no public zero-argument constructor",
    "java.lang.NoSuchMethodException",
  ],
];

const everything = {
  name: "Jörg",
  count: 3,
  good: true,
  child: { name: "child", colour: "RED" },
  children: [{ count: 1 }, { COUNT: 2 }],
  readOnly: "changed",
  colour: "GREEN",
  large: 9_007_199_254_740_991,
  fraction: 1.5,
  exact: 0.1,
  huge: 5,
  letter: "x",
  bytes: "AQI=",
  maybe: "yes",
  byColour: { RED: 1 },
  set: [2, 2, 1],
  id: "00000000-0000-0001-0000-000000000002",
  uri: "https://example.com/ü",
  date: "2026-11-21T10:00:00Z",
  any: { deep: [1.5] },
  skipped: "set",
  shared: "set",
  unknown: { is: "ignored" },
};

const empty = { count: 0, good: false, large: 0, letter: "\u0000" };

const cases: Readonly<Record<string, Case>> = {
  "handlers of every form are called": async ({ start }) => {
    for (const handler of new Set(forms.map(([name]) => name))) {
      const guest = await start({ handler });
      for (const [, event, expected] of forms.filter(([name]) => name === handler)) {
        const { kind, body } = await guest.invoke(JSON.stringify(event));
        assert.deepEqual({ handler, kind, body }, { handler, kind: "response", body: expected });
      }
      await guest.stop();
    }
  },

  "a function that is not what it should be says so with each invocation": async ({ start }) => {
    for (const [handler, errorMessage, errorType] of misfits) {
      const guest = await start({ handler });
      for (const event of [1, 2]) {
        const answer = await guest.invoke(event);
        assert.equal(answer.kind, "error");
        assert.equal(answer.errorType, "Runtime.BadFunctionCode");
        assert.deepEqual(
          answer.body,
          errorType === undefined ? { errorMessage } : { errorMessage, errorType },
        );
      }
      await guest.stop();
    }
  },

  "what a class throws while it is loaded ends INIT": async ({ start }) => {
    const table: readonly (readonly [string, string, string])[] = [
      ["FailingConstructor", "no database", "java.lang.IllegalStateException"],
      [
        "FailingClass",
        "Error loading class example.Forms$FailingClass",
        "java.lang.ExceptionInInitializerError",
      ],
    ];
    for (const [name, errorMessage, errorType] of table) {
      const guest = await start({ handler: `example.Forms$${name}` });
      const answer = await guest.init;
      assert.equal(answer?.kind, "init-error");
      assert.deepEqual(answer.body, { errorMessage, errorType });
      const { exit, stdout } = await guest.ended;
      assert.equal(exit, 1);
      assert.ok(stdout.startsWith(`${errorMessage}: ${errorType}\n${errorType}`), stdout);
      assert.match(stdout, /\n\tat example\.Forms\$|\nCaused by: java\.lang\.NumberFormatException/);
      assert.doesNotMatch(stdout, /lambdad/);
    }
  },

  "System.exit is the runtime's exit, in INIT and in an invocation": async ({ start }) => {
    const early = await start({ handler: "example.Forms$ExitingClass" });
    assert.equal((await early.init)?.kind, "exit");
    assert.deepEqual([(await early.ended).exit, (await early.ended).stdout], [5, "bye\n"]);
    const late = await start({ handler: "example.Failures::thrown" });
    assert.equal((await late.invoke({ kind: "exit" })).kind, "exit");
    assert.deepEqual([(await late.ended).exit, (await late.ended).stdout], [7, "unfinished"]);
  },

  "an exception comes with its stack up to the function's first frame, and with its causes": async ({
    start,
  }) => {
    const guest = await start({ handler: "example.Failures::thrown" });
    const answer = await guest.invoke({ kind: "chain" });
    assert.deepEqual([answer.kind, answer.errorType], ["error", "Runtime.UserException"]);
    const { stackTrace, cause, ...rest } = answer.body as ErrorBody;
    assert.deepEqual(rest, { errorMessage: "outer", errorType: "java.io.IOException" });
    assert.equal(stackTrace?.length, 1);
    assert.match(stackTrace[0] ?? "", /^example\.Failures\.thrown\(Failures\.java:\d+\)$/);
    assert.deepEqual(
      [cause?.errorType, cause?.errorMessage],
      ["java.lang.NumberFormatException", 'For input string: "x"'],
    );
    assert.match(cause?.stackTrace?.at(-1) ?? "", /^example\.Failures\.thrown\(/);
    const { stdout } = await guest.stop();
    assert.match(
      stdout,
      /^outer: java\.io\.IOException\njava\.io\.IOException: outer\n\tat example\.Failures/,
    );
    assert.match(stdout, /\nCaused by: java\.lang\.NumberFormatException: /);
  },

  "no stack in the log goes down to the runtime's own frames": async ({ start }) => {
    const guest = await start({ handler: "example.Failures::thrown" });
    await guest.invoke({ kind: "suppressed" });
    const { stdout } = await guest.stop();
    assert.match(stdout, /\n\tSuppressed: java\.lang\.RuntimeException: inner\n\t\tat example\.Failures/);
    assert.doesNotMatch(stdout, /lambdad\./);
  },

  "exceptions of every kind are answers, and the next event is served": async ({ start }) => {
    const guest = await start({ handler: "example.Failures::thrown" });
    const silent = (await guest.invoke({ kind: "without a message" })).body as ErrorBody;
    assert.equal(silent.errorMessage, "java.lang.IllegalStateException");
    const circle = (await guest.invoke({ kind: "circle" })).body as ErrorBody;
    assert.deepEqual([circle.errorMessage, circle.cause?.errorMessage], ["one", "two"]);
    const error = (await guest.invoke({ kind: "error" })).body as ErrorBody;
    assert.deepEqual([error.errorType, error.errorMessage], ["java.lang.AssertionError", "not an exception"]);
    assert.equal((await guest.invoke({ kind: "interrupted" })).body, true);
    assert.equal(
      (await guest.invoke({ kind: "?" })).body,
      false,
      "an interrupt does not outlive its invocation",
    );
  },

  "a virtual machine that is damaged answers, and ends": async ({ start }) => {
    const guest = await start({ handler: "example.Failures::thrown" });
    const { kind, body } = await guest.invoke({ kind: "deep" });
    assert.deepEqual([kind, (body as ErrorBody).errorType], ["error", "java.lang.StackOverflowError"]);
    assert.ok(((body as ErrorBody).stackTrace?.length ?? 0) > 100);
    assert.equal((await guest.ended).exit, 1);
  },

  "events and answers that do not fit are told as AWS does": async ({ start }) => {
    const table: readonly (readonly [string, unknown, string, RegExp])[] = [
      [
        "example.Forms::text",
        { a: 1 },
        "parsing",
        /`java\.lang\.String` from Object value \(token `JsonToken\.START_OBJECT`\)/,
      ],
      ["example.Forms::number", "x", "parsing", /`int` from String "x": not a valid `int` value/],
      [
        "example.Forms::number",
        3_000_000_000,
        "parsing",
        /^Numeric value \(3000000000\) out of range of `int`/,
      ],
      ["example.Forms::number", [1, 2], "parsing", /`int` from Array value/],
      ["example.Mapped::small", 256, "parsing", /out of range of `byte`/],
      [
        "example.Mapped::everything",
        { child: { children: [{ count: "x" }] } },
        "parsing",
        /chain: example\.Mapped\$Everything\["child"\]->example\.Mapped\$Everything\["children"\]->.*\["count"\]\)$/,
      ],
      ["example.Mapped::odd", {}, "serialization of response", /^Direct self-reference leading to cycle/],
    ];
    for (const [handler, event, doing, reason] of table) {
      const guest = await start({ handler });
      const { errorMessage, errorType, cause } = (await guest.invoke(JSON.stringify(event)))
        .body as ErrorBody;
      assert.deepEqual(
        [errorMessage, errorType],
        [`An error occurred during JSON ${doing}`, "java.lang.RuntimeException"],
      );
      assert.equal(cause?.errorType, "java.io.UncheckedIOException");
      assert.match(cause.cause?.errorMessage ?? "", reason, handler);
      await guest.stop();
    }
  },

  "what cannot be read of an answer is an error, with what threw it": async ({ start }) => {
    const guest = await start({ handler: "example.Failures::thrown" });
    const { cause } = (await guest.invoke({ kind: "unprintable" })).body as ErrorBody;
    assert.match(
      cause?.cause?.errorMessage ?? "",
      /^no name \(through reference chain: example\.Failures\$Unprintable\["name"\]\)$/,
    );
    assert.equal(cause?.cause?.cause?.errorType, "java.lang.IllegalStateException");
  },

  "beans are filled by setters and fields in any case of letters, and written without nulls": async ({
    start,
  }) => {
    const guest = await start({ handler: "example.Mapped::everything" });
    const { body, text } = await guest.invoke(everything);
    const {
      readOnly: _readOnly,
      skipped: _skipped,
      shared: _shared,
      unknown: _unknown,
      ...known
    } = everything;
    assert.deepEqual(body, {
      ...known,
      child: { ...empty, name: "child", colour: "RED", URL: "url of child" },
      children: [1, 2].map((count) => ({ ...empty, count, URL: "url of null" })),
      set: [2, 1],
      date: Date.parse(everything.date),
      URL: "url of Jörg",
    });
    assert.ok(
      text.startsWith('{"name":"Jörg","count":3,"good":true,"child":{'),
      "in the order of the fields",
    );
    assert.deepEqual((await guest.invoke({ colour: "BLUE", any: "", child: "" })).body, {
      ...empty,
      any: "",
      URL: "url of null",
    });
    assert.equal((await guest.invoke(null)).body, null);
  },

  "times are read in every form, and written as Jackson does": async ({ start }) => {
    const guest = await start({ handler: "example.Mapped::times" });
    const written =
      '{"instant":1792576800.500000000,"date":[2026,11,21],"time":[10,0],"both":[2026,11,21,10,0,5],' +
      '"offset":1792573200.000000000,"duration":90.000000000,"month":[2026,11],"zone":"Europe/Berlin"}';
    const iso = {
      instant: "2026-10-21T10:00:00.5Z",
      date: "2026-11-21",
      time: "10:00",
      both: "2026-11-21T10:00:05",
      offset: "2026-10-21T11:00:00+02:00",
      duration: "PT1M30S",
      month: "2026-11",
      zone: "Europe/Berlin",
    };
    assert.equal((await guest.invoke(iso)).text, written);
    assert.equal((await guest.invoke(written)).text, written);
    const { cause } = (await guest.invoke({ date: "tomorrow" })).body as ErrorBody;
    assert.match(cause?.cause?.errorMessage ?? "", /`java\.time\.LocalDate` from tomorrow: /);
  },

  "values of rarer types are read and written as Jackson does": async ({ start }) => {
    const guest = await start({ handler: "example.Mapped::rare" });
    const given = {
      ...{ whole: "5", fraction: "NaN", maybe: 5_000_000_000, ratio: null, flag: true, box: ["x"] },
      ...{ byColour: { GREEN: 1 }, colours: ["GREEN", "RED"], colour: "1", day: "MONDAY", letter: 65 },
      ...{ calendar: "2026-11-21T10:00:00.5+0000", stamp: "Sat, 21 Nov 2026 10:00:00 GMT", date: "1000" },
      ...{ local: "2026-11-21T10:00:00Z", localDate: "2026-11-21T10:00:00", instant: "1545084650" },
      ...{ zone: "Europe/Berlin", path: "/a/b", many: "one", nothing: "null" },
    };
    assert.equal(
      (await guest.invoke(given)).text,
      '{"whole":5,"fraction":"NaN","maybe":5000000000,"ratio":null,"flag":true,"box":["x"],"byColour":{"GREEN":1},' +
        '"colours":["RED","GREEN"],"colour":"GREEN","day":"MONDAY","letter":"A","calendar":1795255200500,' +
        '"stamp":1795255200000,"date":1000,"local":[2026,11,21,10,0],"localDate":[2026,11,21],' +
        '"instant":1545084650.000000000,"zone":"Europe/Berlin","path":"file:///a/b","many":["one"]}',
    );
    for (const misfit of [{ whole: "1.5" }, { date: "soon" }, { sku: { text: "a" } }]) {
      assert.equal((await guest.invoke(misfit)).kind, "error", JSON.stringify(misfit));
    }
  },

  "values of every type are written": async ({ start }) => {
    const guest = await start({ handler: "example.Mapped::values" });
    assert.equal(
      (await guest.invoke({})).text,
      '["x",1.5,"NaN",1E+3,"AQI=","ab",null,"GREEN",5,{},{"kept":1},"00000000-0000-0001-0000-000000000002","\\uD800"]',
    );
  },

  "records are made of their components": async ({ start, java }) => {
    if (java.major < 17) return;
    const guest = await start({ handler: "example.Records::order" });
    const order = {
      id: "a",
      lines: [
        { product: "x", count: 2 },
        { count: 3, Product: "y" },
      ],
    };
    assert.deepEqual((await guest.invoke(order)).body, {
      id: "a!5",
      lines: [
        { product: "x", count: 2 },
        { product: "y", count: 3 },
      ],
      note: "empty",
    });
  },

  "the context has all that AWS's has": async ({ start }) => {
    const guest = await start({ handler: "example.Facts" });
    const client = {
      installation_id: "i",
      app_title: "t",
      app_version_name: "n",
      app_version_code: "c",
      app_package_name: "p",
    };
    const { body } = await guest.invoke(
      {},
      {
        "Lambda-Runtime-Client-Context": JSON.stringify({
          client,
          custom: { a: "ü", n: 1 },
          env: { locale: "de" },
        }),
        "Lambda-Runtime-Cognito-Identity": '{"cognitoIdentityId":"id","cognitoIdentityPoolId":"pool"}',
        "Lambda-Runtime-Aws-Tenant-Id": "tenant",
        "Lambda-Runtime-Trace-Id": traceId,
      },
    );
    const expected = {
      requestId,
      arn: functionArn,
      logs: "/aws/lambda/probe 2026/11/21/[$LATEST]60ce",
      function: "probe $LATEST",
      memory: 128,
      hasTime: true,
      identity: "id pool",
      client: "itncp",
      custom: { a: "ü", n: "1" },
      env: { locale: "de" },
      tenant: "tenant",
      trace: traceId,
      traceOfContext: traceId,
      loader: true,
    };
    assert.deepEqual(body, expected);
    const { client: _client, custom: _custom, env: _env, ...rest } = expected;
    const { tenant: _tenant, ...without } = { ...rest, identity: "null null" };
    assert.deepEqual((await guest.invoke({})).body, without);
  },

  "log events are frames, and so are printed lines, in one order": async ({ start, java, directory }) => {
    const frames = join(directory, "frames");
    const guest = await start({
      handler: "example.Facts::log",
      argv: ["/bin/sh", "-c", 'exec "$0" "$@" 3>"$FRAMES"', ...java.argv],
      env: { FRAMES: frames, _LAMBDA_TELEMETRY_LOG_FD: "3" },
    });
    await guest.invoke({});
    const { stdout, stderr } = await guest.stop();
    assert.deepEqual([stdout, stderr], ["", "no end"]);
    const text = 0xa55a0003;
    assert.deepEqual(
      parseFrames(await readFile(frames)).map(({ type, text: line }) => [type, line]),
      [
        [text, "printed first\n"],
        [text, "and second\n"],
        [text, "plain ü\nsecond line"],
        [text, "bytes ü"],
        [text + 0x10, "warned"],
        [text + 0x04, "traced"],
        [text + 0x14, "from anywhere"],
        [text, "printed ü\n"],
        [text, "complained ü\n"],
      ],
    );
  },

  "JSON log events are AWS's objects, and what is below the level is not written": async ({ start }) => {
    const env = { AWS_LAMBDA_LOG_FORMAT: "JSON", AWS_LAMBDA_LOG_LEVEL: "INFO" };
    const guest = await start({ handler: "example.Facts::log", env });
    await guest.invoke({}, { "Lambda-Runtime-Aws-Tenant-Id": "t" });
    const lines = (await guest.stop()).stdout.trimEnd().split("\n");
    const objects = lines
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as { timestamp: string });
    for (const { timestamp } of objects) assert.match(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const request = { AWSRequestId: requestId, tenantId: "t" };
    assert.deepEqual(
      objects.map(({ timestamp: _timestamp, ...rest }) => rest),
      [
        { message: "plain ü\nsecond line", ...request },
        { message: "bytes ü", ...request },
        { message: "warned", level: "WARN", ...request },
        { message: "from anywhere", level: "ERROR", ...request },
      ],
    );
    assert.equal(lines.at(-1), "printed ü");
  },

  "jars of the code and of layers are on the class path, the code's first": async ({
    start,
    java,
    compile,
    classes,
    directory,
  }) => {
    const code = join(directory, "task");
    await cp(classes, code, { recursive: true });
    const jar = async (who: string, target: string) => {
      const out = await compile({
        "Who.java": `package library; public class Who { public String name(Object event) { return "${who}"; } }`,
      });
      await mkdir(target, { recursive: true });
      execFileSync("jar", ["cf", join(target, "who.jar"), "-C", out, "."]);
    };
    const layers = join(directory, "layers");
    const argv = [...java.argv.slice(0, -1), layers];
    await jar("layer", join(layers, "java/lib"));
    const ofLayer = await start({ handler: "library.Who::name", code, argv });
    assert.equal((await ofLayer.invoke({})).body, "layer");
    await jar("code", join(code, "lib"));
    const ofCode = await start({ handler: "library.Who::name", code, argv });
    assert.equal((await ofCode.invoke({})).body, "code");
  },

  "org.crac is there for a function that brings it; classes load side by side": async ({
    start,
    compile,
    directory,
  }) => {
    const probe = {
      "Probe.java": `package example; public class Probe { public Object find(Object event) throws Exception {
        Object parallel;
        // Since Java 9.
        try { parallel = ClassLoader.class.getMethod("isRegisteredAsParallelCapable").invoke(getClass().getClassLoader()); }
        catch (NoSuchMethodException old) { parallel = true; }
        try { return parallel + " " + Class.forName("org.crac.Core").getMethod("getGlobalContext").invoke(null).getClass().getName(); }
        catch (ClassNotFoundException none) { return parallel + " none"; }
      } }`,
    };
    const without = await start({ handler: "example.Probe::find", code: await compile(probe) });
    assert.equal((await without.invoke({})).body, "true none");
    const brought = `package org.crac; public class Core { public static Object getGlobalContext() { return "theirs"; } }`;
    const code = join(directory, "task");
    await cp(await compile(probe), code, { recursive: true });
    await mkdir(join(code, "lib"));
    const jar = join(code, "lib/crac.jar");
    execFileSync("jar", ["cf", jar, "-C", await compile({ "Core.java": brought }), "."]);
    const withIt = await start({ handler: "example.Probe::find", code });
    assert.equal((await withIt.invoke({})).body, "true org.crac.Core$GlobalContext");
  },

  "a function that brings AWS's interfaces itself uses ours": async ({
    start,
    library,
    classes,
    directory,
  }) => {
    const code = join(directory, "task");
    await cp(classes, code, { recursive: true });
    await mkdir(join(code, "lib"));
    await cp(library, join(code, "lib/aws-lambda-java-core.jar"));
    const guest = await start({ handler: "example.Facts", code });
    assert.equal(((await guest.invoke({})).body as { loader: boolean }).loader, true);
  },

  "a function's own serializer reads and writes instead of ours": async ({ start, classes, directory }) => {
    const code = join(directory, "task");
    await cp(classes, code, { recursive: true });
    const services = join(code, "META-INF/services");
    await mkdir(services, { recursive: true });
    const service = "com.amazonaws.services.lambda.runtime.CustomPojoSerializer";
    execFileSync("sh", ["-c", 'echo example.Serializer >"$0"', join(services, service)]);
    const guest = await start({ handler: "example.Forms::text", code });
    assert.equal((await guest.invoke('"abc"')).body, "read 5 as java.lang.String!, wrote java.lang.String");
  },

  "an answer leaves together with the request for the next invocation": async ({ start }) => {
    const guest = await start({ handler: "example.Forms$Streaming" });
    for (const event of [{}, { a: 1 }, ["x".repeat(3000)]]) {
      assert.deepEqual((await guest.invoke(event)).body, event);
      assert.ok(guest.wasTogether());
    }
  },

  "a head that comes byte by byte is understood, and so are 6 MB": async ({ start }) => {
    const slow = await start({ handler: "example.Forms$Streaming", pieceBytes: 1 });
    for (const event of [{ a: "ü€" }, {}, [1]]) assert.deepEqual((await slow.invoke(event)).body, event);
    const guest = await start({
      handler: "example.Mapped::untyped",
      env: { AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "512" },
    });
    assert.deepEqual((await guest.invoke({ text: "ä€x".repeat(1_000_000) })).body, { text: "String" });
  },

  "a server that refuses an answer and hangs up is asked for the next invocation": async ({ start }) => {
    const guest = await start({ handler: "example.Forms$Streaming", refuses: true });
    await guest.invoke({ n: 1 });
    assert.deepEqual((await guest.invoke({ n: 2 })).body, { n: 2 });
  },

  "a server that is gone ends the runtime": async ({ start }) => {
    const guest = await start({ handler: "example.Forms$Streaming" });
    await guest.invoke({});
    await guest.waits();
    guest.hangUp();
    const { exit, stdout, stderr } = await guest.ended;
    assert.deepEqual([exit, stdout, stderr], [1, "", ""]);
  },
};

const here = await javas();
if (typeof here === "string") test("the Java bootstrap", (t) => t.skip(here));
else
  for (const java of here.javas) {
    for (const [name, run] of Object.entries(cases)) {
      test(`Java ${java.major}: ${name}`, { timeout: 120_000 }, async (t) =>
        run(await machine(t, here, java)),
      );
    }
  }

async function machine(t: TestContext, { classes, library, compile }: Javas, java: Java): Promise<Machine> {
  const directory = await mkdtemp(join(tmpdir(), "lambdad-java-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return {
    java,
    classes,
    library,
    compile,
    directory,
    async start(options) {
      // Frames go to a file where they are tested: Java cannot open a socket by its number.
      const guest = await startGuest({
        argv: java.argv,
        code: classes,
        transport: "tcp",
        frames: false,
        ...options,
      });
      t.after(() => guest.stop());
      return guest;
    },
  };
}
