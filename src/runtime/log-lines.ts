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
/** The first three bytes of every frame; the fourth is above 0 and below 32. */
const frameMark = Buffer.of(0xa5, 0x5a, 0);
/**
 * In the type: 2 for JSON, 3 for text, and above these the level, from 1 for TRACE. 1 is ours: printed as it is, above it
 * 1 for standard error.
 */
const frameKind = { mask: 0b11, printed: 0b01, json: 0b10, levelShift: 2, levelMask: 0b1111 } as const;

/**
 * A frame: 4 bytes type, 4 bytes length, 8 bytes epoch microseconds, all big-endian, then UTF-8. What is between frames is
 * lines: between two pipes there is no order, so our bootstraps may turn standard output here, for children too.
 */
export class FrameReader implements MessageReader {
  readonly #pending = new ByteQueue();
  #remaining = 0;
  #atMs = 0;
  #level: number | undefined;
  #printed: LineReader | undefined;
  readonly #printedOut = new LineReader();
  readonly #printedErr = new LineReader();

  push(chunk: Uint8Array): readonly Message[] {
    this.#pending.push(chunk);
    const messages: Message[] = [];
    for (;;) {
      if (this.#remaining === 0) {
        messages.push(...this.#betweenFrames());
        if (!this.#readHead()) return messages;
      } else {
        const piece = this.#takePiece();
        if (!piece) return messages;
        messages.push(...this.#read(piece));
      }
    }
  }

  flush(): readonly Message[] {
    const messages: Message[] = [];
    if (this.#remaining > 0 && this.#pending.length > 0) {
      // An unfinished frame's text is shown; an unfinished head has none.
      const bytes = this.#pending.take(this.#pending.length);
      this.#remaining -= bytes.length;
      messages.push(...this.#read(bytes));
    } else if (this.#pending.length <= frameMark.length) {
      // Only looked like the begin of one.
      messages.push(...this.#printedOut.push(this.#pending.take(this.#pending.length)));
    }
    return [...messages, ...this.#printedOut.flush(), ...this.#printedErr.flush()];
  }

  /** A frame's text, or a part of it. */
  #read(bytes: Buffer): readonly Message[] {
    if (!this.#printed) return [{ bytes, atMs: this.#atMs, level: this.#level }];
    return this.#printed.push(bytes).map((line) => ({ ...line, atMs: this.#atMs }));
  }

  #betweenFrames(): readonly Message[] {
    const bytes = nextFrame(this.#pending.view());
    return bytes === 0 ? [] : this.#printedOut.push(this.#pending.take(bytes));
  }

  /** False: it is not whole yet. */
  #readHead(): boolean {
    if (this.#pending.length < frameHeadBytes) return false;
    const head = this.#pending.take(frameHeadBytes);
    const type = head.readUInt16BE(2);
    this.#level = levelOf(type);
    const isPrinted = (type & frameKind.mask) === frameKind.printed;
    this.#printed = isPrinted ? this.#printedBy(type >> frameKind.levelShift) : undefined;
    this.#remaining = head.readUInt32BE(4);
    this.#atMs = Number(head.readBigUInt64BE(8) / 1000n);
    return true;
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
}

/** Where the next frame begins, or may begin with what has not come yet. */
function nextFrame(view: Buffer): number {
  const [first = 0] = frameMark;
  for (let at = view.indexOf(first); at !== -1; at = view.indexOf(first, at + 1)) {
    const isMark = frameMark.every((byte, index) => (view[at + index] ?? byte) === byte);
    const kind = view[at + frameMark.length] ?? 1;
    if (isMark && kind > 0 && kind < 32) return at;
  }
  return view.length;
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
