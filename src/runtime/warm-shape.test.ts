import assert from "node:assert/strict";
import { test } from "node:test";
import type { LaunchPlan } from "./contract.ts";
import { bringsBootLibraries, countsAtBoot, shapeOf } from "./warm-shape.ts";

const plan: LaunchPlan = {
  argv: ["/var/lang/bin/node", "/var/runtime/index.cjs"],
  canWait: true,
  mounts: [{ source: "/data/runtimes/node", target: "/var/runtime" }],
  env: { NODE_PATH: "/var/task" },
  runtimeVersion: "nodejs:24.v1",
  runtimeVersionArn: "arn:aws:lambda:us-east-1::runtime:0123",
};
const small = ["/var/lang/bin/node", "--max-old-space-size=128", "/var/runtime/index.cjs"];
const plain = { variables: {}, ephemeralStorageMb: 512 };

const variables: Readonly<Record<string, boolean>> = {
  AWS_LAMBDA_EXEC_WRAPPER: true,
  _LAMBDAD_DEBUGPY: true,
  NODE_OPTIONS: true,
  NODE_PATH: true,
  NODE_EXTRA_CA_CERTS: true,
  NODE_ENV: false,
  PYTHONPATH: true,
  PYTHONHASHSEED: true,
  LD_PRELOAD: true,
  LD_LIBRARY_PATH: true,
  LANG: true,
  LANGUAGE: true,
  LC_ALL: true,
  HOME: true,
  UV_THREADPOOL_SIZE: true,
  MALLOC_ARENA_MAX: true,
  GLIBC_TUNABLES: true,
  OPENSSL_CONF: true,
  SSL_CERT_FILE: true,
  TZ: false,
  PATH: false,
  TABLE_NAME: false,
  MY_NODE_OPTIONS: false,
  HOMEPAGE: false,
  AWS_LAMBDA_LOG_LEVEL: false,
};

for (const [name, counts] of Object.entries(variables)) {
  test(`${name} ${counts ? "counts at" : "can come after"} the boot of an interpreter`, () => {
    assert.equal(countsAtBoot(name), counts);
    const shape = shapeOf({ ...plain, variables: { OTHER: "x", [name]: "" } }, plan, small);
    assert.equal(shape === undefined, counts);
  });
}

test("versions share waiting runtimes unless something differs that is fixed at the start", () => {
  const key = shapeOf(plain, plan, small)?.key;
  assert.ok(key);
  assert.equal(shapeOf({ ...plain, variables: { OWN: "1" } }, plan, small)?.key, key);
  const others = [
    shapeOf(plain, plan, plan.argv),
    shapeOf({ ...plain, ephemeralStorageMb: 1024 }, plan, small),
    shapeOf(plain, { ...plan, mounts: [] }, small),
    shapeOf(plain, { ...plan, env: {} }, small),
    shapeOf(plain, { ...plan, root: "/data/roots/x" }, small),
  ];
  assert.equal(new Set([key, ...others.map((shape) => shape?.key)]).size, 1 + others.length);
});

test("a runtime whose bootstrap cannot wait has no shape", () => {
  const { canWait: _, ...unable } = plan;
  assert.equal(shapeOf(plain, unable, small), undefined);
});

const mounts = [
  { source: "/data/code/abc", target: "/var/task" },
  { source: "/data/code/layers", target: "/opt" },
];
const libraries: readonly (readonly [string, boolean])[] = [
  ["/data/code/abc/libz.so.1", true],
  ["/data/code/abc/lib/libstdc++.so.6", true],
  ["/data/code/layers/lib/libm.so.6", true],
  ["/data/code/layers/lib/glibc-hwcaps", true],
  ["/data/code/layers/libm.so.6", false],
  ["/data/code/layers/lib/libown.so", false],
  ["/data/code/abc/node_modules/x/libz.so.1", false],
];

for (const [path, brings] of libraries) {
  test(`${path} ${brings ? "would have been loaded at" : "is no matter of"} the interpreter's boot`, () => {
    const exists = (looked: unknown) => looked === path || path.startsWith(`${String(looked)}/`);
    assert.equal(bringsBootLibraries(mounts, exists), brings);
  });
}

test("without layers only the code is looked at", () => {
  assert.equal(
    bringsBootLibraries([{ source: "/data/code/abc", target: "/var/task" }], () => false),
    false,
  );
});
