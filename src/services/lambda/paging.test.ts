/**
 * Every operation that lists in pages, by one table: the order, pages of any size, what comes and goes between two of
 * them, the largest page, and markers that are none.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  account,
  awsError,
  bytes,
  type OperationName,
  region,
  type SimLambda,
  simLambda,
} from "../../../test/harness/lambda-sim.ts";
import { loadModel } from "../../wire/model-load.ts";

const FunctionName = "fn";
const queueArn = (name: string) => `arn:aws:sqs:${region}:${account}:${name}`;
const layerOf = (name: string) => ({ LayerName: name, Content: { ZipFile: bytes("layer") } });
const nameIn = (arn: unknown) => String(arn).split(":").at(-1) ?? "";

/** Items are made by names that are given, in another order than they are listed in. */
interface Listing {
  readonly operation: OperationName;
  readonly input?: object;
  /** The answer's member that has the items. */
  readonly member: string;
  /** What tells an item from the others. */
  readonly keyOf: (item: never) => string;
  /** Before any item. */
  readonly prepare?: (sim: SimLambda) => Promise<unknown>;
  /** Answers its key. */
  readonly make: (sim: SimLambda, name: string) => Promise<string>;
  readonly remove?: (sim: SimLambda, key: string) => Promise<unknown>;
  /** How AWS orders the keys. */
  readonly order: "by name" | "by number" | "newest first";
  readonly pageMax: number;
}

const createFunction = (sim: SimLambda) => sim.create(FunctionName, { Publish: true });

async function publish(sim: SimLambda, Description: string): Promise<string> {
  await sim.call("UpdateFunctionConfiguration", { FunctionName, Description });
  await sim.settle();
  return (await sim.call("PublishVersion", { FunctionName })).Version ?? "";
}

async function alias(sim: SimLambda, Name: string): Promise<string> {
  await sim.call("CreateAlias", { FunctionName, Name, FunctionVersion: "1" });
  return Name;
}

async function signingConfig(sim: SimLambda): Promise<string> {
  const AllowedPublishers = {
    SigningProfileVersionArns: [`arn:aws:signer:${region}:${account}:/signing-profiles/mine/0123456789`],
  };
  const { CodeSigningConfig } = await sim.call("CreateCodeSigningConfig", { AllowedPublishers });
  return CodeSigningConfig?.CodeSigningConfigArn ?? "";
}

let sharedConfig = "";

