/**
 * multipart/form-data as it arrives: the fields before the file are collected, within bounds; the file's bytes are passed
 * on as they come. The file must be the last field, as S3 has it. Source: RFC 7578.
 */
import { postFormFieldsBytesMax } from "../../limits.ts";
import { invalidArgument, malformedForm, preconditionFailed, s3Error } from "./errors.ts";

export interface FormFile {
  readonly fileName: string;
  /** Up to the boundary behind it. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

export interface ReadForm {
  /** By lower-case name. */
  readonly fields: ReadonlyMap<string, string>;
  readonly file: FormFile;
}

export class FormReader {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #boundary: Buffer;
  #held: Buffer = Buffer.alloc(0);
  #isEnded = false;

  /** Throws when the content type has no boundary. */
  constructor(body: AsyncIterable<Uint8Array>, contentType: string) {
    const [, quoted, plain] = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;]{1,70}))/i.exec(contentType) ?? [];
    const boundary = quoted ?? plain;
    if (boundary === undefined) {
      throw preconditionFailed("Bucket POST must be of the enclosure-type multipart/form-data");
    }
    this.#source = body[Symbol.asyncIterator]();
    this.#boundary = Buffer.from(`\r\n--${boundary}`);
    // The first boundary has no line before it.
    this.#held = Buffer.from("\r\n");
  }

  async untilFile(): Promise<ReadForm> {
    const fields = new Map<string, string>();
    let total = 0;
    await this.#until(this.#boundary, postFormFieldsBytesMax);
    for (;;) {
      const line = (await this.#until(newline, 1024)).toString();
      if (line.startsWith("--")) {
        throw invalidArgument("POST requires exactly one file upload per request.", "file", "0");
      }
      const heads = (await this.#heads()).toString();
      const name = /;\s*name="([^"]*)"/i.exec(heads)?.[1]?.toLowerCase();
      if (name === undefined) throw malformedForm();
      if (name === "file") {
        const fileName = /;\s*filename="([^"]*)"/i.exec(heads)?.[1] ?? "";
        return { fields, file: { fileName: baseName(fileName), bytes: this.#file() } };
      }
      const value = await this.#until(this.#boundary, postFormFieldsBytesMax);
      total += heads.length + value.length;
      if (total > postFormFieldsBytesMax) throw tooLarge();
      fields.set(name, value.toString("utf8"));
    }
  }

  /** What comes behind the file: nothing of it is used. Throws when there is another one. */
  async end(): Promise<void> {
    let rest = 0;
    while (await this.#more()) {
      rest += this.#held.length;
      this.#held = Buffer.alloc(0);
      if (rest > postFormFieldsBytesMax) throw tooLarge();
    }
  }

  /** Lets go of the body, however much of it was read. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  /** The part's own header lines. */
  async #heads(): Promise<Buffer> {
    const lines: Buffer[] = [];
    for (;;) {
      const line = await this.#until(newline, 8 * 1024);
      if (line.length === 0) return Buffer.concat(lines);
      lines.push(line, newline);
      if (lines.length > 32) throw malformedForm();
    }
  }

  async *#file(): AsyncGenerator<Uint8Array> {
    const { length } = this.#boundary;
    for (;;) {
      const at = this.#held.indexOf(this.#boundary);
      if (at !== -1) {
        if (at > 0) yield this.#held.subarray(0, at);
        this.#held = this.#held.subarray(at + length);
        return;
      }
      // The boundary may have begun at the end of what is here.
      const safe = this.#held.length - length + 1;
      if (safe > 0) {
        yield this.#held.subarray(0, safe);
        this.#held = this.#held.subarray(safe);
      }
      if (!(await this.#more())) throw malformedForm();
    }
  }

  async #until(mark: Buffer, bytesMax: number): Promise<Buffer> {
    for (;;) {
      const at = this.#held.indexOf(mark);
      if (at !== -1) {
        const found = this.#held.subarray(0, at);
        this.#held = this.#held.subarray(at + mark.length);
        return found;
      }
      if (this.#held.length > bytesMax + mark.length) throw tooLarge();
      if (!(await this.#more())) throw malformedForm();
    }
  }

  async #more(): Promise<boolean> {
    if (this.#isEnded) return false;
    const { done, value } = await this.#source.next();
    if (done) {
      this.#isEnded = true;
      return false;
    }
    this.#held = this.#held.length === 0 ? Buffer.from(value) : Buffer.concat([this.#held, value]);
    return true;
  }
}

const newline = Buffer.from("\r\n");

/** Some browsers send the whole path. */
function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}

function tooLarge() {
  return s3Error(
    400,
    "MaxPostPreDataLengthExceeded",
    "Your POST request fields preceding the upload file were too large.",
  );
}
