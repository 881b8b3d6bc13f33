/**
 * The database file: made whole or not at all, recognised before it is touched, opened for the one writer and for
 * readers. A file that is not ours, is newer than this program or is damaged is refused and left byte for byte as it
 * is: everything is looked at through `node:fs` and a read-only connection first.
 */
import { closeSync, existsSync, fsyncSync, openSync, readSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { storeWalBytesKept } from "../../limits.ts";
import { StoreError } from "../store.ts";
import { faultOf } from "./fault.ts";

/** "lamb", in the header of every database that is ours. */
const applicationId = 0x6c616d62;
/** Raise it with every change of `schema`, and say then how an older file is brought up to it. */
const schemaVersion = 2;

const counters = {
  name: "counters",
  sql: "CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID",
} as const;
/**
 * `version` before `value`: a check reads it without following a long value's overflow pages. With row ids: in a table
 * without, long values lie between the keys, and the search for any key reads each that it passes whole.
 */
const entries = {
  name: "entries",
  sql: "CREATE TABLE entries (key TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL, value BLOB NOT NULL) STRICT",
} as const;
const entriesOfVersion1 = {
  name: "entries",
  sql:
    "CREATE TABLE entries (key TEXT PRIMARY KEY, version INTEGER NOT NULL, value BLOB NOT NULL) " +
    "STRICT, WITHOUT ROWID",
} as const;

/** The tables of each version, in the order of their names. */
const schemas = { 1: [counters, entriesOfVersion1], 2: [counters, entries] } as const;

export interface OpenedDatabase {
  readonly database: DatabaseSync;
  /** The last writer did not close it; it was examined in full and is sound. */
  readonly wasUnclean: boolean;
}

/** Throws `StoreError` "foreign", "corrupt", "full" or "io"; its message names the file and what to do. */
export function openForWriting(path: string): OpenedDatabase {
  try {
    const wasUnclean = sizeOf(`${path}-wal`) > 0;
    if (!existsSync(path)) {
      // SQLite would replay that log into the new database.
      if (wasUnclean) throw damaged(path, "is missing, though its -wal file is there");
      create(path);
    }
    examineHeader(path, wasUnclean);
    examineContent(path, wasUnclean);
    const database = new DatabaseSync(path, { timeout: 5000, defensive: true });
    const mode = database.prepare("PRAGMA journal_mode = WAL").get()?.["journal_mode"];
    if (mode !== "wal") throw new StoreError("io", `${path}: this file system cannot hold a write-ahead log`);
    // FULL: a commit is on the platter when it returns. The default differs between builds of SQLite.
    // A longer log than the default 1,000 pages: pages that many commits touch are copied back once.
    database.exec(
      "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA wal_autocheckpoint = 4000;" +
        `PRAGMA journal_size_limit = ${storeWalBytesKept}`,
    );
    upgrade(database);
    return { database, wasUnclean };
  } catch (error) {
    const fault = faultOf(error);
    throw fault.message.startsWith(path)
      ? fault
      : new StoreError(fault.code, `${path}: ${fault.message}`, { cause: error });
  }
}

/** Brings an older file up to this version, whole or not at all. */
function upgrade(database: DatabaseSync): void {
  if (database.prepare("PRAGMA user_version").get()?.["user_version"] === schemaVersion) return;
  database.exec(
    `BEGIN IMMEDIATE; ALTER TABLE entries RENAME TO before; ${entries.sql};` +
      "INSERT INTO entries SELECT key, version, value FROM before ORDER BY key; DROP TABLE before;" +
      `PRAGMA user_version = ${schemaVersion}; COMMIT`,
  );
}

/** Sees every commit that has returned; never writes. Only while a writer has the file open. */
export function openForReading(path: string): DatabaseSync {
  return new DatabaseSync(path, { readOnly: true, timeout: 5000 });
}

/** Under another name first: a crash here leaves no half-made database that would be taken for a foreign one. */
function create(path: string): void {
  const draft = `${path}-new`;
  for (const suffix of ["", "-journal", "-wal", "-shm"]) rmSync(`${draft}${suffix}`, { force: true });
  closeSync(openSync(draft, "wx", 0o600)); // SQLite would let everybody read it
  const database = new DatabaseSync(draft);
  database.exec(
    `PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${schemaVersion}; PRAGMA journal_mode = WAL;` +
      `BEGIN; ${schemas[schemaVersion].map(({ sql }) => sql).join("; ")}; INSERT INTO counters VALUES ('version', 0); COMMIT`,
  );
  database.close();
  syncPath(draft);
  renameSync(draft, path);
  syncPath(dirname(path));
}

/** The first 100 bytes: https://www.sqlite.org/fileformat2.html#the_database_header */
function examineHeader(path: string, wasUnclean: boolean): void {
  const header = Buffer.alloc(100);
  const file = openSync(path, "r");
  try {
    const read = readSync(file, header);
    if (read === 0) throw damaged(path, "is empty");
    if (header.toString("latin1", 0, 16) !== "SQLite format 3\0") throw foreign(path, "is not a database");
    if (read < 100) throw damaged(path, "is cut short");
  } finally {
    closeSync(file);
  }
  if (header.readUInt32BE(68) !== applicationId) throw foreign(path, "belongs to another program");
  examineSchemaVersion(path, header.readUInt32BE(60));
  // After an unclean end the log may hold what the file still lacks.
  const pageBytes = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
  if (!wasUnclean && sizeOf(path) !== pageBytes * header.readUInt32BE(28))
    throw damaged(path, "is cut short");
}

/**
 * What SQLite makes of it, log included. All pages are read only after an unclean end: it takes seconds for each
 * gigabyte, and in a cleanly closed file damage is rare and is met, and answered "corrupt", when a page is read.
 */
function examineContent(path: string, wasUnclean: boolean): void {
  const database = openForReading(path);
  try {
    const version = Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
    examineSchemaVersion(path, version);
    const tables = database
      .prepare("SELECT name, sql FROM sqlite_schema WHERE sql NOT NULL ORDER BY name")
      .all();
    const known = Object.entries(schemas).find(([each]) => Number(each) === version)?.[1];
    if (JSON.stringify(tables) !== JSON.stringify(known)) throw damaged(path, "has other tables than ours");
    if (!wasUnclean) return;
    const verdict = database.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
    if (verdict !== "ok") throw damaged(path, `does not pass SQLite's check (${String(verdict)})`);
  } catch (error) {
    const fault = faultOf(error);
    throw fault.code === "corrupt" && fault !== error
      ? damaged(path, "cannot be read by SQLite", error)
      : error;
  } finally {
    database.close();
  }
}

function examineSchemaVersion(path: string, version: number): void {
  if (version <= schemaVersion) return;
  throw new StoreError(
    "foreign",
    `${path} was written by a newer lambdad (format ${version}; this one knows ${schemaVersion}). ` +
      "It was left as it is. Start that version again, or use another data directory.",
  );
}

function foreign(path: string, what: string): StoreError {
  return new StoreError(
    "foreign",
    `${path} ${what}. It was left as it is. Move it away, or use another data directory.`,
  );
}

function damaged(path: string, what: string, cause?: unknown): StoreError {
  return new StoreError(
    "corrupt",
    `${path} is damaged: it ${what}. It was left as it is. Restore it from a copy, with its -wal file if the copy ` +
      "has one, or use another data directory.",
    { cause },
  );
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function syncPath(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
