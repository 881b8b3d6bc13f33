import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import type { LaunchPlan } from "./contract.ts";
import { chooseEntrypoint, type Entrypoint } from "./entrypoint.ts";

const custom: LaunchPlan = {
  argv: ["/var/task/bootstrap"],
  entrypoints: ["/var/task/bootstrap", "/opt/bootstrap"],
  mounts: [],
  env: {},
  runtimeVersion: "",
  runtimeVersionArn: "",
};
const node: LaunchPlan = {
  ...custom,
  argv: ["/var/lang/bin/node", "/var/runtime/index.cjs"],
  entrypoints: undefined,
  flags: {
    variable: "NODE_OPTIONS",
    defaults: [
      { unless: /max[-_]old[-_]space[-_]size/, text: (memoryMb) => `--max-old-space-size=${memoryMb}` },
    ],
  },
};
const spec = { memoryMb: 512, variables: {} };
const nothing: Entrypoint = {
  kind: "invalid",
  errorType: "Runtime.InvalidEntrypoint",
  message: "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]",
};
const refused = (reason: string): Entrypoint => ({
  ...nothing,
  message: `fork/exec /var/task/bootstrap: ${reason}`,
});
const started = (path: string): Entrypoint => ({ kind: "argv", argv: [path] });

interface Place {
  /** Inside → mode of a script, or where a link leads, or an executable's content. */
  readonly files: Readonly<Record<string, number | string | Buffer>>;
  readonly expected: Entrypoint;
}

const places: Readonly<Record<string, Place>> = {
  "nothing there": { files: {}, expected: nothing },
  "in the code": { files: { "/var/task/bootstrap": 0o755 }, expected: started("/var/task/bootstrap") },
  "in a layer": { files: { "/opt/bootstrap": 0o555 }, expected: started("/opt/bootstrap") },
  "in both: the code's": {
    files: { "/var/task/bootstrap": 0o755, "/opt/bootstrap": 0o755 },
    expected: started("/var/task/bootstrap"),
  },
  "not executable": {
    files: { "/var/task/bootstrap": 0o644, "/opt/bootstrap": 0o755 },
    expected: refused("permission denied"),
  },
  "no program: not even a shell takes it": {
    files: { "/var/task/bootstrap": Buffer.from("echo hello\n") },
    expected: refused("exec format error"),
  },
  "a script with Windows's line ends": {
    files: { "/var/task/bootstrap": Buffer.from("#!/bin/sh\r\n") },
    expected: refused("no such file or directory"),
  },
  "a script whose interpreter a layer brings": {
    files: { "/var/task/bootstrap": Buffer.from("#!/opt/bin/run\n"), "/opt/bin/run": 0o755 },
    expected: started("/var/task/bootstrap"),
  },
  "a script whose interpreter no layer brings": {
    files: { "/var/task/bootstrap": Buffer.from("#!/opt/bin/run\n"), "/opt/x": 0o755 },
    expected: refused("no such file or directory"),
  },
  "a folder of that name": { files: { "/var/task/bootstrap/x": 0o755 }, expected: nothing },
  "a link beside it": {
    files: { "/var/task/bootstrap": "bin/main", "/var/task/bin/main": 0o755 },
    expected: started("/var/task/bootstrap"),
  },
  "a link into a layer": {
    files: { "/var/task/bootstrap": "/opt/main", "/opt/main": 0o755 },
    expected: started("/var/task/bootstrap"),
  },
  "a link to nothing": { files: { "/var/task/bootstrap": "gone" }, expected: nothing },
  "a link to itself": { files: { "/var/task/bootstrap": "bootstrap" }, expected: nothing },
  "a link to the system's files, which only the sandbox can follow": {
    files: { "/var/task/bootstrap": "/usr/bin/env" },
    expected: started("/var/task/bootstrap"),
  },
};

