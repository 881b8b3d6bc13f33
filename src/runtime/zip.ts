/**
 * Deployment packages: what is in a zip, checked before anything of it reaches the disk.
 *
 * Works on the whole zip in memory; content is inflated piece by piece and never beyond the size that the directory
 * declares, whose sum is bounded, so a bomb ends early. A package is unsafe when unpacking it could touch anything
 * outside its own directory: absolute or climbing paths, links that lead out, one name for two things.
 */
import { promisify } from "node:util";
import { crc32, createInflateRaw, inflateRaw } from "node:zlib";
import type { Entry, ZipFile } from "yauzl";
import { fromBufferPromise, getFileNameLowLevel } from "yauzl";
import { bufferOf } from "../base/bytes.ts";
import { unzippedBytesMax, zipEntriesMax, zipPathBytesMax } from "../limits.ts";
import { ZipError } from "./contract.ts";

/** Paths are relative, with "/" between their parts, and have been checked. */
export interface Package {
  /** Every directory, also those that only paths imply; parents first. */
  readonly directories: readonly string[];
  readonly files: readonly PackageFile[];
  readonly links: readonly PackageLink[];
  readonly unzippedBytes: number;
  readonly entries: number;
}

export interface PackageFile {
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  /** Throws `ZipError` when it is damaged. */
  content(): AsyncIterable<Uint8Array>;
}

export interface PackageLink {
  readonly path: string;
  readonly target: string;
}

const inflate = promisify(inflateRaw);
const inflatedAtOnceBytesMax = 1024 * 1024;
const inflateChunkBytes = 256 * 1024;
const linkTargetBytesMax = 4096;
const nameBytesMax = 255;

// Of the Unix mode in an entry's external attributes.
const madeByUnix = 3;
const typeBits = 0o170000;
const types: ReadonlyMap<number, "file" | "directory" | "link"> = new Map([
  [0, "file"],
  [0o100000, "file"],
  [0o040000, "directory"],
  [0o120000, "link"],
]);

/** Throws `ZipError`. */
export async function readPackage(zip: Uint8Array): Promise<Package> {
  const bytes = bufferOf(zip);
  try {
    const file = await fromBufferPromise(bytes, { decodeStrings: false });
    return await new PackageReader(file, bytes).read();
  } catch (error) {
    throw asZipError(error);
  }
}

class PackageReader {
  readonly #zip: ZipFile;
  readonly #bytes: Buffer;
  readonly #kindByPath = new Map<string, "file" | "directory" | "link">();
  readonly #files: PackageFile[] = [];
  readonly #links: PackageLink[] = [];
  #unzippedBytes = 0;
  #entries = 0;

  constructor(zip: ZipFile, bytes: Buffer) {
    this.#zip = zip;
    this.#bytes = bytes;
  }

  async read(): Promise<Package> {
    if (this.#zip.entryCount > zipEntriesMax) throw tooManyEntries();
    for await (const entry of this.#zip.eachEntry()) await this.#add(entry);
    const directories = [...this.#kindByPath]
      .filter(([, kind]) => kind === "directory")
      .map(([path]) => path);
    return {
      directories: directories.sort(),
      files: this.#files,
      links: this.#links,
      unzippedBytes: this.#unzippedBytes,
      entries: this.#entries,
    };
  }

  async #add(entry: Entry): Promise<void> {
    this.#entries += 1;
    this.#unzippedBytes += entry.uncompressedSize;
    if (this.#unzippedBytes > unzippedBytesMax) {
      throw new ZipError("too-large", `unzipped, it has more than ${unzippedBytesMax} bytes`);
    }
    if (!entry.canDecodeFileData())
      throw new ZipError("unreadable", "an entry is encrypted or compressed in an unknown way");
    const name = nameOf(entry);
    const path = checkedPath(name);
    const kind = kindOf(entry, name);
    // "./", the package itself.
    if (path === "" && kind === "directory") return;
    this.#claim(path, kind);
    if (kind === "file") {
      this.#files.push({ path, mode: modeOf(entry), content: () => this.#content(entry, path) });
    } else if (kind === "link") {
      this.#links.push({ path, target: checkedTarget(path, await this.#linkTarget(entry, path)) });
    }
  }

  /** One name is one thing, and what is above it is a directory. */
  #claim(path: string, kind: "file" | "directory" | "link"): void {
    const known = this.#kindByPath.get(path);
    if (path === "" || (known !== undefined && !(known === "directory" && kind === "directory"))) {
      throw unsafe(path, "is there twice");
    }
    this.#kindByPath.set(path, kind);
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      const parent = path.slice(0, end);
      const parentKind = this.#kindByPath.get(parent);
      if (parentKind === "directory") break;
      if (parentKind !== undefined) throw unsafe(parent, "is a directory and something else");
      this.#kindByPath.set(parent, "directory");
    }
    // Directories that only paths imply cost as much as others.
    if (this.#kindByPath.size > zipEntriesMax) throw tooManyEntries();
  }

  async #linkTarget(entry: Entry, path: string): Promise<string> {
    if (entry.uncompressedSize > linkTargetBytesMax)
      throw unsafe(path, "is a link with a target that is too long");
    const pieces: Uint8Array[] = [];
    for await (const piece of this.#content(entry, path)) pieces.push(piece);
    return Buffer.concat(pieces).toString();
  }

  async *#content(entry: Entry, path: string): AsyncIterable<Uint8Array> {
    let sizeBytes = 0;
    let checksum = 0;
    try {
      for await (const piece of this.#unpacked(entry)) {
        sizeBytes += piece.length;
        if (sizeBytes > entry.uncompressedSize) break;
        checksum = crc32(piece, checksum);
        yield piece;
      }
    } catch (error) {
      throw asZipError(error);
    }
    if (sizeBytes !== entry.uncompressedSize)
      throw new ZipError("unreadable", `${path} has another size than declared`);
    if (checksum !== entry.crc32) throw new ZipError("unreadable", `${path} is damaged`);
  }

