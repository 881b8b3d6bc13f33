/** What commands print of texts that others have written. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { printable } from "./output.ts";

test("what a function or a mail says keeps its colours and lines, and moves nothing in the terminal", () => {
  const cases: readonly (readonly [said: string, printed: string])[] = [
    ["plain, ümläut, 日本", "plain, ümläut, 日本"],
    ["two\n\tlines", "two\n\tlines"],
    ["\x1b[31mred\x1b[0m \x1b[1;32mgreen\x1b[m", "\x1b[31mred\x1b[0m \x1b[1;32mgreen\x1b[m"],
    ["\x1b]0;title\x07", "]0;title"],
    ["\x1b]52;c;cm0gLXJm\x07", "]52;c;cm0gLXJm"],
    ["\x1b[2J\x1b[1;1H", "[2J[1;1H"],
    ["over\rwritten\b\x7f", "overwritten"],
    ["\x9b31m\x85", "31m"],
    ["1m", "1m"],
  ];
  for (const [said, printed] of cases) assert.equal(printable(said), printed, JSON.stringify(said));
});
