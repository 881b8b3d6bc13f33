import assert from "node:assert/strict";
import { access, chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { silentLogger } from "../base/logger.ts";
import { createCatalog, type CatalogDeps } from "./catalog.ts";
import { RuntimeUnavailable } from "./contract.ts";
import { runtimeFacts } from "./runtime-facts.ts";

/** The running Node has no major version of these. */
const [foreign, foreignVersion] =
  process.versions.node.split(".")[0] === "22" ? ["nodejs24.x", "24.21.0"] : ["nodejs22.x", "22.23.3"];
const foreignMajor = foreignVersion.split(".", 1)[0] ?? "";
const own = `nodejs${process.versions.node.split(".", 1)[0]}.x`;
const packageName = `node-${process.platform}-${process.arch}`;

test("every identifier of AWS is listed, with a hint where it does not start now", async (t) => {
  const { catalog } = await machine(t);
  const entries = await catalog.list();
  assert.deepEqual(
    entries.map(({ id }) => id),
    Object.keys(runtimeFacts),
  );
  for (const { id, status, description, hint } of entries) {
    assert.ok(description.length > 0, id);
    assert.equal(hint === undefined, status === "ready", id);
    if (hint !== undefined) assert.match(hint, /^[A-Z].*\.$|^lambdad.*\.$/, id);
  }
  const statusOf = new Map(entries.map(({ id, status }) => [id, status]));
  assert.equal(statusOf.get(own), "ready");
  assert.equal(statusOf.get(foreign), "fetchable");
  assert.equal(statusOf.get("provided.al2023"), "ready");
  for (const id of ["nodejs16.x", "python3.7", "dotnet8", "ruby3.4", "go1.x", "python3.15", "java8"]) {
    assert.equal(statusOf.get(id), "missing", id);
  }
  assert.equal(statusOf.get("ruby3.3"), "installable");
});

test("what is missing is refused with what to do, and so is what AWS does not know", async (t) => {
  const { catalog } = await machine(t);
  const table: Readonly<Record<string, RegExp>> = {
    "ruby3.3":
      /^The runtime ruby3\.3 is not available here\. Install Ruby 3\.3 with lambdad runtimes install ruby3\.3, or so that .*PATH/,
    "ruby3.4": /Install Ruby 3\.4 so that ruby3\.4 or a ruby of that version is on PATH/,
    dotnet8: /AssemblyName bootstrap .* dotnet publish .* --self-contained, .* as provided\.al2023/,
    java8: /too old/,
    "go1.x": /Build the function for provided\.al2023/,
    "python3.15": /Install Python 3\.15 /,
    "python3.7": /too old/,
    "nodejs16.x": /too old/,
    cobol: /^cobol is not a runtime identifier of AWS Lambda\.$/,
    constructor: /^constructor is not a runtime identifier/,
  };
  for (const [id, message] of Object.entries(table)) {
    await assert.rejects(catalog.plan(id), (error) => {
      assert.ok(error instanceof RuntimeUnavailable);
      assert.match(error.message, message);
      return true;
    });
  }
});

test("the running Node is its own version's runtime, and nothing is fetched", async (t) => {
  const { catalog, messages } = await machine(t);
  const plan = await catalog.plan(own);
  const headers = "--max-http-header-size=81920";
  assert.deepEqual(plan.argv, ["/var/lang/bin/node", headers, "/var/runtime/index.cjs"]);
  assert.equal(plan.flags?.defaults[0]?.text(3008), "--max-old-space-size=2707");
  assert.deepEqual(plan.mounts[0], { source: process.execPath, target: "/var/lang/bin/node" });
  assert.equal(plan.mounts[1]?.target, "/var/runtime");
  assert.match(
    plan.env["NODE_PATH"] ?? "",
    /^\/opt\/nodejs\/node\d\d\/node_modules:\/opt\/nodejs\/node_modules:/,
  );
  assert.match(plan.runtimeVersion, /^nodejs:\d\d\.v1$/);
  assert.match(plan.runtimeVersionArn, /^arn:aws:lambda:us-east-1::runtime:[0-9a-f]{64}$/);
  assert.deepEqual(messages, []);
});

test("the bootstrap is copied once, readable for everyone", async (t) => {
  const { catalog, dataDir } = await machine(t);
  const [one, other] = await Promise.all([catalog.plan(own), catalog.plan(own)]);
  assert.deepEqual(one, other);
  const copy = one.mounts[1]?.source ?? "";
  assert.ok(copy.startsWith(join(dataDir, "runtimes", "bootstrap-node-")));
  assert.equal((await stat(copy)).mode & 0o777, 0o755);
  const source = new URL("../../guest/runtimes/node/", import.meta.url);
  assert.deepEqual(await readdir(join(copy, "node_modules")), [], "the SDK is mounted there");
  const files = (await readdir(copy)).filter((name) => name !== "node_modules");
  assert.deepEqual(files, await readdir(source));
  for (const file of files) {
    assert.equal((await stat(join(copy, file))).mode & 0o777, 0o644);
    const [made, given] = [join(copy, file), new URL(file, source)];
    // The first one has all of the others in it: test/guest/node-started.test.ts.
    if (file !== "index.cjs") assert.deepEqual(await readFile(made), await readFile(given));
    else assert.ok((await readFile(made, "utf8")).includes(await readFile(given, "utf8")));
  }
  const kept = [copy, dirname(one.mounts[2]?.source ?? "")].map((path) => path.split("/").at(-1));
  assert.deepEqual((await readdir(join(dataDir, "runtimes"))).toSorted(), kept.toSorted());
});

test("a Node is fetched once, however many ask, and kept", async (t) => {
  const { catalog, messages, calls, restarted, dataDir } = await machine(t, { npm: npmThatInstalls });
  const plans = await Promise.all([catalog.plan(foreign), catalog.plan(foreign), catalog.plan(foreign)]);
  const place = join(dataDir, "runtimes", `node-${foreignVersion}-${process.platform}-${process.arch}`);
  for (const { mounts, argv } of plans) {
    assert.equal(argv[1], "--expose-gc", "the bootstrap sees to it from Node 24 on only");
    assert.deepEqual(mounts[0], { source: join(place, "bin", "node"), target: "/var/lang/bin/node" });
  }
  await catalog.plan(foreign);
  await restarted().plan(foreign);
  assert.equal((await calls()).length, 1);
  assert.deepEqual(await readdir(place), ["LICENSE", "bin"], "headers and the rest are not kept");
  assert.equal((await stat(join(place, "bin", "node"))).mode & 0o777, 0o755);
  assert.deepEqual(messages, [
    `fetching Node.js ${foreignVersion} (about 50 MB, once)`,
    `Node.js ${foreignVersion} is ready`,
  ]);
  const entry = (await catalog.list()).find(({ id }) => id === foreign);
  assert.deepEqual([entry?.status, entry?.description], ["ready", `Node.js ${foreignVersion}`]);
});

test("npm gets an argument list without scripts, its own settings, and nothing else of the environment", async (t) => {
  const env = {
    HOME: "/home/someone",
    npm_config_cache: "/cache",
    HTTPS_PROXY: "http://proxy:1",
    NODE_EXTRA_CA_CERTS: "/ca.pem",
    AWS_SECRET_ACCESS_KEY: "secret",
    NODE_OPTIONS: "--inspect",
    MISSING: undefined,
  };
  const { catalog, calls } = await machine(t, { npm: npmThatInstalls, env });
  await catalog.plan(foreign);
  const [call = ""] = await calls();
  const [args = "", ...variables] = call.split("\n");
  assert.match(args, /^install --ignore-scripts /);
  assert.ok(args.endsWith(` ${packageName}@${foreignVersion}`), args);
  const names = variables.map((line) => line.split("=", 1)[0]).filter((name) => !shellOwn.has(name ?? ""));
  assert.deepEqual(names.toSorted(), [
    "HOME",
    "HTTPS_PROXY",
    "NODE_EXTRA_CA_CERTS",
    "PATH",
    "npm_config_cache",
  ]);
});

/** What a shell script has without being given it. */
const shellOwn = new Set(["PWD", "OLDPWD", "SHLVL", "_", ""]);

test("a fetch that fails leaves nothing, says what to do, and may be tried again", async (t) => {
  const { catalog, dataDir, restarted, install } = await machine(t, {
    npm: "echo 'npm error code ENOTFOUND' >&2; echo 'npm error network request to the registry failed' >&2; exit 1",
  });
  const message =
    `Node.js ${foreignVersion} could not be fetched with npm: network request to the registry failed. ` +
    `Check that npm reaches its registry (npm ping), or put a Node.js ${foreignMajor} on PATH; then try again.`;
  await assert.rejects(catalog.plan(foreign), { name: "RuntimeUnavailable", message });
  const left = await readdir(join(dataDir, "runtimes"));
  assert.deepEqual(
    left.filter((name) => !name.startsWith("bootstrap-")),
    [],
  );
  await install("npm", npmThatInstalls);
  assert.ok(await catalog.plan(foreign));
  assert.ok(await restarted().plan(foreign));
});

test("a binary that does not run here is not kept", async (t) => {
  const { catalog, dataDir } = await machine(t, { npm: npmThatInstalls.replace("echo v", "exit 1 #") });
  await assert.rejects(catalog.plan(foreign), /the package's binary does not run here/);
  assert.deepEqual(
    (await readdir(join(dataDir, "runtimes"))).filter((name) => name.startsWith("node-")),
    [],
  );
});

test("a machine without npm says so", async (t) => {
  const { catalog } = await machine(t);
  await assert.rejects(
    catalog.plan(foreign),
    /could not be fetched with npm: spawn npm ENOENT\. Check that npm/,
  );
});

test("a Node of that version on PATH is used if the fetch fails, and the description says so", async (t) => {
  const { catalog, messages, bin, install } = await machine(t, { npm: "exit 1" });
  const node = join(bin, "node");
  await install("node", `printf '%s\\n%s' '${node}' '${foreignMajor}.1.2'`);
  const entry = (await catalog.list()).find(({ id }) => id === foreign);
  assert.equal(
    entry?.description,
    `Node.js ${foreignVersion} from npm, or else ${foreignMajor}.1.2 at ${node}`,
  );
  const { mounts } = await catalog.plan(foreign);
  assert.deepEqual(mounts[0], { source: node, target: "/var/lang/bin/node" });
  assert.match(messages.at(-1) ?? "", /could not be fetched; using \d\d\.1\.2 at /);
});

test("a Python is found on PATH, asked once, and mounted at its own prefix", async (t) => {
  const { catalog, install } = await machine(t);
  await install("python3.15", "printf '%s\\n' 3.15.1 /somewhere/bin/python3.15 /somewhere cpython-315");
  const { argv, mounts, env, runtimeVersion } = await catalog.plan("python3.15");
  assert.deepEqual(argv, ["/somewhere/bin/python3.15", "-B", "/var/runtime/bootstrap.py"]);
  assert.equal(mounts[0]?.target, "/var/runtime");
  assert.deepEqual(mounts.slice(1), [{ source: "/somewhere", target: "/somewhere" }]);
  assert.deepEqual(env, { PYTHONPATH: "/var/runtime", LC_CTYPE: "C.UTF-8" });
  assert.equal(runtimeVersion, "python:3.15.v1");
  const entry = (await catalog.list()).find(({ id }) => id === "python3.15");
  assert.deepEqual(entry, {
    id: "python3.15",
    status: "ready",
    description: "Python 3.15.1 at /somewhere/bin/python3.15",
    hint: undefined,
  });
});

test("a Python below /usr needs no mount, a liar is no Python, and pyenv's newest patch is taken", async (t) => {
  const { catalog, install } = await machine(t);
  await install("python3.15", "printf '%s\\n' 3.11.1 /x /x cpython-311");
  await assert.rejects(catalog.plan("python3.15"), RuntimeUnavailable);
  await install("python3.15", "exit 1");
  await assert.rejects(catalog.plan("python3.15"), RuntimeUnavailable);
  for (const patch of ["9", "10"]) {
    const program = `printf '%s\\n' 3.15.${patch} /usr/local/py/python3.15 /usr/local/py cpython-315`;
    await install("python3.15", program, `home/.pyenv/versions/3.15.${patch}/bin`);
  }
  const { mounts } = await catalog.plan("python3.15");
  assert.deepEqual(
    mounts.map(({ target }) => target),
    ["/var/runtime"],
  );
  assert.match(
    (await catalog.list()).find(({ id }) => id === "python3.15")?.description ?? "",
    /^Python 3\.15\.10 /,
  );
});

test("a Ruby is found by its version, mounted at its own prefix, and keeps its own gems", async (t) => {
  const { catalog, install } = await machine(t);
  await install("ruby", "printf '%s\\n' 3.3.1 /x/bin/ruby /x 3.3.0 /x/gems");
  await assert.rejects(catalog.plan("ruby3.4"), RuntimeUnavailable);
  for (const patch of ["9", "10"]) {
    const program = `printf '%s\\n' 3.4.${patch} /rubies/${patch}/bin/ruby /rubies/${patch} 3.4.0 /rubies/${patch}/gems`;
    await install("ruby", program, `home/.rbenv/versions/3.4.${patch}/bin`);
  }
  const { argv, mounts, env, runtimeVersion } = await catalog.plan("ruby3.4");
  assert.deepEqual(argv, ["/rubies/10/bin/ruby", "/var/runtime/bootstrap.rb"]);
  assert.deepEqual(mounts.slice(1), [{ source: "/rubies/10", target: "/rubies/10" }]);
  assert.deepEqual(env, {
    GEM_PATH: "/var/task/vendor/bundle/ruby/3.4.0:/opt/ruby/gems/3.4.0:/rubies/10/gems",
    RUBYLIB: "/var/runtime/lib:/var/task:/opt/ruby/lib",
    LC_CTYPE: "C.UTF-8",
  });
  assert.equal(runtimeVersion, "ruby:3.4.v1");
  const entry = (await catalog.list()).find(({ id }) => id === "ruby3.3");
  assert.deepEqual([entry?.status, entry?.description], ["ready", "Ruby 3.3.1 at /x/bin/ruby"]);
});

test("a custom runtime brings its own program", async (t) => {
  const { catalog } = await machine(t);
  const { argv, entrypoints, mounts, env, runtimeVersion } = await catalog.plan("provided.al2023");
  assert.deepEqual([argv, mounts, env], [["/var/task/bootstrap"], [], {}]);
  assert.deepEqual(entrypoints, ["/var/task/bootstrap", "/opt/bootstrap"]);
  assert.equal(runtimeVersion, "provided:al2023.v1");
});

/** Says what it was called with, and installs a package whose binary is a script. */
const npmThatInstalls = `
PATH=/usr/bin:/bin
echo "$*" > "$0.call.$$"; env >> "$0.call.$$"
while [ "$1" != --prefix ]; do shift; done
package="$2/node_modules/${packageName}"
mkdir -p "$package/bin" "$package/include"
echo licence > "$package/LICENSE"
echo '#!/bin/sh
echo v${foreignVersion}' > "$package/bin/node"
chmod 755 "$package/bin/node"`;

interface Given {
  /** A shell script's body. Without it this machine has no npm. */
  readonly npm?: string;
  readonly env?: CatalogDeps["env"];
}

/** A machine with nothing on its PATH but what is installed. */
async function machine(t: TestContext, { npm, env = {} }: Given = {}) {
  const root = await mkdtemp(join(tmpdir(), "lambdad-catalog-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  const bin = join(root, "bin");
  const dataDir = join(root, "data");
  const messages: string[] = [];

  async function install(name: string, body: string, folder = "bin"): Promise<void> {
    await mkdir(join(root, folder), { recursive: true });
    const file = join(root, folder, name);
    await writeFile(file, `#!/bin/sh\n${body}\n`);
    await chmod(file, 0o755);
  }
  await mkdir(bin);
  if (npm !== undefined) await install("npm", npm);

  function restarted() {
    return createCatalog({
      dataDir,
      path: bin,
      home: join(root, "home"),
      env,
      logger: silentLogger,
      onProgress: (message) => messages.push(message),
    });
  }

  async function calls(): Promise<readonly string[]> {
    await access(bin);
    const files = (await readdir(bin)).filter((name) => name.startsWith("npm.call."));
    return Promise.all(files.map((name) => readFile(join(bin, name), "utf8")));
  }

  return { catalog: restarted(), restarted, messages, calls, dataDir, bin, install };
}

const pythonWithoutSdk = `case "$*" in
  *pip*) while [ "$1" != --target ]; do shift; done; /bin/mkdir -p "$2/boto3" ;;
  *) printf '%s\\n' 3.15.1 "$0" /somewhere cpython-315 "" ;;
esac`;

test("a Python without boto3 gets it from its pip, once; one that has it, or no pip, is as it is", async (t) => {
  const { catalog, install, bin, dataDir, messages, restarted } = await machine(t);
  await install("python3.15", pythonWithoutSdk);
  const place = join(dataDir, "runtimes", "boto3-cpython-315");
  const packages = "/var/lang/lib/python3.15/site-packages";
  for (const each of [catalog, catalog, restarted()]) {
    const { mounts, env } = await each.plan("python3.15");
    assert.deepEqual(mounts.at(-1), { source: place, target: packages });
    assert.equal(env["PYTHONPATH"], `/var/runtime:${packages}`);
    assert.equal(env["_LAMBDAD_PACKAGES"], packages);
  }
  assert.deepEqual(messages, [`installing boto3 for ${join(bin, "python3.15")} (once)`]);
  assert.deepEqual(await readdir(place), ["boto3"]);

  await install("python3.15", "printf '%s\\n' 3.15.1 \"$0\" /somewhere cpython-315 boto3");
  assert.equal((await restarted().plan("python3.15")).env["PYTHONPATH"], "/var/runtime");
  await install("python3.14", "printf '%s\\n' 3.14.1 /somewhere/python /somewhere cpython-314");
  assert.equal((await catalog.plan("python3.14")).env["PYTHONPATH"], "/var/runtime");
  assert.deepEqual(
    (await readdir(join(dataDir, "runtimes"))).filter((name) => name.endsWith(".partial")),
    [],
  );
});
