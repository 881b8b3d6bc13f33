/**
 * The Ruby bootstrap against a tiny Runtime API: handlers, errors, contexts, loggers, on the newest Ruby from 3.1 on that
 * is on PATH. Debian 12 has 3.1, which is none of AWS's but close enough to hold the bootstrap to its word.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { startGuest, type Guest, type GuestOptions } from "./guest-runtime.ts";
import { functionArn, requestId, traceId } from "./tiny-api.ts";

type Case = (start: (options: Partial<GuestOptions>) => Promise<Guest>) => Promise<void>;

interface ErrorBody {
  readonly errorMessage: string;
  readonly errorType: string;
  readonly stackTrace: readonly string[];
}

const bootstrap = join(import.meta.dirname, "../../guest/runtimes/ruby");
const text = 0xa55a0003;
const json = 0xa55a0002;

const handlerOf = (...lines: readonly string[]): Record<string, string> => ({
  "index.rb": `def handler(event:, context:)\n${lines.map((line) => `  ${line}\n`).join("")}end\n`,
});

const cases: Readonly<Record<string, Case>> = {
  "a handler is a method of a file, of a class, or of a module": async (start) => {
    const files = {
      "index.rb": `
        def top(event:, context:) = { top: event }
        class Orders
          def self.create(event:, context:) = { of_class: event }
        end
        module Inner
          module_function
          def go(event:, **) = { of_module: event }
        end`,
      "folder/deep.rb": "def go(event:, context:) = [event, context.function_name]",
    };
    const table = {
      "index.top": { top: { a: 1 } },
      "index.Orders.create": { of_class: { a: 1 } },
      "index.Inner.go": { of_module: { a: 1 } },
      "folder/deep.go": [{ a: 1 }, "probe"],
    };
    for (const [handler, expected] of Object.entries(table)) {
      const guest = await start({ files, handler });
      const { kind, body } = await guest.invoke({ a: 1 });
      assert.deepEqual({ handler, kind, body }, { handler, kind: "response", body: expected });
    }
  },

  "answers of every type become JSON, and what reads is read": async (start) => {
    const guest = await start({
      files: {
        "index.rb": `
          require "stringio"
          Point = Struct.new(:x) do
            def to_json(*rest) = { x: x }.to_json(*rest)
          end
          def handler(event:, context:)
            [nil, "ü€😀", :symbol, 1.5, { Point.new(1) => [true] }.values, Point.new(2), StringIO.new('{"raw":1}')][event]
          end`,
      },
    });
    const expected = [null, "ü€😀", "symbol", 1.5, [[true]], { x: 2 }, { raw: 1 }];
    for (const [index, value] of expected.entries())
      assert.deepEqual((await guest.invoke(index)).body, value, String(index));
  },

  "an error has AWS's type, its stack without our frames, and a log event; the next event is served": async (
    start,
  ) => {
    const files = handlerOf('raise IOError, "no ü" if event["fail"]', "event");
    const guest = await start({ files });
    const answer = await guest.invoke({ fail: true });
    const { stackTrace, ...rest } = answer.body as ErrorBody;
    assert.deepEqual(rest, { errorMessage: "no ü", errorType: "Function<IOError>" });
    assert.deepEqual([answer.kind, answer.errorType], ["error", "Function<IOError>"]);
    assert.equal(stackTrace.length, 1);
    assert.match(stackTrace[0] ?? "", /\/index\.rb:2:in [`'].*handler'$/);
    assert.deepEqual((await guest.invoke({ fail: false })).body, { fail: false });
    const { frames } = await guest.stop();
    assert.deepEqual(
      frames.map(({ type }) => type),
      [text + 0x14],
    );
    const [title, ...lines] = frames[0]?.text.split("\n") ?? [];
    assert.equal(title, "Error raised from handler method");
    assert.deepEqual(JSON.parse(lines.join("\n")), answer.body);
  },

  "a stack has the frames of what Ruby itself has written in Ruby": async (start) => {
    const guest = await start({ files: handlerOf("loop { [1].tap { raise 'deep' } }") });
    const { stackTrace } = (await guest.invoke({})).body as ErrorBody;
    assert.match(stackTrace.at(-1) ?? "", /index\.rb:2:in [`'].*handler'$/);
    assert.ok(stackTrace.length > 3, stackTrace.join("\n"));
    assert.doesNotMatch(stackTrace.join("\n"), /bootstrap\.rb/);
  },

  "what is no StandardError, or not there, is answered and ends the runtime": async (start) => {
    const table: readonly (readonly [line: string, errorType: string, message: RegExp])[] = [
      ["exit 3", "Function<SystemExit>", /^exit$/],
      ['raise NotImplementedError, "later"', "Function<NotImplementedError>", /^later$/],
      ["nowhere(event)", "Function<NoMethodError>", /undefined method [`']nowhere'/],
      ["def self.deep = deep; deep", "Function<SystemStackError>", /stack level too deep/],
    ];
    for (const [line, errorType, message] of table) {
      const guest = await start({ files: handlerOf(line) });
      const { kind, body } = await guest.invoke({});
      assert.deepEqual([kind, (body as ErrorBody).errorType], ["error", errorType]);
      assert.match((body as ErrorBody).errorMessage, message);
      const { exit, frames } = await guest.ended;
      assert.equal(exit, 255);
      assert.match(frames[0]?.text ?? "", /^Critical exception from handler\n\{/);
    }
  },

  "exit! is the runtime's exit": async (start) => {
    const guest = await start({ files: handlerOf('print "bye"', "exit! 7") });
    assert.equal((await guest.invoke({})).kind, "exit");
    assert.deepEqual([(await guest.ended).exit, (await guest.ended).stdout], [7, "bye"]);
  },

  "an answer without JSON is an error": async (start) => {
    const guest = await start({ files: handlerOf("Float::NAN") });
    const { errorType } = (await guest.invoke({})).body as ErrorBody;
    assert.equal(errorType, "Function<JSON::GeneratorError>");
  },

  "what goes wrong while the file is loaded ends INIT": async (start) => {
    const table: readonly (readonly [handler: string, file: string, errorType: string, message: RegExp])[] = [
      ["index.handler", "raise 'no database'", "Init<RuntimeError>", /^no database$/],
      ["index.handler", "require 'no/gem'", "Init<LoadError>", /^cannot load such file -- no\/gem$/],
      ["gone.handler", "", "Init<LoadError>", /^cannot load such file -- gone$/],
      ["index.handler", "def handler(", "Init<SyntaxError>", /index\.rb/],
      ["index", "", "Init<ArgumentError>", /^Invalid handler \["index"\], must be of form FILENAME\.METHOD/],
      ["index.handler", "exit 4", "Init<SystemExit>", /^exit$/],
    ];
    for (const [handler, file, errorType, message] of table) {
      const guest = await start({ files: { "index.rb": file }, handler });
      const answer = await guest.init;
      const body = answer?.body as ErrorBody;
      assert.deepEqual(
        [answer?.kind, answer?.errorType, body.errorType],
        ["init-error", errorType, errorType],
      );
      assert.match(body.errorMessage, message);
      // Where a gem is missed from: beside it the stack has only Ruby's own frames.
      if (file.startsWith("require")) assert.match(body.stackTrace.join("\n"), /\/index\.rb:1:in /);
      const { exit, frames } = await guest.ended;
      assert.equal(exit, 252);
      assert.ok(frames[0]?.text.startsWith(`Init error when loading handler ${handler}\n{`), frames[0]?.text);
    }
  },

  "a method that is not there is told with each start": async (start) => {
    const guest = await start({ files: handlerOf("event"), handler: "index.other" });
    const { errorType, errorMessage } = (await guest.invoke({})).body as ErrorBody;
    assert.equal(errorType, "Function<NoMethodError>");
    assert.match(errorMessage, /^undefined method [`']other' for .*LambdaHandler/);
  },

  "the context has all that AWS's has": async (start) => {
    const members = "aws_request_id invoked_function_arn log_group_name log_stream_name function_name";
    const more = "memory_limit_in_mb function_version identity client_context tenant_id";
    const guest = await start({
      files: handlerOf(
        `facts = %i[${members} ${more}].to_h { |name| [name, context.public_send(name)] }`,
        "left = context.get_remaining_time_in_millis",
        'facts.merge(left: left.positive? && left <= 60_000, deadline: context.deadline_ms.class, trace: ENV["_X_AMZN_TRACE_ID"])',
      ),
    });
    const { body } = await guest.invoke(
      {},
      {
        "Lambda-Runtime-Client-Context": JSON.stringify({ custom: { a: "ü" } }),
        "Lambda-Runtime-Cognito-Identity": '{"cognitoIdentityId":"id"}',
        "Lambda-Runtime-Aws-Tenant-Id": "tenant",
      },
    );
    const expected = {
      aws_request_id: requestId,
      invoked_function_arn: functionArn,
      log_group_name: "/aws/lambda/probe",
      log_stream_name: "2026/11/21/[$LATEST]60ce",
      function_name: "probe",
      memory_limit_in_mb: "128",
      function_version: "$LATEST",
      identity: { cognitoIdentityId: "id" },
      client_context: { custom: { a: "ü" } },
      tenant_id: "tenant",
      left: true,
      deadline: "Integer",
      trace: traceId,
    };
    assert.deepEqual(body, expected);
    const nothing = { identity: null, client_context: null, tenant_id: null };
    assert.deepEqual((await guest.invoke({})).body, { ...expected, ...nothing });
  },

  "a function sees none of our variables": async (start) => {
    const guest = await start({ files: handlerOf("ENV.keys.grep(/LAMBDAD|TELEMETRY/)") });
    assert.deepEqual((await guest.invoke({})).body, []);
  },

  "what is printed and logged are events in one order, a logger's of standard output with the request's id":
    async (start) => {
      const files = {
        "index.rb": `
        require "logger"
        LOG = Logger.new($stdout)
        FILE = Logger.new(IO::NULL)
        def handler(event:, context:)
          puts "printed ü", "\\xff".b
          warn "warned"
          print "beg"
          puts "un"
          p :symbol
          Process.wait(fork { puts "child"; exit! })
          LOG.debug("too low") if LOG.debug?
          LOG.info("two\\nlines")
          LOG.error(IOError.new("bad"))
          FILE.info("elsewhere")
        end`,
      };
      const guest = await start({ files, env: { AWS_LAMBDA_LOG_LEVEL: "INFO" } });
      await guest.invoke({});
      const { stdout, stderr, frames: all } = await guest.stop();
      const frames = [...all];
      assert.deepEqual([stdout, stderr], ["begun\nchild\n", ""]);
      const printed = frames.splice(0, 4);
      assert.deepEqual(
        printed.map(({ type, text: line }) => [type, line]),
        ["printed ü\n", "\ufffd\n", "warned\n", ":symbol\n"].map((line) => [text, line]),
      );
      assert.deepEqual(
        frames.map(({ type }) => type),
        [text + 0x0c, text + 0x14],
      );
      const stamp = String.raw`\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6} #\d+\]`;
      assert.match(frames[0]?.text ?? "", new RegExp(`^I, ${stamp}  INFO ${requestId} -- : two\nlines\n$`));
      assert.match(
        frames[1]?.text ?? "",
        new RegExp(`^E, ${stamp} ERROR ${requestId} -- : bad \\(IOError\\)\n`),
      );
    },

  "JSON events are objects": async (start) => {
    const files = {
      "index.rb": `
        require "logger"
        LOG = Logger.new($stdout, progname: "shop")
        def handler(event:, context:)
          LOG.debug("low")
          raise "no"
        end`,
    };
    const guest = await start({ files, env: { AWS_LAMBDA_LOG_FORMAT: "JSON" } });
    const { body } = await guest.invoke({});
    const { frames } = await guest.stop();
    assert.deepEqual(
      frames.map(({ type }) => type),
      [json + 0x08, json + 0x14],
    );
    const [low, error] = frames.map((frame) => JSON.parse(frame.text) as { timestamp: string });
    for (const line of [low, error])
      assert.match(line?.timestamp ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const { timestamp: _one, ...first } = low ?? { timestamp: "" };
    assert.deepEqual(first, { level: "DEBUG", message: "low", requestId, progname: "shop" });
    const { timestamp: _two, ...second } = error ?? { timestamp: "" };
    const message = "Error raised from handler method";
    assert.deepEqual(second, { level: "ERROR", message, requestId, ...(body as ErrorBody) });
  },

  "without a descriptor events go to standard output": async (start) => {
    const guest = await start({ files: handlerOf('raise "no"'), frames: false });
    await guest.invoke({});
    assert.match(
      (await guest.stop()).stdout,
      /^Error raised from handler method\n\{\n {2}"errorMessage": "no",/,
    );
  },

  "nothing is loaded that the function did not ask for": async (start) => {
    const guest = await start({
      files: handlerOf(
        '%w[logger socket.rb net/http stringio time].select { |name| $LOADED_FEATURES.any? { |path| path.end_with?("/#{name}", "/#{name}.rb") } }',
      ),
    });
    assert.deepEqual((await guest.invoke({})).body, []);
  },

  "an answer leaves together with the request for the next invocation, over Unix and TCP": async (start) => {
    for (const transport of ["unix", "tcp"] as const) {
      const guest = await start({ files: handlerOf("event"), transport });
      for (const event of [{}, { a: "ü" }, ["x".repeat(3000)]]) {
        assert.deepEqual((await guest.invoke(event)).body, event);
        assert.ok(guest.wasTogether());
      }
    }
  },

  "an event and an answer of 6 MB arrive whole, and a head may come byte by byte": async (start) => {
    const guest = await start({ files: handlerOf("event") });
    const large = { text: "ä€x".repeat(1_000_000) };
    assert.deepEqual((await guest.invoke(large)).body, large);
    const slow = await start({ files: handlerOf("event"), pieceBytes: 1 });
    for (const event of [{ a: "ü€" }, {}, [1]]) assert.deepEqual((await slow.invoke(event)).body, event);
  },

  "a server that refuses an answer and hangs up is asked again; one that is gone ends the runtime": async (
    start,
  ) => {
    const refused = await start({ files: handlerOf("event"), refuses: true });
    await refused.invoke({ n: 1 });
    assert.deepEqual((await refused.invoke({ n: 2 })).body, { n: 2 });
    const left = await start({ files: handlerOf("event") });
    await left.invoke({});
    await left.waits();
    left.hangUp();
    const { exit, stderr } = await left.ended;
    assert.deepEqual([exit, stderr], [1, ""]);
  },
};

const { status } = spawnSync("ruby", ["-e", "exit RUBY_VERSION >= '3.1'"]);
if (status !== 0)
  test("the Ruby bootstrap", (t) => t.skip("no Ruby 3.1 or newer on PATH: apt-get install ruby"));
else
  for (const [name, run] of Object.entries(cases)) {
    test(`Ruby: ${name}`, { timeout: 60_000 }, async (t) => {
      await run(async (options) => {
        const guest = await startGuest({
          argv: ["ruby", join(bootstrap, "bootstrap.rb")],
          handler: "index.handler",
          ...options,
          env: { RUBYLIB: `${join(bootstrap, "lib")}:.`, LC_CTYPE: "C.UTF-8", ...options.env },
        });
        t.after(() => guest.stop());
        return guest;
      });
    });
  }
