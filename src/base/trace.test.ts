import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimClock } from "./clock-sim.ts";
import { seededRandom } from "./random.ts";
import { newTraceHeader, wholeTraceHeader } from "./trace.ts";

const root = "Root=1-5759e988-bd862e3fe1be46a994272793";
const parent = "Parent=53995c3f42cd8ad8";
const anyNew = /^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=1$/;
const anyParent = new RegExp(`^${root};Parent=[0-9a-f]{16};Sampled=1$`);

const headers: readonly (readonly [string, string, string | RegExp])[] = [
  ["a whole one is kept", `${root};${parent};Sampled=0`, `${root};${parent};Sampled=0`],
  [
    "with what follows",
    `${root};${parent};Sampled=1;Lineage=a87bd80c:1|68fd508a:5`,
    `${root};${parent};Sampled=1;Lineage=a87bd80c:1|68fd508a:5`,
  ],
  ["a root alone gets a parent and a decision", root, anyParent],
  ["so does one without a parent", `${root};Sampled=1`, anyParent],
  ["a decision that is asked for is made", `${root};${parent};Sampled=?`, `${root};${parent};Sampled=1`],
  [
    "order, case and blanks are put right",
    `sampled=0; parent=53995c3f42cd8ad8 ;root=1-5759e988-bd862e3fe1be46a994272793`,
    `${root};${parent};Sampled=0`,
  ],
  ["no root", `${parent};Sampled=0`, anyNew],
  ["a root that is none", "Root=1-1-1;Sampled=0", anyNew],
  ["a parent that is none", `${root};Parent=x;Sampled=1`, anyParent],
  ["nothing", "", anyNew],
  ["no header at all", "garbage", anyNew],
  ["a lineage alone goes on in a new trace", "Lineage=a87bd80c:1", /^Root=.*;Sampled=1;Lineage=a87bd80c:1$/],
];

for (const [name, given, expected] of headers) {
  test(`a caller's trace header: ${name}`, () => {
    const made = wholeTraceHeader(given, {
      clock: createSimClock(),
      random: seededRandom(1),
      isSampled: true,
    });
    if (typeof expected === "string") assert.equal(made, expected);
    else assert.match(made, expected);
  });
}

test("a header that is made to be slow to read costs no more than another", () => {
  const given = `Sampled=${" ".repeat(100_000)}x`;
  const before = process.cpuUsage();
  wholeTraceHeader(given, { clock: createSimClock(), random: seededRandom(1), isSampled: false });
  // Quadratic, it would be minutes.
  assert.ok(process.cpuUsage(before).user < 2_000_000);
});

test("a new trace begins now, and leaves it to the first function whether it is sampled, unless that is said", () => {
  const clock = createSimClock(Date.UTC(2026, 0, 1));
  const seconds = (Date.UTC(2026, 0, 1) / 1000).toString(16);
  const trace = `^Root=1-${seconds}-[0-9a-f]{24};Parent=[0-9a-f]{16}`;
  const random = seededRandom(1);
  assert.match(newTraceHeader(clock, random), new RegExp(`${trace}$`));
  assert.match(newTraceHeader(clock, random, false), new RegExp(`${trace};Sampled=0$`));
  assert.match(newTraceHeader(clock, random, true), new RegExp(`${trace};Sampled=1$`));
  const undecided = newTraceHeader(clock, random);
  const decided = wholeTraceHeader(undecided, { clock, random, isSampled: true });
  assert.equal(decided, `${undecided};Sampled=1`, "the same trace");
});
