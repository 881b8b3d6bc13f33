/**
 * The bytes of objects: files with random names, `<dir>/ab/cdef…`, written once and never changed. A file is durable
 * before the record that names it is committed (L2), so what a reader can find is whole; a crash in between leaves a file
 * that no record names, which `sweep` removes after the next start. Files need no renaming: nobody looks for one by name
 * before its record is there.
 *
 * Memory is flat: what arrives is gathered to a chunk, and while one is written the next is gathered and hashed.
 */
import { join } from "node:path";
import type { Disk, DiskFile, Slice } from "../../base/disk.ts";
import type { Logger } from "../../base/logger.ts";
import type { Random } from "../../base/random.ts";
import { objectChunkBytesMax } from "../../limits.ts";
import type { Body, Layout } from "./domain/object.ts";

export type Source = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

export interface ObjectFilesDeps {
  readonly disk: Disk;
  readonly dir: string;
  readonly random: Random;
  readonly logger: Logger;
}

export class ObjectFiles {
  readonly #deps: ObjectFilesDeps;
  /** Written, but not yet named by a record: not to be swept. */
  readonly #unnamed = new Set<string>();

  constructor(deps: ObjectFilesDeps) {
    this.#deps = deps;
  }

  async open(): Promise<void> {
    await this.#deps.disk.makeDirs(this.#deps.dir);
  }

  /**
   * Writes what `source` gives, tells `each` chunk, and then calls `name` with the durable file, which is to commit the
   * record that names it. When anything fails the file goes again. Without bytes there is no file.
   */
  async keep<T>(
    source: Source,
    each: (bytes: Uint8Array) => void,
    name: (file: string | undefined) => Promise<T>,
  ): Promise<T> {
    const file = this.#deps.random.hex(16);
    this.#unnamed.add(file);
    try {
      const hasBytes = await this.#write(file, source, each);
      return await name(hasBytes ? file : undefined);
    } catch (error) {
      await this.remove([file]);
      throw error;
    } finally {
      this.#unnamed.delete(file);
    }
  }

  /** "ENOENT" when it was removed before the first chunk was read. */
  read(file: string, slice: Slice): AsyncIterable<Uint8Array> {
    return this.#deps.disk.read(this.#pathOf(file), objectChunkBytesMax, slice);
  }

  /** A slice of an object, wherever it lies. */
  async *readBody(
    body: Body,
    layout: Layout | undefined,
    { start, length }: Slice,
  ): AsyncGenerator<Uint8Array> {
    if (body.kind === "file") yield* this.read(body.file, { start, length });
    if (body.kind !== "parts" || !layout) return;
    let partStart = 0;
    const end = start + length;
    for (const { file, sizeBytes } of layout.parts) {
      const from = Math.max(start, partStart);
      const to = Math.min(end, partStart + sizeBytes);
      if (from < to && file !== undefined) {
        yield* this.read(file, { start: from - partStart, length: to - from });
      }
      partStart += sizeBytes;
      if (partStart >= end) return;
    }
  }

  /** After the commit that no longer names them. What cannot be removed now is swept after the next start. */
  async remove(files: readonly string[]): Promise<void> {
    const { disk, logger } = this.#deps;
    for (const file of files) {
      await disk.remove(this.#pathOf(file)).catch((error: unknown) => {
        logger.warn("a file of an object could not be removed; it goes after the next start", { error });
      });
    }
  }

  /** Removes every file that `isNamed` does not know. Answers how many. */
  async sweep(isNamed: (file: string) => Promise<boolean>, signal: AbortSignal): Promise<number> {
    const { disk, dir } = this.#deps;
    let removed = 0;
    for (const shard of await disk.list(dir)) {
      for (const rest of await disk.list(join(dir, shard))) {
        if (signal.aborted) return removed;
        const file = shard + rest;
        if (this.#unnamed.has(file) || (await isNamed(file))) continue;
        // It may have been named between the two questions.
        if (this.#unnamed.has(file) || (await isNamed(file))) continue;
        await this.remove([file]);
        removed += 1;
      }
    }
    return removed;
  }

  async #write(file: string, source: Source, each: (bytes: Uint8Array) => void): Promise<boolean> {
    const { disk, dir } = this.#deps;
    let opened: DiskFile | undefined;
    let gathered: Uint8Array[] = [];
    let gatheredBytes = 0;
    let writing: Promise<void> = Promise.resolve();
    const flush = async () => {
      await writing;
      opened ??= await this.#create(file);
      writing = opened.writeAll(gathered);
      writing.catch(() => {}); // seen at the next flush, or below
      gathered = [];
      gatheredBytes = 0;
    };
    try {
      for await (const bytes of source) {
        if (bytes.length === 0) continue;
        each(bytes);
        gathered.push(bytes);
        gatheredBytes += bytes.length;
        if (gatheredBytes >= objectChunkBytesMax) await flush();
      }
      if (gatheredBytes > 0) await flush();
      await writing;
      if (!opened) return false;
      await opened.sync();
    } finally {
      await writing.catch(() => {});
      await opened?.close();
    }
    await disk.syncDir(join(dir, file.slice(0, 2)));
    return true;
  }

  /** Directories are made when their first file comes. */
  async #create(file: string): Promise<DiskFile> {
    const { disk, dir } = this.#deps;
    try {
      return await disk.create(this.#pathOf(file));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      await disk.makeDirs(join(dir, file.slice(0, 2)));
      return disk.create(this.#pathOf(file));
    }
  }

  #pathOf(file: string): string {
    return join(this.#deps.dir, file.slice(0, 2), file.slice(2));
  }
}
