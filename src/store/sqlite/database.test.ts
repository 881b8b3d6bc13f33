import assert from "node:assert/strict";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import { StoreError } from "../store.ts";
import { put } from "../under-test.suite.ts";
import { openForWriting } from "./database.ts";
import { openSqliteStore } from "./sqlite-store.ts";
import { Writer } from "./writer.ts";

const file = "state.sqlite";

interface Case {
  readonly name: string;
  readonly code: string;
  readonly says: RegExp;
  /** Prepares the directory. */
  readonly given: (dir: string) => void;
}

const cases: readonly Case[] = [
  {
    name: "a text file",
    code: "foreign",
    says: /is not a database.*left as it is/,
    given: (dir) => writeFileSync(join(dir, file), "notes, not a database\n".repeat(100)),
  },
  {
    name: "an empty file",
    code: "corrupt",
    says: /is empty/,
    given: (dir) => writeFileSync(join(dir, file), ""),
  },
  {
    name: "another program's database",
    code: "foreign",
    says: /belongs to another program/,
    given: (dir) => exec(dir, "CREATE TABLE notes (text); INSERT INTO notes VALUES ('mine')"),
  },
  {
    name: "a newer lambdad's database",
    code: "foreign",
    says: /newer lambdad \(format 7; this one knows 2\)/,
    given(dir) {
      written(dir, 100);
      exec(dir, "PRAGMA user_version = 7");
    },
  },
  {
    name: "a newer lambdad's database, which says so only in its log",
    code: "foreign",
    says: /newer lambdad \(format 7;/,
    given(dir) {
      written(dir, 100);
      uncleanly(dir, "PRAGMA user_version = 7");
    },
  },
  {
    name: "a database with other tables",
    code: "corrupt",
    says: /other tables/,
    given(dir) {
      written(dir, 100);
      exec(dir, "DROP TABLE counters");
    },
  },
  {
    name: "half a header",
    code: "corrupt",
    says: /cut short/,
    given(dir) {
      written(dir, 100);
      truncateSync(join(dir, file), 50);
    },
  },
  {
    name: "a database cut short",
    code: "corrupt",
    says: /cut short/,
    given(dir) {
      written(dir, 1000);
      truncateSync(join(dir, file), 5 * 4096);
    },
  },
  {
    name: "a database of which the list of tables is garbage",
    code: "corrupt",
    says: /cannot be read by SQLite|other tables/,
    given(dir) {
      written(dir, 100);
      overwrite(dir, 100, 3000);
    },
  },
  {
    name: "a database with a damaged page, after an unclean end",
    code: "corrupt",
    says: /does not pass SQLite's check|cannot be read by SQLite/,
    given(dir) {
      written(dir, 1000);
      overwrite(dir, 20 * 4096, 4096);
      uncleanly(dir, "INSERT INTO entries VALUES ('z', 5000, x'00')");
    },
  },
  {
    name: "a log without its database",
    code: "corrupt",
    says: /is missing, though its -wal file is there/,
    given(dir) {
      written(dir, 100);
      uncleanly(dir, "INSERT INTO entries VALUES ('z', 5000, x'00')");
      rmSync(join(dir, file));
    },
  },
];

for (const { name, code, says, given } of cases) {
  test(`${name} is refused with "${code}" and left byte for byte as it is`, async () => {
    const dir = mkdtempSync(join(tmpdir(), "lambdad-database-"));
    given(dir);
    const before = contentsOf(dir);
    for (let time = 0; time < 2; time++) {
      const error = await refusalOf(dir);
      assert.equal(error.code, code, error.message);
      assert.match(error.message, says);
      assert.ok(error.message.startsWith(join(dir, file)), "it says which file");
      assert.match(error.message, /another data directory/, "it says what to do");
    }
    assert.deepEqual(contentsOf(dir), before);
    rmSync(dir, { recursive: true });
  });
}

test("what a crash left of a database in the making is in nobody's way", () => {
  const dir = mkdtempSync(join(tmpdir(), "lambdad-database-"));
  for (const suffix of ["", "-wal", "-shm", "-journal"]) {
    writeFileSync(join(dir, `${file}-new${suffix}`), "half of something");
  }
  const { database, wasUnclean } = openForWriting(join(dir, file));
  assert.equal(wasUnclean, false);
  database.close();
  assert.deepEqual(readdirSync(dir), [file]);
  rmSync(dir, { recursive: true });
});

test("a database that was not closed is examined, found sound and opened with all that was committed", () => {
  const dir = mkdtempSync(join(tmpdir(), "lambdad-database-"));
  written(dir, 1000);
  uncleanly(dir, "INSERT INTO entries VALUES ('z', 5000, x'00')");
  const { database, wasUnclean } = openForWriting(join(dir, file));
  assert.equal(wasUnclean, true);
  assert.equal(database.prepare("SELECT count(*) AS count FROM entries").get()?.["count"], 1001);
  database.close();
  assert.equal(openForWriting(join(dir, file)).wasUnclean, false);
  rmSync(dir, { recursive: true });
});

test("a database of the first version is brought up to this one, with all that is in it", () => {
  const dir = mkdtempSync(join(tmpdir(), "lambdad-database-"));
  exec(
    dir,
    `PRAGMA application_id = 1818324322; PRAGMA user_version = 1; PRAGMA journal_mode = WAL;
     CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
     CREATE TABLE entries (key TEXT PRIMARY KEY, version INTEGER NOT NULL, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
     INSERT INTO counters VALUES ('version', 7); INSERT INTO entries VALUES ('b', 7, x'0102'), ('a', 3, x'')`,
  );
  for (let time = 0; time < 2; time++) openForWriting(join(dir, file)).database.close();
  const { database } = openForWriting(join(dir, file));
  const rows = database.prepare("SELECT key, version, hex(value) AS value FROM entries ORDER BY key").all();
  assert.deepEqual(
    rows.map((row) => ({ ...row })),
    [
      { key: "a", version: 3, value: "" },
      { key: "b", version: 7, value: "0102" },
    ],
  );
  assert.deepEqual(new Writer(database).apply([[put("c", "new")]]), [{ kind: "committed", versions: [8] }]);
  database.close();
  rmSync(dir, { recursive: true });
});

const reads = "/proc/self/io";

test("the search for a key does not read the long values around it", { skip: !existsSync(reads) }, () => {
  const dir = mkdtempSync(join(tmpdir(), "lambdad-database-"));
  const { database } = openForWriting(join(dir, file));
  const writer = new Writer(database);
  const count = 60;
  const long = "v".repeat(1 << 20);
  for (let n = 0; n < count; n++) writer.apply([[put(`k${n}/long`, long), put(`k${n}/short`, "before")]]);
  const readBytes = () => Number(/^rchar: (\d+)$/m.exec(readFileSync(reads, "utf8"))?.[1]);
  const before = readBytes();
  for (let round = 0; round < 10; round++) {
    for (let n = 0; n < count; n++) writer.apply([[put(`k${n}/short`, `round ${round}`)]]);
  }
  // What the log has of the long ones is copied to the database once; the rest is a few pages each.
  const perSearch = (readBytes() - before - 2 * count * long.length) / (10 * count);
  assert.ok(perSearch < 100_000, `${perSearch} bytes for each of ${10 * count} searches`);
  database.close();
  rmSync(dir, { recursive: true });
});

test("a commit is synced before it returns", () => {
  const dir = mkdtempSync(join(tmpdir(), "lambdad-database-"));
  const { database } = openForWriting(join(dir, file));
  const settings = ["synchronous", "fullfsync", "journal_mode"].map(
    (name) => database.prepare(`PRAGMA ${name}`).get()?.[name],
  );
  assert.deepEqual(settings, [2, 1, "wal"]); // 2: FULL
  database.close();
  rmSync(dir, { recursive: true });
});

async function refusalOf(dir: string): Promise<StoreError> {
  try {
    const store = await openSqliteStore({ dir, clock: systemClock, logger: silentLogger });
    await store.close();
  } catch (error) {
    assert.ok(error instanceof StoreError, String(error));
    return error;
  }
  assert.fail("it was opened");
}

/** A closed database of ours with some entries. */
function written(dir: string, entries: number): void {
  const { database } = openForWriting(join(dir, file));
  const batch = Array.from({ length: entries }, (_, index) => put(`k${index}`, "v".repeat(300)));
  new Writer(database).apply([batch]);
  database.close();
}

function exec(dir: string, sql: string): void {
  const database = new DatabaseSync(join(dir, file));
  database.exec(sql);
  database.close();
}

/** As a process leaves it that is killed after this: with a log. */
function uncleanly(dir: string, sql: string): void {
  const database = new DatabaseSync(join(dir, file));
  database.exec(sql);
  const [main, log] = [readFileSync(join(dir, file)), readFileSync(join(dir, `${file}-wal`))];
  database.close();
  writeFileSync(join(dir, file), main);
  writeFileSync(join(dir, `${file}-wal`), log);
}

function overwrite(dir: string, from: number, count: number): void {
  const bytes = readFileSync(join(dir, file));
  bytes.fill(0xff, from, from + count);
  writeFileSync(join(dir, file), bytes);
}

/** All but what SQLite may add to find its way in a log: an index, and a log that is empty. */
function contentsOf(dir: string): { readonly [name: string]: string } {
  const contents: { [name: string]: string } = {};
  for (const name of readdirSync(dir)) {
    const content = readFileSync(join(dir, name)).toString("base64");
    if (name.endsWith("-shm") || (name.endsWith("-wal") && content === "")) continue;
    contents[name] = content;
  }
  return contents;
}
