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
  /** Retries of asynchronous events, by qualifier. */
  readonly retries: Map<string, number>;
  readonly urls: Set<string>;
  /** By version. */
  readonly provisioned: Map<number, number>;
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
  fc.tuple(name, fc.oneof(version, aliasName), fc.nat(2)).map(([on, at, n]) => setRetries(on, at, n)),
  fc
    .tuple(name, fc.option(aliasName, { nil: undefined }), fc.boolean())
    .map(([on, at, add]) => url(on, at, add)),
  fc.tuple(name, version, fc.constantFrom(0, 1, 450)).map(([on, at, count]) => provision(on, at, count)),
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
    { numRuns: process.env["CI"] ? 10_000 : 500 },
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
        retries: new Map(),
        urls: new Set(),
        provisioned: new Map(),
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
        else {
          fn.versions.delete(Number(qualifier));
          fn.retries.delete(qualifier);
          fn.provisioned.delete(Number(qualifier));
        }
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
        fn.retries.delete(alias);
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
        if (count < provisionedOf(fn) || count + takenByOthers(model, fn) > 900) return invalid;
        fn.reserved = count;
        return String(count);
      }),
    call: async (sim) => {
      const input = { FunctionName: on, ReservedConcurrentExecutions: count };
      return String((await sim.call("PutFunctionConcurrency", input)).ReservedConcurrentExecutions);
    },
  };
}

function takenByOthers(model: Model, fn: ModelFunction): number {
  const others = [...model.values()].filter((other) => other !== fn);
  return others.reduce((sum, other) => sum + (other.reserved ?? provisionedOf(other)), 0);
}

function provisionedOf({ provisioned }: ModelFunction): number {
  return [...provisioned.values()].reduce((sum, count) => sum + count, 0);
}

/** 0 takes it away. */
function provision(on: string, at: string, count: number): Step {
  return {
    model: (model) =>
      withFunction(model, on, (fn) => {
        if (at === "$LATEST") return invalid;
        if (!fn.versions.has(Number(at))) return notFound;
        const total = provisionedOf(fn) - (fn.provisioned.get(Number(at)) ?? 0) + count;
        const max = fn.reserved ?? 900 - takenByOthers(model, fn);
        if (count > 0 && total > max) return invalid;
        if (count > 0) fn.provisioned.set(Number(at), count);
        else fn.provisioned.delete(Number(at));
        return String(count);
      }),
    call: async (sim) => {
      const input = { FunctionName: on, Qualifier: at };
      if (count === 0) await sim.call("DeleteProvisionedConcurrencyConfig", input);
      else
        await sim.call("PutProvisionedConcurrencyConfig", {
          ...input,
          ProvisionedConcurrentExecutions: count,
        });
      return String(count);
    },
  };
}

function setRetries(on: string, at: string, count: number): Step {
  return {
    model: (model) =>
      withFunction(model, on, (fn) => {
        const isThere = at === "$LATEST" || fn.aliases.has(at) || fn.versions.has(Number(at));
        if (!isThere) return notFound;
        fn.retries.set(at, count);
        return String(count);
      }),
    call: async (sim) => {
      const input = { FunctionName: on, Qualifier: at, MaximumRetryAttempts: count };
      return String((await sim.call("PutFunctionEventInvokeConfig", input)).MaximumRetryAttempts);
    },
  };
}

function url(on: string, alias: string | undefined, add: boolean): Step {
  const key = alias ?? "$LATEST";
  return {
    model: (model) =>
      withFunction(model, on, ({ aliases, urls }) => {
        if (!add) return urls.delete(key) ? "" : notFound;
        if (alias !== undefined && !aliases.has(alias)) return notFound;
        if (urls.has(key)) return conflict;
        urls.add(key);
        return "";
      }),
    call: async (sim) => {
      const input = { FunctionName: on, Qualifier: alias };
      if (add) await sim.call("CreateFunctionUrlConfig", { ...input, AuthType: "NONE" });
      else await sim.call("DeleteFunctionUrlConfig", input);
      return "";
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
    const { content, versions, aliases, statements, reserved, retries, urls, provisioned } = fn;
    return {
      on,
      revisions: [
        ["$LATEST", content.timeout],
        ...[...versions].map(([n, { timeout }]) => [String(n), timeout]),
      ],
      aliases: [...aliases].sort().map(([alias, to]) => [alias, to]),
      statements: [...statements].sort(),
      reserved,
      retries: [...retries].sort(),
      urls: [...urls].sort(),
      provisioned: [...provisioned].sort().map(([at, count]) => [String(at), count]),
    };
  });
}

async function readSettings(sim: Sim, FunctionName: string) {
  const { FunctionEventInvokeConfigs = [] } = await sim.call("ListFunctionEventInvokeConfigs", {
    FunctionName,
  });
  const { FunctionUrlConfigs = [] } = await sim.call("ListFunctionUrlConfigs", { FunctionName });
  const provisioned = await sim.call("ListProvisionedConcurrencyConfigs", { FunctionName });
  const qualifier = (arn = "") => arn.split(":")[7] ?? "$LATEST";
  return {
    retries: FunctionEventInvokeConfigs.map((one) => [qualifier(one.FunctionArn), one.MaximumRetryAttempts]),
    urls: FunctionUrlConfigs.map(({ FunctionArn }) => qualifier(FunctionArn)),
    provisioned: (provisioned.ProvisionedConcurrencyConfigs ?? []).map((one) => [
      qualifier(one.FunctionArn),
      one.RequestedProvisionedConcurrentExecutions,
    ]),
  };
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
        ...(await readSettings(sim, FunctionName)),
      };
    }),
  );
}
