/**
 * Log messages out of what a program writes: one a line from stdout and stderr, one a frame from file descriptor 3.
 *
 * Pure, and bounded: whatever is longer than 256 KB is cut, between two characters. Only "\n" ends a line; "\r" stays,
 * since runtimes use it to keep the lines of one message together. Source: lambda-map 4.4, 5.1.
 */
import { logLineBytesMax } from "../limits.ts";
import { ByteQueue } from "./byte-queue.ts";

export interface Message {
  /** UTF-8, not checked; with the newline that ended it. */
  readonly bytes: Buffer;
  /** Epoch ms, where the program named it. */
  readonly atMs: number | undefined;
  /** Where the runtime has said that it is a JSON log event, and of which level: 0 for TRACE to 5 for FATAL. */
  readonly level?: number | undefined;
}

export interface MessageReader {
  push(chunk: Uint8Array): readonly Message[];
  /** What was begun and not ended. */
  flush(): readonly Message[];
}

const newline = 10;

export class LineReader implements MessageReader {
  readonly #pending = new ByteQueue();
  #searched = 0;

  push(chunk: Uint8Array): readonly Message[] {
    this.#pending.push(chunk);
    const messages: Message[] = [];
    for (let line = this.#takeLine(); line; line = this.#takeLine())
      messages.push({ bytes: line, atMs: undefined });
    return messages;
  }

  flush(): readonly Message[] {
    this.#searched = 0;
    if (this.#pending.length === 0) return [];
    return [{ bytes: this.#pending.take(this.#pending.length), atMs: undefined }];
  }

  #takeLine(): Buffer | undefined {
    const view = this.#pending.view();
    const end = view.indexOf(newline, this.#searched) + 1;
    if (end > 0 && end <= logLineBytesMax) return this.#take(end);
    if (view.length > logLineBytesMax) return this.#take(cutBefore(view, logLineBytesMax));
    this.#searched = view.length;
    return undefined;
  }

  #take(bytes: number): Buffer {
    this.#searched = 0;
    return this.#pending.take(bytes);
  }
}

const frameHeadBytes = 16;
const frameMark = 0xa55a;
/**
 * In the type: 2 for JSON, 3 for text, and above these the level, from 1 for TRACE. 1 is ours: printed as it is, above it
 * 1 for standard error.
 */
const frameKind = { mask: 0b11, printed: 0b01, json: 0b10, levelShift: 2, levelMask: 0b1111 } as const;

/**
 * A frame: 4 bytes type, 4 bytes length, 8 bytes epoch microseconds, all big-endian, then UTF-8. A program that writes
 * something else there gets it logged as lines.
 *
 * What our bootstraps' functions print comes here too, begun lines and all: between two pipes there is no order.
 */
export class FrameReader implements MessageReader {
  readonly #pending = new ByteQueue();
  #remaining = 0;
  #atMs = 0;
  #level: number | undefined;
  #printed: LineReader | undefined;
  readonly #printedOut = new LineReader();
  readonly #printedErr = new LineReader();
  #lines: LineReader | undefined;

  push(chunk: Uint8Array): readonly Message[] {
    if (this.#lines) return this.#lines.push(chunk);
    this.#pending.push(chunk);
    const messages: Message[] = [];
    while (this.#remaining > 0 || this.#readHead()) {
      const piece = this.#takePiece();
      if (!piece) return messages;
      messages.push(...this.#read(piece));
    }
    return this.#isForeign() ? [...messages, ...this.#fallBack()] : messages;
  }

  flush(): readonly Message[] {
    if (this.#lines) return this.#lines.flush();
    const messages: Message[] = [];
    if (this.#pending.length > 0) {
      // An unfinished frame's text is shown; an unfinished head has none.
      const bytes = this.#pending.take(this.#pending.length);
      if (this.#remaining > 0) messages.push(...this.#read(bytes));
      this.#remaining = Math.max(0, this.#remaining - bytes.length);
    }
    return [...messages, ...this.#dated(this.#printedOut.flush()), ...this.#dated(this.#printedErr.flush())];
  }

  /** A frame's text, or a part of it. */
  #read(bytes: Buffer): readonly Message[] {
    if (this.#printed) return this.#dated(this.#printed.push(bytes));
    return [{ bytes, atMs: this.#atMs, level: this.#level }];
  }

  #dated(lines: readonly Message[]): readonly Message[] {
    return lines.map(({ bytes }) => ({ bytes, atMs: this.#atMs }));
  }

  /** False: the head is not here yet, or is none. */
  #readHead(): boolean {
    while (this.#pending.length >= frameHeadBytes && !this.#isForeign()) {
      const head = this.#pending.take(frameHeadBytes);
      const type = head.readUInt16BE(2);
      this.#level = levelOf(type);
      const isPrinted = (type & frameKind.mask) === frameKind.printed;
      this.#printed = isPrinted ? this.#printedBy(type >> frameKind.levelShift) : undefined;
      this.#remaining = head.readUInt32BE(4);
      this.#atMs = Number(head.readBigUInt64BE(8) / 1000n);
      if (this.#remaining > 0) return true;
    }
    return false;
  }

  #printedBy(stream: number): LineReader {
    return stream === 0 ? this.#printedOut : this.#printedErr;
  }

  #takePiece(): Buffer | undefined {
    const wanted = Math.min(this.#remaining, logLineBytesMax);
    const view = this.#pending.view();
    if (view.length < wanted) return undefined;
    const bytes = wanted < this.#remaining ? cutBefore(view, wanted) : wanted;
    this.#remaining -= bytes;
    return this.#pending.take(bytes);
  }

  #isForeign(): boolean {
    const view = this.#pending.view();
    return view.length >= 2 && view.readUInt16BE(0) !== frameMark;
  }

  #fallBack(): readonly Message[] {
    this.#lines = new LineReader();
    return this.#lines.push(this.#pending.take(this.#pending.length));
  }
}

function levelOf(type: number): number | undefined {
  const level = ((type >> frameKind.levelShift) & frameKind.levelMask) - 1;
  return (type & frameKind.mask) === frameKind.json && level >= 0 ? level : undefined;
}

/** The longest prefix of at most `bytesMax` bytes that does not end inside a UTF-8 sequence. */
function cutBefore(bytes: Buffer, bytesMax: number): number {
  let cut = bytesMax;
  while (cut > bytesMax - 4 && ((bytes[cut] ?? 0) & 0xc0) === 0x80) cut -= 1;
  // Not UTF-8 at all: cut anywhere.
  return ((bytes[cut] ?? 0) & 0xc0) === 0x80 ? bytesMax : cut;
}
