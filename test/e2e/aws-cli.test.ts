/** The session of the README, with every AWS CLI that this machine has: versions 1 and 2, as they come. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { allOnPath, mustRun, run } from "../harness/command.ts";
import type { RunningServer } from "../harness/server.ts";
import { startServer } from "../harness/server.ts";
import { zipOf } from "../harness/zip.ts";

const clis = allOnPath("aws");
const role = "arn:aws:iam::000000000000:role/any";
let server: RunningServer;
let folder: string;

before(async () => {
  server = await startServer();
  folder = mkdtempSync(join(tmpdir(), "lambdad-cli-"));
  const source =
    'exports.handler = async (event) => { console.log("got", event.name); return { hello: event.name }; };\n';
  writeFileSync(join(folder, "code.zip"), await zipOf({ "index.js": source }));
  writeFileSync(join(folder, "code2.zip"), await zipOf({ "index.js": source.replace("hello:", "goodbye:") }));
  writeFileSync(join(folder, "event.json"), '{"name":"world"}');
});

after(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("there is an AWS CLI to test with", (t) => {
  if (clis.length === 0) t.skip("no aws on PATH");
  else assert(clis.length > 0);
});

for (const [at, cli] of clis.entries()) {
  const name = `cli-${at}`;
  // Versions before 2.13 do not read AWS_ENDPOINT_URL.
  const common = () => ["--endpoint-url", server.url, "--output", "json"];
  const aws = (...args: string[]) => mustRun(cli, [...args, ...common()], { env: server.env, cwd: folder });
  const attempt = (...args: string[]) => run(cli, [...args, ...common()], { env: server.env, cwd: folder });
  const json = async (...args: string[]) => JSON.parse(await aws(...args)) as Record<string, unknown>;

  // Version 2 takes blobs as base64 unless told otherwise; version 1 takes them as they are and has no such option.
  let rawPayload: string[] = [];
  before(async () => {
    const version = await run(cli, ["--version"]);
    console.log(`${cli}: ${version.stdout}${version.stderr}`.trim());
    if (version.stdout.startsWith("aws-cli/2")) rawPayload = ["--cli-binary-format", "raw-in-base64-out"];
  });

  test(`${cli}: a function is created, awaited, invoked and its log is read`, async () => {
    const created = await json(
      ...["lambda", "create-function", "--function-name", name, "--runtime", "nodejs24.x", "--role", role],
      ...[
        "--handler",
        "index.handler",
        "--zip-file",
        "fileb://code.zip",
        "--memory-size",
        "512",
        "--timeout",
        "30",
      ],
    );
    assert.equal(created["State"], "Pending");
    await aws("lambda", "wait", "function-active-v2", "--function-name", name);

    const invoked = await json(
      ...["lambda", "invoke", "--function-name", name, ...rawPayload],
      ...["--payload", "file://event.json", "--log-type", "Tail", "out.json"],
    );
    assert.equal(invoked["StatusCode"], 200);
    assert.equal(invoked["ExecutedVersion"], "$LATEST");
    assert.equal(readFileSync(join(folder, "out.json"), "utf8"), '{"hello":"world"}');
    const tail = Buffer.from(String(invoked["LogResult"]), "base64").toString();
    assert.match(tail, /^START RequestId: [0-9a-f-]{36} Version: \$LATEST\n/);
    assert.match(tail, /\tINFO\tgot world\n/);
    assert.match(
      tail,
      /\nREPORT RequestId: .*\tMemory Size: 512 MB\tMax Memory Used: \d+ MB\tInit Duration: [\d.]+ ms/,
    );

    const events = await json("logs", "filter-log-events", "--log-group-name", `/aws/lambda/${name}`);
    const messages = (events["events"] as { message: string }[]).map(({ message }) => message);
    assert.match(messages[0] ?? "", /^INIT_START Runtime Version: nodejs:24/);
    assert(messages.some((message) => message.includes("got world")));
  });

  test(`${cli}: logs tail shows what the function printed`, async (t) => {
    const tail = await attempt("logs", "tail", `/aws/lambda/${name}`);
    if (/invalid choice|Invalid choice/.test(tail.stderr)) return t.skip("this CLI has no `logs tail`");
    assert.equal(tail.code, 0, tail.stderr);
    assert.match(tail.stdout, /got world/);
    assert.match(tail.stdout, /REPORT RequestId/);
  });

  test(`${cli}: code is updated, published and reached through an alias`, async () => {
    const first = await json("lambda", "publish-version", "--function-name", name);
    assert.equal(first["Version"], "1");
    await aws("lambda", "update-function-code", "--function-name", name, "--zip-file", "fileb://code2.zip");
    await aws("lambda", "wait", "function-updated-v2", "--function-name", name);
    await aws("lambda", "create-alias", "--function-name", name, "--name", "live", "--function-version", "1");
    const invoke = async (...args: string[]) => {
      const base = ["lambda", "invoke", "--function-name", name, ...rawPayload];
      await aws(...base, "--payload", '{"name":"x"}', ...args, "out.json");
      return readFileSync(join(folder, "out.json"), "utf8");
    };
    assert.equal(await invoke("--qualifier", "live"), '{"hello":"x"}');
    assert.equal(await invoke(), '{"goodbye":"x"}');
    const listed = await json("lambda", "list-versions-by-function", "--function-name", name);
    assert.deepEqual(
      (listed["Versions"] as { Version: string }[]).map(({ Version }) => Version),
      ["$LATEST", "1"],
    );
  });

  test(`${cli}: errors come through with AWS's code and text`, async () => {
    const missing = await attempt("lambda", "get-function", "--function-name", "nowhere");
    assert.match(
      missing.stderr,
      /\(ResourceNotFoundException\) when calling the GetFunction operation: Function not found: arn:aws:lambda:us-east-1:000000000000:function:nowhere/,
    );
    // The client checks lengths and ranges itself; this is one that only the service can know.
    const wrong = await attempt(
      "lambda",
      "create-alias",
      ...["--function-name", name, "--name", "1", "--function-version", "1"],
    );
    assert.match(
      wrong.stderr,
      /Value '1' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern/,
    );
  });

  test(`${cli}: the function is deleted`, async () => {
    await aws("lambda", "delete-function", "--function-name", name);
    const listed = await json("lambda", "list-functions");
    assert.deepEqual(listed["Functions"], []);
    const identity = await json("sts", "get-caller-identity");
    assert.equal(identity["Account"], "000000000000");
  });
}
