/**
 * What `npm publish` would send, packed from compiled sources, unpacked beside this checkout's dependencies, and run: a file
 * that `files` of package.json forgets, or a path that is different in `dist/`, is found here and not by who installs it.
 */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { InvokeCommand } from "@aws-sdk/client-lambda";
import { createEchoFunction } from "../../bench/echo.ts";
import { mustRun, run } from "../harness/command.ts";
import { startServer } from "../harness/server.ts";

const root = resolve(import.meta.dirname, "../..");

test("the packed package starts, and a function that was made with it answers", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "lambdad-package-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const staged = join(folder, "staged");
  mkdirSync(staged);
  for (const path of ["bin", "guest", "models", "LICENSE", "NOTICE", "README.md", "package.json"]) {
    cpSync(join(root, path), join(staged, path), { recursive: true });
  }
  // Whether the types are right is another check's question; what is emitted is what counts here.
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const compiled = join(staged, "dist");
  await run(process.execPath, [tsc, "-p", join(root, "tsconfig.build.json"), "--outDir", compiled]);
  const packing = ["pack", "--ignore-scripts", "--pack-destination", folder];
  const packed = await mustRun("npm", packing, { cwd: staged });
  const tarball = join(folder, packed.trim().split("\n").at(-1) ?? "");
  await mustRun("tar", ["-xzf", tarball, "-C", folder]);
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));

  const server = await startServer({ launcher: join(folder, "package/bin/lambdad.js") });
  t.after(() => server.stop());
  const client = await createEchoFunction(server.url, "echo");
  const { Payload = [] } = await client.send(
    new InvokeCommand({ FunctionName: "echo", Payload: Buffer.from('{"n":1}') }),
  );
  assert.equal(Buffer.from(Payload).toString(), '{"n":1}');
});
