import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { TimestampFormat } from "./model.ts";
import { formatTimestamp, parseTimestamp } from "./timestamp.ts";

const instants: readonly (readonly [text: string, iso: string])[] = [
  ["2014-04-29T18:30:38Z", "2014-04-29T18:30:38.000Z"],
  ["2014-04-29t18:30:38z", "2014-04-29T18:30:38.000Z"],
  ["2000-01-02T20:34:56.123Z", "2000-01-02T20:34:56.123Z"],
  ["2000-01-02T20:34:56.123456789Z", "2000-01-02T20:34:56.123Z"],
  ["2019-12-16T22:48:18-01:00", "2019-12-16T23:48:18.000Z"],
  ["2019-12-17T00:48:18+0100", "2019-12-16T23:48:18.000Z"],
  ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"],
  ["1398796238", "2014-04-29T18:30:38.000Z"],
  ["1398796238.5", "2014-04-29T18:30:38.500Z"],
  ["1.398796238E9", "2014-04-29T18:30:38.000Z"],
  ["-1", "1969-12-31T23:59:59.000Z"],
  ["Tue, 29 Apr 2014 18:30:38 GMT", "2014-04-29T18:30:38.000Z"],
  ["Sun, 02 Jan 2000 20:34:56.456 GMT", "2000-01-02T20:34:56.456Z"],
];

for (const [text, iso] of instants) {
  test(`"${text}" is ${iso}`, () => {
    assert.equal(parseTimestamp(text)?.toISOString(), iso);
  });
}

const refused = [
  "",
  "now",
  "2014-04-29",
  "2014-04-29T18:30:38",
  "2014-02-31T00:00:00Z",
  "2014-13-01T00:00:00Z",
  "2014-04-29T24:00:00Z",
  "2014-04-29T18:60:00Z",
  "Tue, 29 Xyz 2014 18:30:38 GMT",
  "29 Apr 2014 18:30:38 GMT",
  "99999999999999999999",
  "1e99",
  "0x10",
];

for (const text of refused) {
  test(`"${text}" is no timestamp`, () => {
    assert.equal(parseTimestamp(text), undefined);
  });
}

test("every format gives back the instant that was written, to its precision", () => {
  const formats: readonly (readonly [TimestampFormat, number])[] = [
    ["date-time", 1],
    ["epoch-seconds", 1],
    ["http-date", 1000],
  ];
  fc.assert(
    fc.property(fc.date({ min: new Date(0), max: new Date("9999-12-31"), noInvalidDate: true }), (date) => {
      for (const [format, precisionMs] of formats) {
        const written = Math.floor(date.getTime() / precisionMs) * precisionMs;
        assert.equal(parseTimestamp(formatTimestamp(date, format))?.getTime(), written);
      }
    }),
  );
});
