/**
 * Finds and reads the Smithy protocol vectors, which lie beside a checkout and are not shipped with it, and settles
 * which of them pass. Where they are absent, the tests skip and say so.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { TestContext } from "node:test";
import type { BotocoreOperation, BotocoreSuite } from "./botocore-model.ts";
import { exceptions } from "./exceptions.ts";

export interface Vector {
  /** `input/rest-json#RestJsonAllQueryStringTypes` */
  readonly key: string;
  readonly suite: BotocoreSuite;
  readonly case: VectorCase;
}

export interface VectorCase {
  readonly id: string;
  readonly given: BotocoreOperation & { readonly errors?: readonly { readonly shape: string }[] };
  readonly params?: unknown;
  readonly serialized?: {
    readonly method: string;
    readonly uri: string;
    readonly body?: string;
    readonly headers?: Readonly<Record<string, string>>;
  };
  readonly result?: unknown;
  readonly error?: Readonly<Record<string, unknown>>;
  readonly errorCode?: string;
  readonly errorMessage?: string;
  readonly response?: {
    readonly status_code: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  };
}

const folder = fileURLToPath(new URL("../../../../shared/vectors/smithy-protocols/", import.meta.url));

/** Undefined where the vectors are absent. */
export function loadVectors(direction: "input" | "output"): readonly Vector[] | undefined {
  if (!existsSync(folder)) return undefined;
  return readdirSync(`${folder}${direction}`)
    .filter((file) => file.endsWith(".json"))
    .sort()
    .flatMap((file) => {
      const suites = JSON.parse(readFileSync(`${folder}${direction}/${file}`, "utf8")) as (BotocoreSuite & {
        readonly cases: readonly VectorCase[];
      })[];
      const source = `${direction}/${file.slice(0, -".json".length)}`;
      return suites.flatMap((suite) =>
        suite.cases.map((c) => ({ key: `${source}#${c.id}`, suite, case: c })),
      );
    });
}

/** Checks all, compares with the table of exceptions, and says the totals. Returns how many passed. */
export function settle(
  t: TestContext,
  about: {
    readonly name: string;
    readonly vectors: readonly Vector[];
    readonly check: (vector: Vector) => void;
  },
): number {
  const failures = new Map(about.vectors.map((vector) => [vector.key, failureOf(() => about.check(vector))]));
  const passed = [...failures.values()].filter((failure) => failure === undefined).length;
  t.diagnostic(`${about.name}: ${passed} of ${about.vectors.length}`);
  assert.deepEqual(surprisesOf(failures, exceptions), []);
  return passed;
}

/** What fails without being excepted, and what passes although it is. Undefined: passed. */
export function surprisesOf(
  failures: ReadonlyMap<string, string | undefined>,
  excepted: Readonly<Record<string, string>>,
): string[] {
  const surprises: string[] = [];
  for (const [key, failure] of failures) {
    const isExcepted = Object.hasOwn(excepted, key);
    if (failure !== undefined && !isExcepted) surprises.push(`${key} fails: ${failure}`);
    if (failure === undefined && isExcepted)
      surprises.push(`${key} passes now: take it off the table of exceptions`);
  }
  return surprises;
}

function failureOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return (error as Error).message.slice(0, 600);
  }
}

export const absent = "the Smithy protocol vectors are not beside this checkout (../shared/vectors)";
