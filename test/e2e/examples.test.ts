/** The examples of whole applications do what their READMEs say, by their own command. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { run, works } from "../harness/command.ts";
import { type RunningServer, startServer } from "../harness/server.ts";

const folder = join(import.meta.dirname, "../../examples");
let server: RunningServer;

before(async () => {
  server = await startServer();
});

after(async () => {
  assert.equal(await server.stop(), 0);
});

const examples = {
  "sqs-worker": "eight orders done, two in the dead-letter queue",
  "image-pipeline": "the thumbnail is examples/image-pipeline/thumbnail.jpg",
  "event-fan-out": "three orders to the queue, two to the function, and those two once more",
  cron: "it ran by the clock; the schedule is gone again",
};
for (const [name, lastLine] of Object.entries(examples)) {
  test(`examples/${name}/run.sh`, { timeout: 240_000 }, async (t) => {
    for (const program of ["aws", "zip", "curl"]) {
      if (!works(program, ["--version"])) return t.skip(`${program} is not on this machine`);
    }
    const options = { env: server.env, timeoutMs: 200_000 };
    const { code, stdout, stderr } = await run(join(folder, name, "run.sh"), [], options);
    assert.equal(code, 0, `${stdout}\n${stderr}\n${server.log().slice(-3000)}`);
    assert.equal(stdout.trimEnd().split("\n").at(-1), lastLine);
  });
}
