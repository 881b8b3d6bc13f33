/** Schedules on the calendar, and through changes of daylight saving both ways. Source: map-events-observability 1.4, 2. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { nextDue, parseSchedule } from "./schedule.ts";
import { isTimeZone } from "./time-zone.ts";

const ms = (text: string) => Date.parse(text);

for (const expression of [
  "rate(1 minute)",
  "rate(10 minutes)",
  "rate(2 hours)",
  "rate(365 days)",
  "cron(0/15 * * * ? *)",
  "cron(*/15 * * * ? *)",
  "cron(0 20-2 ? * FRI-MON *)",
  "cron(0 8 ? * 6L *)",
  "cron(0 8 ? * SAT#3 *)",
  "cron(0 8 L-3 * ? *)",
  "cron(0 8 LW,15W * ? *)",
  "cron(0 8 1 jan-MAR ? 2002-2005)",
  "cron(0 8 ? * mon *)",
]) {
  test(`rules take ${expression}`, () => assert(parseSchedule(expression, "rules")));
}

for (const expression of [
  "",
  "rate(1 minutes)",
  "rate(10 minute)",
  "rate(10 seconds)",
  "rate(10 years)",
  "rate()",
  "rate(10)",
  "rate(0 minutes)",
  "rate(-10 minutes)",
  "rate(10 MINUTES)",
  "rate( 10 minutes )",
  " rate(10 minutes)",
  "cron(INVALID)",
  "cron()",
  "cron(0 dummy ? * MON-FRI *)",
  "cron(71 8 1 * ? *)",
  "cron(0 8 * * * *)",
  "cron(0 8 ? * ? *)",
  "cron(0 8 1 * MON *)",
  "cron(0 8 ? * MON#6 *)",
  "cron(0 8 ? * MON#1,TUE#1 *)",
  "cron(0 8 ? * XXX *)",
  "cron(0 8 1 * ?)",
  "cron(0 8 1 * ? 1969)",
  "cron(0/0 8 1 * ? *)",
  "at(2030-01-01T00:00:00)",
]) {
  test(`rules refuse ${JSON.stringify(expression)}`, () => {
    assert.equal(parseSchedule(expression, "rules"), undefined);
  });
}

for (const [expression, isValid] of [
  ["rate(1 minutes)", true],
  ["rate(5 minute)", true],
  ["rate(10 minutess)", false],
  ["rate(foo minutes)", false],
  ["at(2022-12-31T23:59:59)", true],
  ["at(2021-12-31T23:59:59Z)", false],
  ["at(2021-12-31)", false],
  ["at(2021-02-30T00:00:00)", false],
  ["cron(0-15/1 8-8 ? * 2,3,4,5,6,7 *)", true],
  ["cron(30-30 13-13 ? * 2,4,6 *)", true],
  ["cron(0-59/10 0-23/2 ? * * *)", true],
  ["cron(0 8 1 * ?)", true],
] as const) {
  test(`Scheduler ${isValid ? "takes" : "refuses"} ${expression}`, () => {
    assert.equal(parseSchedule(expression, "scheduler") !== undefined, isValid);
  });
}