const listings: readonly Listing[] = [
  {
    operation: "ListFunctions",
    member: "Functions",
    keyOf: (item: { FunctionName: string }) => item.FunctionName,
    make: async (sim, name) => (await sim.create(name)).FunctionName ?? "",
    remove: (sim, key) => sim.call("DeleteFunction", { FunctionName: key }),
    order: "by name",
    pageMax: 50,
  },
  {
    operation: "ListVersionsByFunction",
    input: { FunctionName },
    member: "Versions",
    keyOf: (item: { Version: string }) => item.Version,
    prepare: (sim) => sim.create(FunctionName),
    make: publish,
    remove: (sim, key) => sim.call("DeleteFunction", { FunctionName, Qualifier: key }),
    order: "by number",
    pageMax: 50,
  },
  {
    operation: "ListAliases",
    input: { FunctionName },
    member: "Aliases",
    keyOf: (item: { Name: string }) => item.Name,
    prepare: createFunction,
    make: alias,
    remove: (sim, key) => sim.call("DeleteAlias", { FunctionName, Name: key }),
    order: "by name",
    pageMax: 50,
  },
  {
    operation: "ListFunctionUrlConfigs",
    input: { FunctionName },
    member: "FunctionUrlConfigs",
    keyOf: (item: { FunctionArn: string }) => nameIn(item.FunctionArn),
    prepare: createFunction,
    make: async (sim, name) => {
      await alias(sim, name);
      await sim.call("CreateFunctionUrlConfig", { FunctionName, Qualifier: name, AuthType: "NONE" });
      return name;
    },
    remove: (sim, key) => sim.call("DeleteFunctionUrlConfig", { FunctionName, Qualifier: key }),
    order: "by name",
    pageMax: 50,
  },
  {
    operation: "ListFunctionEventInvokeConfigs",
    input: { FunctionName },
    member: "FunctionEventInvokeConfigs",
    keyOf: (item: { FunctionArn: string }) => nameIn(item.FunctionArn),
    prepare: createFunction,
    make: async (sim, name) => {
      await alias(sim, name);
      await sim.call("PutFunctionEventInvokeConfig", {
        FunctionName,
        Qualifier: name,
        MaximumRetryAttempts: 0,
      });
      return name;
    },
    remove: (sim, key) => sim.call("DeleteFunctionEventInvokeConfig", { FunctionName, Qualifier: key }),
    order: "by name",
    pageMax: 50,
  },
  {
    operation: "ListProvisionedConcurrencyConfigs",
    input: { FunctionName },
    member: "ProvisionedConcurrencyConfigs",
    keyOf: (item: { FunctionArn: string }) => nameIn(item.FunctionArn),
    prepare: createFunction,
    make: async (sim, name) => {
      const version = await publish(sim, name);
      await sim.call("CreateAlias", { FunctionName, Name: name, FunctionVersion: version });
      await sim.call("PutProvisionedConcurrencyConfig", {
        FunctionName,
        Qualifier: name,
        ProvisionedConcurrentExecutions: 1,
      });
      return name;
    },
    remove: (sim, key) => sim.call("DeleteProvisionedConcurrencyConfig", { FunctionName, Qualifier: key }),
    order: "by name",
    pageMax: 50,
  },
  {
    operation: "ListLayers",
    member: "Layers",
    keyOf: (item: { LayerName: string }) => item.LayerName,
    make: async (sim, name) => {
      await sim.call("PublishLayerVersion", layerOf(name));
      return name;
    },
    remove: (sim, key) => sim.call("DeleteLayerVersion", { LayerName: key, VersionNumber: 1 }),
    order: "by name",
    pageMax: 50,
  },
  {
    operation: "ListLayerVersions",
    input: { LayerName: "layer" },
    member: "LayerVersions",
    keyOf: (item: { Version: number }) => String(item.Version),
    make: async (sim) => String((await sim.call("PublishLayerVersion", layerOf("layer"))).Version),
    remove: (sim, key) => sim.call("DeleteLayerVersion", { LayerName: "layer", VersionNumber: Number(key) }),
    order: "newest first",
    pageMax: 50,
  },
  {
    operation: "ListEventSourceMappings",
    member: "EventSourceMappings",
    keyOf: (item: { UUID: string }) => item.UUID,
    prepare: async (sim) => {
      sim.world.call = async () => ({ Attributes: { VisibilityTimeout: "30" } });
      await createFunction(sim);
    },
    make: async (sim, name) => {
      const input = { FunctionName, EventSourceArn: queueArn(name) };
      const { UUID = "" } = await sim.call("CreateEventSourceMapping", input);
      await sim.clock.advance(5000);
      return UUID;
    },
    remove: async (sim, key) => {
      await sim.call("DeleteEventSourceMapping", { UUID: key });
      await sim.clock.advance(5000);
    },
    order: "by name",
    pageMax: 100,
  },
  {
    operation: "ListCodeSigningConfigs",
    member: "CodeSigningConfigs",
    keyOf: (item: { CodeSigningConfigArn: string }) => item.CodeSigningConfigArn,
    make: signingConfig,
    remove: (sim, key) => sim.call("DeleteCodeSigningConfig", { CodeSigningConfigArn: key }),
    order: "by name",
    pageMax: 50,
  },
  {
    operation: "ListFunctionsByCodeSigningConfig",
    get input() {
      return { CodeSigningConfigArn: sharedConfig };
    },
    member: "FunctionArns",
    keyOf: (item: string) => nameIn(item),
    prepare: async (sim) => (sharedConfig = await signingConfig(sim)),
    make: async (sim, name) => {
      await sim.create(name, { CodeSigningConfigArn: sharedConfig });
      return name;
    },
    remove: (sim, key) => sim.call("DeleteFunction", { FunctionName: key }),
    order: "by name",
    pageMax: 50,
  },
];

type Listed = Readonly<Record<string, unknown>> & { readonly NextMarker?: string };

async function page(sim: SimLambda, listing: Listing, more: object) {
  const { operation, input, member, keyOf } = listing;
  const answer = (await sim.call(operation, { ...input, ...more })) as Listed;
  const keys = ((answer[member] ?? []) as readonly never[]).map(keyOf);
  return { keys, marker: answer.NextMarker };
}

async function pages(sim: SimLambda, listing: Listing, MaxItems: number): Promise<string[][]> {
  const all: string[][] = [];
  for (let Marker: string | undefined; ;) {
    const { keys, marker } = await page(sim, listing, { MaxItems, Marker });
    all.push(keys);
    if (marker === undefined) return all;
    Marker = marker;
  }
}

