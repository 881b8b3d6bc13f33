import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import type { Driver } from "../driver.ts";
import { driverSuite, shell } from "../driver.suite.ts";
import { bubblewrapForTest, ending, sandboxesUntestable, specOf } from "../suite-tools.ts";
import { writtenFiles } from "./system-view.ts";

const skip = sandboxesUntestable();

driverSuite("bubblewrap", { make: async () => (await bubblewrapForTest()).driver, argv: shell, skip });

if (skip !== undefined) test("bubblewrap: what a program sees", (t) => t.skip(skip));
else sights();

function sights(): void {
  let driver: Driver;
  let directory: string;
  before(async () => {
    ({ driver } = await bubblewrapForTest());
    directory = mkdtempSync(join(tmpdir(), "lambdad-bubblewrap-"));
  });
  after(async () => {
    await driver.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const run = async (script: string, over: Parameters<typeof specOf>[1] = {}) =>
    ending(await driver.create(specOf(["/bin/sh", "-c", script], over)));

  test("bubblewrap: the guarantees are full, and the host address is one of ours", () => {
    const { missing: _, ...guarantees } = driver.guarantees;
    assert.deepEqual(guarantees, { separated: true, limited: true, networked: true, freezes: true });
    assert.match(driver.hostAddress, /^169\.254\.\d+\.1$/);
  });

  test("bubblewrap: the program ignores and blocks no signal", async () => {
    const { stdout } = await run("grep -E '^Sig(Ign|Blk)' /proc/self/status");
    assert.equal(stdout, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  });

  test("bubblewrap: the program is AWS's user without any privilege", async () => {
    const { stdout } = await run(
      "id; grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status; grep Seccomp: /proc/1/status",
    );
    assert.match(stdout, /^uid=993\(sbx_user1051\) gid=990\(sbx_user1051\) groups=990\(sbx_user1051\)$/m);
    const capabilities = [...stdout.matchAll(/^Cap\w+:\s+(\w+)$/gm)].map((match) => match[1]);
    assert.deepEqual(
      capabilities,
      Array.from({ length: 5 }, () => "0000000000000000"),
    );
    assert.match(stdout, /^NoNewPrivs:\t1$/m);
    assert.equal(stdout.match(/^Seccomp:\t2$/gm)?.length, 2, "the reaper is filtered as well");
  });

  test("bubblewrap: the root has what was promised and nothing else", async () => {
    const { stdout } = await run("ls -A /; echo; ls -A /dev; echo; ls -A /var; ls -A /opt /var/task");
    const [root = "", dev = "", rest = ""] = stdout.split("\n\n");
    const merged = new Set(["bin", "lib", "lib32", "lib64", "libx32", "sbin"]);
    const others = root.split("\n").filter((name) => !merged.has(name));
    assert.deepEqual(others, ["dev", "etc", "opt", "proc", "tmp", "usr", "var"]);
    assert.deepEqual(dev.split("\n"), [
      "fd",
      "full",
      "null",
      "random",
      "stderr",
      "stdin",
      "stdout",
      "urandom",
      "zero",
    ]);
    assert.equal(rest.split("\n")[0], "task");
  });

  test("bubblewrap: /bin/sh is bash, as on AWS, where the machine has one", async (t) => {
    if (!existsSync("/bin/bash")) return t.skip("no bash here");
    const { stdout } = await run("set -o pipefail; source /dev/null; [[ a == a* ]] && echo bash");
    assert.equal(stdout, "bash\n");
  });

  test("bubblewrap: rlimits are AWS's, open files the spec's", async () => {
    const { stdout } = await run("cat /proc/self/limits", { openFilesMax: 1024 });
    const limit = (name: string) => new RegExp(`^${name} +(\\S+) +(\\S+)`, "m").exec(stdout)?.slice(1);
    assert.deepEqual(limit("Max open files"), ["1024", "1024"]);
    assert.deepEqual(limit("Max processes"), ["1024", "1024"]);
    assert.deepEqual(limit("Max locked memory"), ["65536", "65536"]);
    assert.deepEqual(limit("Max stack size"), ["8388608", "unlimited"]);
    assert.deepEqual(limit("Max core file size"), ["0", "0"]);
  });

  test("bubblewrap: no file descriptor comes along but the four promised", async () => {
    const { stdout } = await run("for fd in /proc/self/fd/*; do echo ${fd##*/} $(readlink $fd); done");
    const beyond = stdout
      .trim()
      .split("\n")
      .filter((line) => Number.parseInt(line, 10) > 3);
    for (const line of beyond) assert.match(line, /^\d+( \/dev\/null)?$/, "at most a replaced one");
    assert.match(stdout, /^0 \/dev\/null$/m);
  });

  test("bubblewrap: the environment is the spec's alone, but for PWD", async () => {
    const { stdout } = await ending(await driver.create(specOf(["/usr/bin/env"], { env: { ONLY: "this" } })));
    assert.deepEqual(stdout.trim().split("\n").sort(), ["ONLY=this", "PWD=/tmp"]);
  });

  test("bubblewrap: variables are on no command line of the machine", async () => {
    const sandbox = await driver.create(specOf(shell("wait"), { env: { SECRET: "s3cr3t-on-command-line" } }));
    const { commandLines } = await import("./census.ts");
    assert.ok(commandLines().length > 1);
    assert.deepEqual(
      commandLines().filter((line) => line.includes("s3cr3t-on-command-line")),
      [],
    );
    await sandbox.destroy();
  });

  test("bubblewrap: arguments arrive as they are, line by line", async () => {
    const odd = ["a b", "", "\n", "one\n+two\n.\nn5\n-three", "-x", "+y", ".", "$(id)", "'\"`", "\\n", "ü\t"];
    const sandbox = await driver.create(specOf(["/usr/bin/printf", "<%s>", ...odd]));
    assert.equal((await ending(sandbox)).stdout, odd.map((argument) => `<${argument}>`).join(""));
  });

  test("bubblewrap: /dev/stdout and /dev/stderr can be opened again", async () => {
    const { stdout, stderr, frames } = await run(
      "echo a >/dev/stdout; echo b >/dev/stderr; echo c >/proc/self/fd/3",
    );
    assert.deepEqual([stdout, stderr, frames], ["a\n", "b\n", "c\n"]);
  });

  test("bubblewrap: mounts from places that others may not enter are there, read-only", async () => {
    const code = join(directory, "private", "code", "sha");
    mkdirSync(code, { recursive: true });
    chmodSync(join(directory, "private"), 0o700);
    writeFileSync(join(code, "handler"), "code");
    const mounts = [{ source: code, target: "/var/task" }];
    const over = { mounts, cwd: "/var/task" };
    const { stdout, stderr } = await run(
      "cat handler; echo x >handler; touch new; grep /var/task /proc/mounts",
      over,
    );
    assert.match(stdout, /^code.* \/var\/task \w+ ro,nosuid,nodev/);
    assert.match(stderr, /handler: Read-only file system/);
    assert.match(stderr, /new'?: Read-only file system/);
  });

  test("bubblewrap: with a root file system of its own a program sees that one's files, lambdad's users, and no others", async () => {
    const root = smallRoot(join(directory, "hidden", "root"));
    chmodSync(join(directory, "hidden"), 0o700);
    const script =
      "cat /etc/marker /etc/passwd; ls / /usr; echo x >/etc/marker || echo x >/usr/new; grep -c . /etc/resolv.conf";
    const { stdout, stderr } = await run(script, { root });
    const [marker, users, ...rest] = stdout.split("\n");
    assert.deepEqual([marker, users], ["of the root", "root:x:0:0:root:/:/sbin/nologin"]);
    assert.match(
      rest.join(" "),
      /^sbx_user1051:\S+ \/: bin dev etc lib lib64 opt proc tmp usr var {2}\/usr: bin lib lib64 /,
    );
    assert.equal(stderr.match(/Read-only file system/g)?.length, 2);
    assert.match(rest.join(" "), / [1-9] $/, "resolvers are the sandbox's");
    const { stdout: again } = await run("cat /etc/marker", { root });
    assert.equal(again, "of the root\n");
  });

  test("bubblewrap: a source that was removed and made anew is seen anew", async () => {
    const parent = join(directory, "renewed");
    const once = async (content: string) => {
      mkdirSync(join(parent, "code"), { recursive: true });
      chmodSync(parent, 0o700);
      writeFileSync(join(parent, "code", "file"), content);
      const mounts = [{ source: join(parent, "code"), target: "/opt" }];
      const { stdout } = await run("cat /opt/file", { mounts });
      rmSync(parent, { recursive: true });
      return stdout;
    };
    assert.equal(await once("one"), "one");
    assert.equal(await once("two"), "two");
  });

  test("bubblewrap: a mount source that is not there, or not for others, is refused", async () => {
    const secret = join(directory, "secret");
    writeFileSync(secret, "", { mode: 0o600 });
    const mount = (source: string) => ({ mounts: [{ source, target: "/opt/x" }] });
    await assert.rejects(run(":", mount(join(directory, "absent"))), { code: "spec" });
    await assert.rejects(run(":", mount(secret)), { code: "spec" });
  });

  test("bubblewrap: inner mounts lie on outer ones, and a socket in one can be reached", async () => {
    const outer = join(directory, "outer");
    mkdirSync(join(outer, "inner"), { recursive: true });
    mkdirSync(join(directory, "inner"));
    writeFileSync(join(directory, "inner", "name"), "inner");
    const mounts = [
      { source: join(directory, "inner"), target: "/opt/inner" },
      { source: outer, target: "/opt" },
    ];
    chmodSync(directory, 0o755);
    assert.equal((await run("cat /opt/inner/name", { mounts })).stdout, "inner");
  });

  test("bubblewrap: a setup that fails is a DriverError, with bubblewrap's words", async () => {
    await assert.rejects(run(":", { cwd: "/no/such/place" }), { code: "launch", message: /no\/such\/place/ });
  });

  test("bubblewrap: usage counts what the program took", async () => {
    const script = "python3 -c 'x = bytearray(50_000_000); print(len(x))'";
    const sandbox = await driver.create(specOf(["/bin/sh", "-c", script]));
    const { stdout } = await ending(sandbox);
    assert.equal(stdout, "50000000\n");
    const { memoryPeakBytes } = await sandbox.usage();
    assert.ok(memoryPeakBytes > 50_000_000 && memoryPeakBytes < 200_000_000, `${memoryPeakBytes}`);
  });
}

/** A root file system with a shell, three programs, and what these are linked to. */
function smallRoot(root: string): string {
  const programs = ["/bin/sh", "/bin/cat", "/bin/ls", "/bin/grep"];
  const libraries = execFileSync("ldd", programs, { encoding: "utf8" }).matchAll(/(\/\S+\.so\S*)/g);
  for (const path of [...programs, ...[...libraries].map((match) => match[1] ?? "")]) {
    const target = join(root, path.replace(/^\/(bin|lib|lib64)\//, "/usr/$1/"));
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(path, target);
  }
  for (const name of ["bin", "lib", "lib64"]) symlinkSync(`usr/${name}`, join(root, name));
  mkdirSync(join(root, "etc"));
  for (const name of writtenFiles) writeFileSync(join(root, "etc", name), "not this\n");
  writeFileSync(join(root, "etc", "marker"), "of the root\n");
  return root;
}