  async *#unpacked(entry: Entry): AsyncIterable<Uint8Array> {
    const { fileDataStart } = await this.#zip.readLocalFileHeaderPromise(entry, { minimal: true });
    const packed = this.#bytes.subarray(fileDataStart, fileDataStart + entry.compressedSize);
    if (entry.compressionMethod === 0) {
      yield packed;
    } else if (entry.uncompressedSize <= inflatedAtOnceBytesMax) {
      // One byte more than declared may come out, so that "longer" is seen, and no more.
      yield await inflate(packed, { maxOutputLength: entry.uncompressedSize + 1 });
    } else {
      const stream = createInflateRaw({ chunkSize: inflateChunkBytes });
      stream.end(packed);
      yield* stream;
    }
  }
}

function nameOf(entry: Entry): string {
  const raw: unknown = entry.fileName;
  if (!(raw instanceof Buffer)) throw new ZipError("unreadable", "an entry has no name");
  if (raw.length > zipPathBytesMax) throw unsafe(raw.toString("latin1", 0, 64), "is a path that is too long");
  return getFileNameLowLevel(entry.generalPurposeBitFlag, raw, entry.extraFields, true);
}

/** Without "." and empty parts; "" for the package itself. */
function checkedPath(name: string): string {
  if (name.startsWith("/")) throw unsafe(name, "is an absolute path");
  if (name.includes("\0") || name.includes("\\"))
    throw unsafe(name, "has a character that a path must not have");
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw unsafe(name, "leads out of the package");
  if (parts.some((part) => Buffer.byteLength(part) > nameBytesMax))
    throw unsafe(name, "has a name that is too long");
  return parts.join("/");
}

function kindOf(entry: Entry, name: string): "file" | "directory" | "link" {
  if (name.endsWith("/")) return "directory";
  const kind = types.get(unixMode(entry) & typeBits);
  if (!kind) throw unsafe(name, "is neither file, directory nor link");
  return kind;
}

/** Readable for all, writable for the owner; execute bits as packed. Nothing else of the mode is kept. */
function modeOf(entry: Entry): number {
  return (unixMode(entry) & 0o755) | 0o644;
}

/** 0 where the zip was made on a system without them. */
function unixMode(entry: Entry): number {
  return entry.versionMadeBy >>> 8 === madeByUnix ? entry.externalFileAttributes >>> 16 : 0;
}

/**
 * A link may climb first and then only descend. Since every parent of a link is a real directory, the climb can be
 * counted; a descent through another link ends inside, by the same rule for that one. "a/../.." could not be judged.
 */
function checkedTarget(path: string, target: string): string {
  const parts = target.split("/").filter((part) => part !== "" && part !== ".");
  const climbs = parts.findIndex((part) => part !== "..");
  const climb = climbs < 0 ? parts.length : climbs;
  const depth = path.split("/").length - 1;
  const isInside = climb <= depth && !parts.slice(climb).includes("..");
  if (target === "" || target.startsWith("/") || target.includes("\0") || !isInside) {
    throw unsafe(path, "is a link that leads out of the package");
  }
  return target;
}

function unsafe(path: string, why: string): ZipError {
  return new ZipError("unsafe", `${JSON.stringify(path)} ${why}`);
}

function tooManyEntries(): ZipError {
  return new ZipError("too-large", `it has more than ${zipEntriesMax} files and directories`);
}

function asZipError(error: unknown): ZipError {
  if (error instanceof ZipError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new ZipError("unreadable", reason, { cause: error });
}
