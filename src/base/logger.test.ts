/** lambdad's own log lines. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimClock } from "./clock-sim.ts";
import { createLogger } from "./logger.ts";

function lines(format: "text" | "json", level: "debug" | "warn" = "debug") {
  const written: string[] = [];
  const logger = createLogger({
    clock: createSimClock(0),
    level,
    format,
    write: (line) => void written.push(line),
  });
  return { logger, written };
}

test("text is one line: time, level, message, fields, with causes spelled out", () => {
  const { logger, written } = lines("text");
  const error = new Error("disk", { cause: new RangeError("full") });
  logger.child({ function: "thumb" }).warn("it failed", { error, empty: undefined, text: 'a "b" c' });
  assert.deepEqual(written, [
    '1970-01-01T00:00:00.000Z warn  it failed function=thumb error="Error: disk (caused by RangeError: full)" text="a \\"b\\" c"\n',
  ]);
});

test("JSON is one object a line", () => {
  const { logger, written } = lines("json");
  logger.info("up", { port: 4566 });
  assert.deepEqual(JSON.parse(written[0] ?? ""), {
    time: "1970-01-01T00:00:00.000Z",
    level: "info",
    message: "up",
    port: 4566,
  });
});

test("what is below the level is not written, and a line break cannot forge a line", () => {
  const { logger, written } = lines("text", "warn");
  logger.info("not this");
  logger.error("this", { name: "a\n1970 error forged" });
  assert.equal(written.length, 1);
  assert.equal(written[0]?.split("\n").length, 2);
});