/** The first three times after the first column, in the zone that the row names. */
const calendar: readonly (readonly [
  after: string,
  zone: string,
  expression: string,
  due: readonly string[],
])[] = [
  [
    "2026-01-01T00:00:00Z",
    "UTC",
    "cron(0/20 * * * ? *)",
    ["2026-01-01T00:20Z", "2026-01-01T00:40Z", "2026-01-01T01:00Z"],
  ],
  [
    "2026-01-31T12:00:00Z",
    "UTC",
    "cron(0 12 L * ? *)",
    ["2026-02-28T12:00Z", "2026-03-31T12:00Z", "2026-04-30T12:00Z"],
  ],
  [
    "2026-01-01T00:00:00Z",
    "UTC",
    "cron(0 12 L-3 2 ? *)",
    ["2026-02-25T12:00Z", "2027-02-25T12:00Z", "2028-02-26T12:00Z"],
  ],
  // 1 August 2026 is a Saturday, 31 May a Sunday: within the month.
  [
    "2026-07-31T00:00:00Z",
    "UTC",
    "cron(0 12 1W 8 ? *)",
    ["2026-08-03T12:00Z", "2027-08-02T12:00Z", "2028-08-01T12:00Z"],
  ],
  [
    "2026-05-01T00:00:00Z",
    "UTC",
    "cron(0 12 31W 5 ? *)",
    ["2026-05-29T12:00Z", "2027-05-31T12:00Z", "2028-05-31T12:00Z"],
  ],
  [
    "2026-05-01T00:00:00Z",
    "UTC",
    "cron(0 12 LW 5 ? *)",
    ["2026-05-29T12:00Z", "2027-05-31T12:00Z", "2028-05-31T12:00Z"],
  ],
  [
    "2026-01-01T00:00:00Z",
    "UTC",
    "cron(15 10 ? * 6L *)",
    ["2026-01-30T10:15Z", "2026-02-27T10:15Z", "2026-03-27T10:15Z"],
  ],
  [
    "2026-01-01T00:00:00Z",
    "UTC",
    "cron(0 9 ? * 2#1 *)",
    ["2026-01-05T09:00Z", "2026-02-02T09:00Z", "2026-03-02T09:00Z"],
  ],
  [
    "2026-01-01T00:00:00Z",
    "UTC",
    "cron(0 9 ? * SUN#5 *)",
    ["2026-03-29T09:00Z", "2026-05-31T09:00Z", "2026-08-30T09:00Z"],
  ],
  [
    "2026-01-02T00:00:00Z",
    "UTC",
    "cron(0 9 ? * 1 *)",
    ["2026-01-04T09:00Z", "2026-01-11T09:00Z", "2026-01-18T09:00Z"],
  ],
  [
    "2026-01-01T00:00:00Z",
    "UTC",
    "cron(0 9 ? * FRI-MON *)",
    ["2026-01-02T09:00Z", "2026-01-03T09:00Z", "2026-01-04T09:00Z"],
  ],
  [
    "2026-01-01T21:30:00Z",
    "UTC",
    "cron(0 22-1 * * ? *)",
    ["2026-01-01T22:00Z", "2026-01-01T23:00Z", "2026-01-02T00:00Z"],
  ],
  [
    "2026-01-01T00:00:00Z",
    "UTC",
    "cron(0 0 29 2 ? *)",
    ["2028-02-29T00:00Z", "2032-02-29T00:00Z", "2036-02-29T00:00Z"],
  ],
  [
    "2026-01-01T00:00:00Z",
    "UTC",
    "cron(0 0 ? * L *)",
    ["2026-01-03T00:00Z", "2026-01-10T00:00Z", "2026-01-17T00:00Z"],
  ],
  ["2026-01-01T00:00:00Z", "UTC", "cron(0 0 1 1 ? 2027,2030)", ["2027-01-01T00:00Z", "2030-01-01T00:00Z"]],
  ["2026-01-01T00:00:00Z", "UTC", "cron(0 0 1 1 ? 2002-2005)", []],
  ["2026-01-01T00:00:00Z", "UTC", "cron(0 0 31 2 ? *)", []],
  // New York: 8 March 2026, 02:00 → 03:00; 1 November, 02:00 → 01:00.
  [
    "2026-03-07T00:00:00Z",
    "America/New_York",
    "cron(30 2 * * ? *)",
    ["2026-03-07T07:30Z", "2026-03-09T06:30Z", "2026-03-10T06:30Z"],
  ],
  [
    "2026-10-31T12:00:00Z",
    "America/New_York",
    "cron(30 1 * * ? *)",
    ["2026-11-01T05:30Z", "2026-11-02T06:30Z", "2026-11-03T06:30Z"],
  ],
  [
    "2026-11-01T05:45:00Z",
    "America/New_York",
    "cron(30 1 * * ? *)",
    ["2026-11-02T06:30Z", "2026-11-03T06:30Z", "2026-11-04T06:30Z"],
  ],
  [
    "2026-11-01T04:10:00Z",
    "America/New_York",
    "cron(0/30 1-2 1 11 ? *)",
    ["2026-11-01T05:00Z", "2026-11-01T05:30Z", "2026-11-01T07:00Z"],
  ],
  [
    "2026-03-28T12:00:00Z",
    "Europe/Zurich",
    "cron(0 8 * * ? *)",
    ["2026-03-29T06:00Z", "2026-03-30T06:00Z", "2026-03-31T06:00Z"],
  ],
  [
    "2026-10-24T12:00:00Z",
    "Europe/Zurich",
    "cron(0 8 * * ? *)",
    ["2026-10-25T07:00Z", "2026-10-26T07:00Z", "2026-10-27T07:00Z"],
  ],
  // Lord Howe Island moves its clocks by half an hour.
  [
    "2026-10-03T00:00:00Z",
    "Australia/Lord_Howe",
    "cron(15 2 * * ? *)",
    ["2026-10-04T15:15Z", "2026-10-05T15:15Z", "2026-10-06T15:15Z"],
  ],
  [
    "2026-01-01T00:00:00Z",
    "Asia/Kolkata",
    "cron(0 0 1 * ? *)",
    ["2026-01-31T18:30Z", "2026-02-28T18:30Z", "2026-03-31T18:30Z"],
  ],
  ["2026-01-01T00:00:00Z", "Europe/Zurich", "at(2026-03-29T02:30:00)", []],
  ["2026-01-01T00:00:00Z", "Europe/Zurich", "at(2026-10-25T02:30:00)", ["2026-10-25T00:30Z"]],
  ["2026-01-01T00:00:00Z", "UTC", "at(2025-01-01T00:00:00)", []],
  [
    "2026-01-01T00:00:30Z",
    "UTC",
    "rate(5 minutes)",
    ["2026-01-01T00:05Z", "2026-01-01T00:10Z", "2026-01-01T00:15Z"],
  ],
  [
    "2026-03-28T12:00:00Z",
    "Europe/Zurich",
    "rate(1 day)",
    ["2026-03-29T00:00Z", "2026-03-30T00:00Z", "2026-03-31T00:00Z"],
  ],
];

