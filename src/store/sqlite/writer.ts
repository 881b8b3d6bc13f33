/**
 * Applies groups of batches to the database: one transaction and one sync to disk for the whole group. Conditions are
 * checked before anything of a batch is written, so a conflict costs only its own batch and needs no savepoint. A group
 * that fails otherwise is undone whole: nothing of it may be acknowledged.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Write } from "../store.ts";
import { faultOf } from "./fault.ts";

export type BatchResult =
  | { readonly kind: "committed"; readonly versions: readonly number[] }
  | { readonly kind: "conflict"; readonly key: string };

export class Writer {
  readonly #database: DatabaseSync;
  readonly #version: StatementSync;
  readonly #put: StatementSync;
  readonly #remove: StatementSync;
  readonly #saveLastVersion: StatementSync;
  /** K5: one counter for all keys, saved with every group, so that a removed key cannot come back with an old version. */
  #lastVersion: number;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#version = database.prepare("SELECT version FROM entries WHERE key = ?");
    this.#put = database.prepare(
      "INSERT INTO entries VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET version = excluded.version, value = excluded.value",
    );
    this.#remove = database.prepare("DELETE FROM entries WHERE key = ?");
    this.#saveLastVersion = database.prepare("UPDATE counters SET value = ? WHERE name = 'version'");
    const saved = database.prepare("SELECT value FROM counters WHERE name = 'version'").get();
    this.#lastVersion = Number(saved?.["value"]);
  }

  /** Durable when it returns. Throws `StoreError` when nothing of the group was written. */
  apply(group: readonly (readonly Write[])[]): readonly BatchResult[] {
    const lastVersion = this.#lastVersion;
    try {
      this.#database.exec("BEGIN IMMEDIATE");
      const results = group.map((batch) => this.#applyBatch(batch));
      if (this.#lastVersion !== lastVersion) this.#saveLastVersion.run(this.#lastVersion);
      this.#database.exec("COMMIT");
      return results;
    } catch (error) {
      this.#lastVersion = lastVersion;
      // After some errors SQLite has undone it already.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw faultOf(error);
    }
  }

  #applyBatch(batch: readonly Write[]): BatchResult {
    for (const { key, ifVersion } of batch) {
      if (ifVersion === undefined) continue;
      const version = this.#version.get(key)?.["version"] ?? 0;
      if (version !== ifVersion) return { kind: "conflict", key };
    }
    return { kind: "committed", versions: batch.map((write) => this.#applyWrite(write)) };
  }

  #applyWrite(write: Write): number {
    switch (write.kind) {
      case "check":
        return write.ifVersion;
      case "remove":
        this.#remove.run(write.key);
        return 0;
      case "put":
        this.#lastVersion += 1;
        this.#put.run(write.key, this.#lastVersion, write.value);
        return this.#lastVersion;
    }
  }
}