function sorted(keys: readonly string[], order: Listing["order"]): string[] {
  const byNumber = (a: string, b: string) => Number(a) - Number(b);
  if (order === "by name") return keys.toSorted();
  if (order === "newest first") return keys.toSorted((a, b) => byNumber(b, a));
  return ["$LATEST", ...keys.toSorted(byNumber)];
}

const names = ["d", "b", "g", "a", "f", "c", "e"];

async function filled(listing: Listing) {
  const sim = simLambda();
  await sim.start();
  await listing.prepare?.(sim);
  const keys: string[] = [];
  for (const name of names) keys.push(await listing.make(sim, name));
  return { sim, expected: sorted(keys, listing.order) };
}

for (const listing of listings) {
  test(`${listing.operation}: the same items in the same order, whatever the size of the pages`, async () => {
    const { sim, expected } = await filled(listing);
    for (const MaxItems of [1, 2, 3, 6, 7, 8, 50]) {
      const all = await pages(sim, listing, MaxItems);
      assert.deepEqual(all.flat(), expected, `${MaxItems} at a time`);
      assert.equal(all.length, Math.ceil(expected.length / MaxItems), "and no empty page at the end");
      assert.ok(all.every((keys) => keys.length <= MaxItems));
    }
    assert.deepEqual((await page(sim, listing, { Marker: "" })).keys, expected, "an empty marker is none");
  });

  test(`${listing.operation}: what is removed between two pages is left out, and nothing else`, async () => {
    const { sim, expected } = await filled(listing);
    const first = await page(sim, listing, { MaxItems: 3 });
    assert.deepEqual(first.keys, expected.slice(0, 3));
    // The last that was shown, and one that was not.
    for (const key of [expected[2], expected[4]]) await listing.remove?.(sim, key ?? "");
    const rest = await page(sim, listing, { MaxItems: 50, Marker: first.marker });
    assert.deepEqual(rest.keys, [expected[3], ...expected.slice(5)]);
    assert.equal(rest.marker, undefined);
  });

  test(`${listing.operation}: what is added between two pages is listed once, or was before the page`, async () => {
    const { sim, expected } = await filled(listing);
    const first = await page(sim, listing, { MaxItems: 3 });
    const added = [await listing.make(sim, "aa"), await listing.make(sim, "zz")];
    const rest = await page(sim, listing, { MaxItems: 50, Marker: first.marker });
    const all = [...first.keys, ...rest.keys];
    assert.equal(new Set(all).size, all.length, "nothing twice");
    const after = sorted([...expected.filter((key) => key !== "$LATEST"), ...added], listing.order);
    assert.deepEqual(rest.keys, after.slice(after.indexOf(first.keys[2] ?? "") + 1));
  });

  test(`${listing.operation}: a marker that is none is refused`, async () => {
    const { sim } = await filled(listing);
    for (const Marker of ["x", "bm8", Buffer.from("[1,2,3]").toString("base64url")]) {
      await assert.rejects(page(sim, listing, { Marker }), awsError("InvalidParameterValueException"));
    }
  });

  test(`${listing.operation}: a page has ${listing.pageMax} items at most, whatever is asked for`, async () => {
    const sim = simLambda();
    await sim.start();
    await listing.prepare?.(sim);
    const padded = (index: number) => `n${String(index).padStart(3, "0")}`;
    for (let index = 0; index <= listing.pageMax; index += 1) await listing.make(sim, padded(index));
    for (const more of [{}, { MaxItems: 10_000 }]) {
      const { keys, marker } = await page(sim, listing, more);
      assert.equal(keys.length, listing.pageMax);
      assert.notEqual(marker, undefined);
    }
  });
}

test("the table has every operation of the model that lists in pages", () => {
  const elsewhere = new Set([
    "ListCapacityProviders", // there are none
    "ListDurableExecutionsByFunction",
    "ListFunctionVersionsByCapacityProvider",
  ]);
  const paged = [...loadModel("lambda").operations.values()]
    .filter(({ input }) => input.memberByName.has("Marker") && input.memberByName.has("MaxItems"))
    .map(({ name }) => name);
  const listed = listings.map(({ operation }) => operation as string);
  assert.deepEqual(
    paged.filter((name) => !elsewhere.has(name) && !name.startsWith("GetDurable")).toSorted(),
    listed.toSorted(),
  );
});
