/**
 * Random sequences of operations, among them restarts, against a small model: every answer and afterwards
 * everything that can be read must agree. Activation ends before the next operation; what happens while it is under way
 * is in `lifecycle.test.ts` and `activation.test.ts`.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { createMemoryState } from "../../store/memory/memory-store.ts";
import { AwsError } from "../../wire/aws-error.ts";
import { bytes, newFunction, simLambda } from "../../../test/harness/lambda-sim.ts";

interface Content {
  readonly timeout: number;
  readonly code: string;
}

interface ModelFunction {
  content: Content;
  nextVersion: number;
  readonly versions: Map<number, Content>;
  readonly aliases: Map<string, string>;
  readonly statements: Set<string>;
  reserved: number | undefined;
}

type Model = Map<string, ModelFunction>;
type Sim = ReturnType<typeof simLambda>;

/** One operation: what the model says (an error's code, or what the answer must show), and the call. */
interface Step {
  model(model: Model): string;
  call(sim: Sim): Promise<string>;
}

const notFound = "ResourceNotFoundException";
const conflict = "ResourceConflictException";
const invalid = "InvalidParameterValueException";

const name = fc.constantFrom("a", "b", "c");
const content = fc.record({ timeout: fc.constantFrom(3, 4), code: fc.constantFrom("x", "y") });
const version = fc.constantFrom("1", "2", "3", "$LATEST");
const aliasName = fc.constantFrom("live", "beta");

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(name, content, fc.boolean()).map(([on, made, publish]) => create(on, made, publish)),
  fc.tuple(name, content).map(([on, next]) => updateCode(on, next.code)),
  fc.tuple(name, content).map(([on, next]) => updateConfiguration(on, next.timeout)),
  name.map(publish),
  fc.tuple(name, fc.option(version, { nil: undefined })).map(([on, qualifier]) => remove(on, qualifier)),
  fc.tuple(name, aliasName, version).map(([on, alias, to]) => createAlias(on, alias, to)),
  fc.tuple(name, aliasName, version).map(([on, alias, to]) => updateAlias(on, alias, to)),
  fc.tuple(name, aliasName).map(([on, alias]) => deleteAlias(on, alias)),
  fc.tuple(name, fc.constantFrom(0, 400, 500)).map(([on, count]) => reserve(on, count)),
  fc.tuple(name, fc.constantFrom("s1", "s2"), fc.boolean()).map(([on, sid, add]) => permit(on, sid, add)),
);

test("every sequence of operations and restarts answers as the model does", async () => {
  const restarts = fc.array(fc.nat(40), { maxLength: 2 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(steps, { minLength: 1, maxLength: 40, size: "max" }),
      restarts,
      async (sequence, restartAt) => {
        const state = createMemoryState();
        const model: Model = new Map();
        let sim = simLambda(state);
        for (const [index, step] of sequence.entries()) {
          if (restartAt.includes(index)) {
            sim = simLambda(state, index + 2);
            await sim.start();
            await sim.settle();
          }
          const expected = step.model(model);
          assert.equal(await codeOr(step.call(sim)), expected);
          await sim.settle();
        }
        assert.deepEqual(await readAll(sim), described(model));
        const codes = [...model.values()].flatMap((fn) => [...fn.versions.values()].concat(fn.content));
        assert.equal(state.blobs.size, new Set(codes.map(({ code }) => code)).size, "no zip too many");
      },
    ),
    { numRuns: 500 },
  );
});

function create(on: string, made: Content, publishIt: boolean): Step {
  return {
    model(model) {
      if (model.has(on)) return conflict;
      model.set(on, {
        content: made,
        nextVersion: publishIt ? 2 : 1,
        versions: new Map(publishIt ? [[1, made]] : []),
        aliases: new Map(),
        statements: new Set(),
        reserved: undefined,
      });
      return publishIt ? "1" : "$LATEST";
    },
    async call(sim) {
      const Code = { ZipFile: bytes(made.code) };
      const input = newFunction(on, { Code, Timeout: made.timeout, Publish: publishIt });
      return (await sim.call("CreateFunction", input)).Version ?? "";
    },
  };
}

function updateCode(on: string, code: string): Step {
  return {
    model: (model) =>
      withFunction(model, on, (fn) => {
        fn.content = { ...fn.content, code };
        return "1";
      }),
    call: async (sim) => {
      const { CodeSize } = await sim.call("UpdateFunctionCode", { FunctionName: on, ZipFile: bytes(code) });
      return String(CodeSize);
    },
  };
}

function updateConfiguration(on: string, timeout: number): Step {
  return {
    model: (model) =>
      withFunction(model, on, (fn) => {
        fn.content = { ...fn.content, timeout };
        return String(timeout);
      }),
    call: async (sim) => {
      const input = { FunctionName: on, Timeout: timeout };
      return String((await sim.call("UpdateFunctionConfiguration", input)).Timeout);
    },
  };
}

function publish(on: string): Step {
  return {
    model: (model) =>
      withFunction(model, on, (fn) => {
        const newest = [...fn.versions].at(-1);
        if (newest && JSON.stringify(newest[1]) === JSON.stringify(fn.content)) return String(newest[0]);
        fn.versions.set(fn.nextVersion, fn.content);
        fn.nextVersion += 1;
        return String(fn.nextVersion - 1);
      }),
    call: async (sim) => (await sim.call("PublishVersion", { FunctionName: on })).Version ?? "",
  };
}

