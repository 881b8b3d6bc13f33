import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { failsWith, put, remove } from "../under-test.suite.ts";
import { openForReading, openForWriting } from "./database.ts";
import { Writer } from "./writer.ts";

function opened(t: { after: (task: () => void) => void }) {
  const dir = mkdtempSync(join(tmpdir(), "lambdad-writer-"));
  const path = join(dir, "state.sqlite");
  const { database } = openForWriting(path);
  t.after(() => {
    if (database.isOpen) database.close();
    rmSync(dir, { recursive: true });
  });
  return { path, database, writer: new Writer(database) };
}

test("a conflict fails its own batch only, and sees the batches before it in its group", (t) => {
  const { writer } = opened(t);
  const results = writer.apply([
    [put("a", "1", 0)],
    [put("b", "1"), put("a", "2", 0)],
    [remove("a", 1)],
    [put("a", "3", 0), { kind: "check", key: "b", ifVersion: 0 }],
  ]);
  assert.deepEqual(results, [
    { kind: "committed", versions: [1] },
    { kind: "conflict", key: "a" },
    { kind: "committed", versions: [0] },
    { kind: "committed", versions: [2, 0] },
  ]);
});

test("a reader sees nothing of a group before its commit, and all of it after", (t) => {
  const { path, database, writer } = opened(t);
  const reader = openForReading(path);
  const count = reader.prepare("SELECT count(*) AS count FROM entries");
  database.exec("BEGIN; INSERT INTO entries VALUES ('x', 1, x'00')");
  assert.equal(count.get()?.["count"], 0);
  database.exec("ROLLBACK");
  writer.apply([[put("a", "1")], [put("b", "1")]]);
  assert.equal(count.get()?.["count"], 2);
  reader.close();
});

test("a full disk undoes the whole group, and the next that fits is written with fresh versions", (t) => {
  const { database, writer } = opened(t);
  writer.apply([[put("kept", "x")]]);
  const pages = Number(database.prepare("PRAGMA page_count").get()?.["page_count"]);
  database.exec(`PRAGMA max_page_count = ${pages + 20}`);
  const large = "v".repeat(200_000);
  assert.throws(() => writer.apply([[put("small", "x")], [put("large", large)]]), failsWith("full"));
  assert.equal(database.isTransaction, false);
  assert.equal(database.prepare("SELECT count(*) AS count FROM entries").get()?.["count"], 1);
  const results = writer.apply([[put("small", "x", 0)], [put("kept", "y", 1)]]);
  assert.deepEqual(results, [
    { kind: "committed", versions: [2] },
    { kind: "committed", versions: [3] },
  ]);
});

test("K5 versions go on where the last writer ended, even when all it wrote is removed", (t) => {
  const { path, database, writer } = opened(t);
  writer.apply([
    [put("a", "1"), put("b", "1")],
    [remove("a"), remove("b")],
  ]);
  database.close();
  const again = openForWriting(path);
  assert.deepEqual(new Writer(again.database).apply([[put("a", "1")]]), [
    { kind: "committed", versions: [3] },
  ]);
  again.database.close();
});