for (const [after, zone, expression, expected] of calendar) {
  test(`${expression} in ${zone} after ${after}`, () => {
    const schedule = parseSchedule(expression, "scheduler");
    assert(schedule);
    const due: string[] = [];
    let atMs: number | undefined = ms(after);
    while (atMs !== undefined && due.length < 3) {
      atMs = nextDue(schedule, { fromMs: ms("2026-01-01T00:00:00Z"), zone }, atMs);
      if (atMs !== undefined) due.push(new Date(atMs).toISOString().replace(":00.000Z", "Z"));
    }
    assert.deepEqual(due, expected);
  });
}

test("a rate is due at its start, and then every period", () => {
  const schedule = parseSchedule("rate(1 hour)", "rules");
  assert(schedule);
  const fromMs = ms("2026-01-01T00:00:17Z");
  assert.equal(nextDue(schedule, { fromMs, zone: "UTC" }, fromMs - 1), fromMs);
  assert.equal(nextDue(schedule, { fromMs, zone: "UTC" }, fromMs), fromMs + 3_600_000);
  assert.equal(
    nextDue(schedule, { fromMs, zone: "UTC" }, fromMs + 100 * 3_600_000 - 1),
    fromMs + 100 * 3_600_000,
  );
});

test("time zones are those of the IANA, by name", () => {
  assert(isTimeZone("Europe/Zurich") && isTimeZone("UTC") && isTimeZone("America/Argentina/Ushuaia"));
  assert(!isTimeZone("Europe/Atlantis") && !isTimeZone("+01:00") && !isTimeZone(""));
});
