import assert from "node:assert/strict";
import { test } from "node:test";
import { arnPrefix, awsError, simLambda } from "../../../../test/harness/lambda-sim.ts";
import type { SimLambda } from "../../../../test/harness/lambda-sim.ts";
import type { Input } from "../operation-types.ts";

/** Every page, by what the ARNs end with. */
async function pagesOf(sim: SimLambda, input: Input<"ListFunctions">): Promise<string[][]> {
  const pages: string[][] = [];
  let Marker: string | undefined;
  do {
    const { Functions = [], NextMarker } = await sim.call("ListFunctions", { ...input, Marker });
    pages.push(Functions.map(({ FunctionArn }) => (FunctionArn ?? "").replace(`${arnPrefix}:function:`, "")));
    Marker = NextMarker;
  } while (Marker !== undefined);
  return pages;
}

test("functions are listed by name, without states, page after page", async () => {
  const sim = simLambda();
  for (const name of ["c", "a", "e", "b", "d"]) await sim.create(name);
  assert.deepEqual(await pagesOf(sim, { MaxItems: 2 }), [["a", "b"], ["c", "d"], ["e"]]);
  assert.deepEqual(await pagesOf(sim, { MaxItems: 5 }), [["a", "b", "c", "d", "e"]]);
  const [first] = (await sim.call("ListFunctions", {})).Functions ?? [];
  for (const absent of ["State", "LastUpdateStatus", "RuntimeVersionConfig"]) {
    assert.equal(absent in (first ?? {}), false, absent);
  }
  assert.equal(first?.Version, "$LATEST");
});

test("a page holds fifty at most, whatever is asked for", async () => {
  const sim = simLambda();
  for (let number = 0; number < 51; number += 1) await sim.create(`f${number}`);
  const sizes = (await pagesOf(sim, { MaxItems: 10_000 })).map((page) => page.length);
  assert.deepEqual(sizes, [50, 1]);
});

test("pages are right when functions come and go between them", async () => {
  const sim = simLambda();
  for (const name of ["a", "b", "c", "d"]) await sim.create(name);
  const first = await sim.call("ListFunctions", { MaxItems: 2 });
  await sim.call("DeleteFunction", { FunctionName: "b" });
  await sim.create("aa");
  await sim.create("bb");
  const rest = await sim.call("ListFunctions", { MaxItems: 10, Marker: first.NextMarker });
  assert.deepEqual(
    rest.Functions?.map(({ FunctionName }) => FunctionName),
    ["bb", "c", "d"],
  );
});

test("a page is made once, and anew as soon as a function on it has changed", async () => {
  const sim = simLambda();
  await sim.create("a");
  const first = await sim.call("ListFunctions", {});
  assert.equal(await sim.call("ListFunctions", {}), first);
  await sim.call("UpdateFunctionConfiguration", { FunctionName: "a", Timeout: 9 });
  const next = await sim.call("ListFunctions", {});
  assert.deepEqual([first.Functions?.[0]?.Timeout, next.Functions?.[0]?.Timeout], [3, 9]);
});

test("with FunctionVersion ALL each version is listed, over the pages' borders", async () => {
  const sim = simLambda();
  await sim.create("a", { Publish: true });
  await sim.create("b", { Publish: true });
  await sim.call("UpdateFunctionConfiguration", { FunctionName: "b", Timeout: 9 });
  await sim.settle();
  await sim.call("PublishVersion", { FunctionName: "b" });
  await sim.create("c");
  const all = ["a:$LATEST", "a:1", "b:$LATEST", "b:1", "b:2", "c:$LATEST"];
  for (const MaxItems of [1, 2, 3, 4, 5, 6, 50]) {
    const pages = await pagesOf(sim, { FunctionVersion: "ALL", MaxItems });
    assert.deepEqual(pages.flat(), all, `${MaxItems} at a time`);
    assert.equal(pages.length, Math.ceil(all.length / MaxItems));
  }
});

test("there are no replicas of Lambda@Edge functions to list", async () => {
  const sim = simLambda();
  await sim.create("a");
  await assert.rejects(
    sim.call("ListFunctions", { MasterRegion: "us-east-1" }),
    awsError("InvalidParameterValueException"),
  );
  const listed = await sim.call("ListFunctions", { MasterRegion: "us-east-1", FunctionVersion: "ALL" });
  assert.deepEqual(listed, { Functions: [] });
});

test("lists of other accounts and regions are apart", async () => {
  const sim = simLambda();
  await sim.create("a");
  assert.deepEqual(await sim.call("ListFunctions", {}, { account: "111111111111" }), { Functions: [] });
  assert.deepEqual(await sim.call("ListFunctions", {}, { region: "eu-west-2" }), { Functions: [] });
});

test("a marker that is none is refused", async () => {
  const sim = simLambda();
  for (const Marker of ["x", "eyJhIjoxfQ", "WzFd"]) {
    await assert.rejects(
      sim.call("ListFunctions", { Marker }),
      awsError("InvalidParameterValueException"),
      Marker,
    );
  }
});

test("versions are listed after $LATEST in the order of their numbers", async () => {
  const sim = simLambda();
  await sim.create("thumb", { Publish: true });
  for (let number = 2; number <= 11; number += 1) {
    await sim.call("UpdateFunctionConfiguration", { FunctionName: "thumb", Timeout: number + 10 });
    await sim.settle();
    await sim.call("PublishVersion", { FunctionName: "thumb" });
  }
  const versions: (string | undefined)[] = [];
  let Marker: string | undefined;
  do {
    const page = await sim.call("ListVersionsByFunction", { FunctionName: "thumb", MaxItems: 5, Marker });
    versions.push(...(page.Versions ?? []).map(({ FunctionArn }) => FunctionArn?.split(":").at(-1)));
    Marker = page.NextMarker;
  } while (Marker !== undefined);
  assert.deepEqual(versions, ["$LATEST", ...Array.from({ length: 11 }, (_, n) => String(n + 1))]);
});