function remove(on: string, qualifier: string | undefined): Step {
  return {
    model: (model) =>
      withFunction(model, on, (fn) => {
        if (qualifier === "$LATEST") return invalid;
        if (qualifier === undefined) model.delete(on);
        else if ([...fn.aliases.values()].includes(qualifier)) return conflict;
        else fn.versions.delete(Number(qualifier));
        return "204";
      }),
    call: async (sim) => {
      const input = { FunctionName: on, Qualifier: qualifier };
      return String((await sim.call("DeleteFunction", input)).StatusCode);
    },
  };
}

function createAlias(on: string, alias: string, to: string): Step {
  return {
    model: (model) =>
      withFunction(model, on, (fn) => {
        if (fn.aliases.has(alias)) return conflict;
        return point(fn, alias, to);
      }),
    call: async (sim) => {
      const input = { FunctionName: on, Name: alias, FunctionVersion: to };
      return (await sim.call("CreateAlias", input)).FunctionVersion ?? "";
    },
  };
}

function updateAlias(on: string, alias: string, to: string): Step {
  return {
    model: (model) =>
      withFunction(model, on, (fn) => (fn.aliases.has(alias) ? point(fn, alias, to) : notFound)),
    call: async (sim) => {
      const input = { FunctionName: on, Name: alias, FunctionVersion: to };
      return (await sim.call("UpdateAlias", input)).FunctionVersion ?? "";
    },
  };
}

function point(fn: ModelFunction, alias: string, to: string): string {
  if (to !== "$LATEST" && !fn.versions.has(Number(to))) return notFound;
  fn.aliases.set(alias, to);
  return to;
}

function deleteAlias(on: string, alias: string): Step {
  return {
    model: (model) =>
      withFunction(model, on, (fn) => {
        fn.aliases.delete(alias);
        return "";
      }),
    call: async (sim) => {
      await sim.call("DeleteAlias", { FunctionName: on, Name: alias });
      return "";
    },
  };
}

function reserve(on: string, count: number): Step {
  return {
    model: (model) =>
      withFunction(model, on, (fn) => {
        const others = [...model.values()].filter((other) => other !== fn);
        const reserved = others.reduce((sum, other) => sum + (other.reserved ?? 0), count);
        if (reserved > 900) return invalid;
        fn.reserved = count;
        return String(count);
      }),
    call: async (sim) => {
      const input = { FunctionName: on, ReservedConcurrentExecutions: count };
      return String((await sim.call("PutFunctionConcurrency", input)).ReservedConcurrentExecutions);
    },
  };
}

function permit(on: string, sid: string, add: boolean): Step {
  return {
    model: (model) =>
      withFunction(model, on, ({ statements }) => {
        if (!add) return statements.delete(sid) ? "" : notFound;
        if (statements.has(sid)) return conflict;
        statements.add(sid);
        return "";
      }),
    call: async (sim) => {
      const input = { FunctionName: on, StatementId: sid };
      if (!add) await sim.call("RemovePermission", input);
      else await sim.call("AddPermission", { ...input, Action: "lambda:*", Principal: "*" });
      return "";
    },
  };
}

function withFunction(model: Model, on: string, change: (fn: ModelFunction) => string): string {
  const fn = model.get(on);
  return fn ? change(fn) : notFound;
}

async function codeOr(answer: Promise<string>): Promise<string> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof AwsError) return error.code;
    throw error;
  }
}

function described(model: Model): unknown {
  const names = [...model.keys()].sort();
  return names.map((on) => {
    const fn = model.get(on);
    if (!fn) return undefined;
    const { content, versions, aliases, statements, reserved } = fn;
    return {
      on,
      revisions: [
        ["$LATEST", content.timeout],
        ...[...versions].map(([n, { timeout }]) => [String(n), timeout]),
      ],
      aliases: [...aliases].sort().map(([alias, to]) => [alias, to]),
      statements: [...statements].sort(),
      reserved,
    };
  });
}

async function readAll(sim: Sim): Promise<unknown> {
  const { Functions = [] } = await sim.call("ListFunctions", {});
  return Promise.all(
    Functions.map(async ({ FunctionName = "" }) => {
      const { Versions = [] } = await sim.call("ListVersionsByFunction", { FunctionName });
      const { Aliases = [] } = await sim.call("ListAliases", { FunctionName });
      const policy = await codeOr(sim.call("GetPolicy", { FunctionName }).then(({ Policy }) => Policy ?? ""));
      const statements: { Sid: string }[] = policy === notFound ? [] : JSON.parse(policy).Statement;
      const { Configuration, Concurrency } = await sim.call("GetFunction", { FunctionName });
      assert.equal(Configuration?.State, "Active");
      return {
        on: FunctionName,
        revisions: Versions.map(({ Version, Timeout }) => [Version, Timeout]),
        aliases: Aliases.map(({ Name, FunctionVersion }) => [Name, FunctionVersion]),
        statements: statements.map(({ Sid }) => Sid).sort(),
        reserved: Concurrency?.ReservedConcurrentExecutions,
      };
    }),
  );
}