for (const [name, { files, expected }] of Object.entries(places)) {
  test(`the entry point of a custom runtime: ${name}`, async (t) => {
    const mounts = await mountsWith(t, files);
    assert.deepEqual(await chooseEntrypoint(custom, mounts, spec), expected);
  });
}

test("a link does not lead to what the host has at that path", async (t) => {
  const mounts = await mountsWith(t, { "/var/task/bootstrap": "/opt/on-host" });
  assert.deepEqual(await chooseEntrypoint(custom, mounts, spec), nothing);
});

test("the heap's limit is the function's memory, unless the function sets its own", async () => {
  const [program, file] = node.argv;
  const limited = [program, "--max-old-space-size=512", file];
  const table: readonly (readonly [string | undefined, readonly (string | undefined)[]])[] = [
    [undefined, limited],
    ["--enable-source-maps", limited],
    ["--max-old-space-size=100", node.argv],
    ["--stack-size=9 --max_old_space_size=100", node.argv],
  ];
  for (const [options, argv] of table) {
    const variables: Record<string, string> = options === undefined ? {} : { NODE_OPTIONS: options };
    assert.deepEqual(await chooseEntrypoint(node, [], { ...spec, variables }), { kind: "argv", argv });
  }
});

test("a wrapper script gets the runtime's program and arguments; one that cannot be run is AWS's exit status", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "lambdad-wrapper-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const wrapper = join(directory, "wrap me");
  const ran = async (path: string) => {
    const variables = { AWS_LAMBDA_EXEC_WRAPPER: path };
    const plan = { ...node, flags: undefined };
    const entrypoint = await chooseEntrypoint(plan, [], { ...spec, variables });
    assert(entrypoint.kind === "argv");
    const [program = "", ...args] = entrypoint.argv;
    const { status, stdout } = spawnSync(program, args, { encoding: "utf8" });
    return [status, stdout];
  };
  assert.deepEqual(await ran(wrapper), [127, `${wrapper}: does not exist\n`]);
  assert.deepEqual(await ran(directory), [127, `${directory}: does not exist\n`]);
  await writeFile(wrapper, '#!/bin/sh\necho "wrapped: $*"\nexit 3\n');
  await chmod(wrapper, 0o644);
  assert.deepEqual(await ran(wrapper), [126, `${wrapper}: is not an executable\n`]);
  await chmod(wrapper, 0o755);
  assert.deepEqual(await ran(wrapper), [3, `wrapped: ${node.argv.join(" ")}\n`]);
});

test("a custom runtime has no wrapper script", async (t) => {
  const mounts = await mountsWith(t, { "/var/task/bootstrap": 0o755 });
  const variables = { AWS_LAMBDA_EXEC_WRAPPER: "/opt/wrapper" };
  const expected = started("/var/task/bootstrap");
  assert.deepEqual(await chooseEntrypoint(custom, mounts, { ...spec, variables }), expected);
});

async function mountsWith(t: TestContext, files: Place["files"]) {
  const directory = await mkdtemp(join(tmpdir(), "lambdad-entry-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    const file = join(directory, path);
    await mkdir(dirname(file), { recursive: true });
    if (typeof content === "string") await symlink(content, file);
    else if (typeof content === "number") await writeFile(file, "#!/bin/sh\n", { mode: content });
    else await writeFile(file, content, { mode: 0o755 });
  }
  return ["/var/task", "/opt"].map((target) => ({ source: join(directory, target), target }));
}

test("an interpreter of the system may be an absolute link, which leads nowhere from outside", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "lambdad-root-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  await mkdir(join(root, "bin"));
  await symlink("/etc/alternatives/only-in-the-root", join(root, "bin/awk"));
  const mounts = await mountsWith(t, { "/var/task/bootstrap": Buffer.from("#!/bin/awk -f\n") });
  const start = () => chooseEntrypoint({ ...custom, root }, mounts, spec);
  assert.deepEqual(await start(), started("/var/task/bootstrap"));
  await rm(join(root, "bin/awk"));
  assert.deepEqual(await start(), refused("no such file or directory"));
});
