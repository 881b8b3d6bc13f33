/**
 * What an environment prints, on its way to CloudWatch Logs: its runtime's three outputs, its extensions' and the
 * platform's own lines, in the order in which they arrive, into one log stream, into the tail of an invocation that wants
 * it, and to extensions that have subscribed to it.
 *
 * Bounded: messages are at most 256 KB, and when the sink is behind by more than its limit they are counted instead of
 * kept; a line says so as soon as there is room. Platform lines always get through.
 */
import type { Readable } from "node:stream";
import { TailBuffer } from "../base/bounded.ts";
import type { Clock } from "../base/clock.ts";
import {
  logAgeMsMax,
  logFutureMsMax,
  logPendingBytesMax,
  logReadingDelayMsMax,
  logTailBytesMax,
  outputTurnBytes,
} from "../limits.ts";
import { applicationLine } from "./application-lines.ts";
import type { EnvironmentLog, LogSink, LogStreamRef } from "./contract.ts";
import type { Message, MessageReader } from "./log-lines.ts";
import { FrameReader, LineReader } from "./log-lines.ts";
import type { PlatformEvent } from "./platform-events.ts";
import type { LineFormat } from "./platform-lines.ts";
import { linesOf } from "./platform-lines.ts";
import type { Telemetry } from "./telemetry.ts";

const newline = 10;
const lineEnd = Buffer.of(newline);

export interface OutputDeps {
  readonly clock: Clock;
  readonly sink: LogSink;
  readonly stream: LogStreamRef;
  readonly format: LineFormat;
}

export interface OutputStreams {
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly frames: Readable;
}

type Origin = "function" | "extension";

export class EnvironmentOutput implements EnvironmentLog {
  /** Hears everything too; undefined: nobody has subscribed. */
  telemetry: Telemetry | undefined;
  readonly #deps: OutputDeps;
  #readers: readonly MessageReader[] = [];
  #receivedBytes = 0;
  #tail: TailBuffer | undefined;
  #dropped = { bytes: 0, messages: 0 };
  /** Of the last message. */
  #lastAtMs = 0;

  constructor(deps: OutputDeps) {
    this.#deps = deps;
  }

  /** Reads a new runtime's outputs. Resolves when all have ended and everything in them has been passed on. */
  async attach(
    { stdout, stderr, frames }: OutputStreams,
    extensions: readonly Readable[] = [],
  ): Promise<void> {
    this.#flush();
    const lines = new LineReader();
    const errorLines = new LineReader();
    const framed = new FrameReader();
    this.#readers = [lines, errorLines, framed];
    await Promise.all([
      this.#read(stdout, lines, "function"),
      this.#read(stderr, errorLines, "function"),
      this.#read(frames, framed, "function"),
      // A line of theirs may go on after an invocation: nothing flushes it.
      ...extensions.map((output) => this.#read(output, new LineReader(), "extension")),
    ]);
  }

  /**
   * Resolves when everything that was printed before the call has been passed on, including a line without its end.
   * What a program wrote before it answered lies in the pipes when its answer is read, so it is enough to let the event
   * loop look at every pipe until it finds nothing: the rest of the present round, then whole rounds.
   */
  async drained(): Promise<void> {
    await nextRound();
    for (let before = -1; before !== this.#receivedBytes;) {
      before = this.#receivedBytes;
      await nextRound();
    }
    this.#flush();
  }

  platform(event: PlatformEvent): void {
    this.#reportDropped();
    this.#say(event);
  }

  beginTail(): void {
    this.#tail = new TailBuffer(logTailBytesMax);
  }

  endTail(): Uint8Array {
    const bytes = this.#tail?.bytes() ?? new Uint8Array();
    this.#tail = undefined;
    return bytes;
  }

  #read(stream: Readable, reader: MessageReader, origin: Origin): Promise<void> {
    stream.on("data", (chunk: Uint8Array) => {
      this.#receivedBytes += chunk.length;
      for (const message of reader.push(chunk)) this.#emit(message, origin);
      if (chunk.length >= outputTurnBytes) giveTurn(stream);
    });
    return new Promise((resolve) => {
      const finish = () => {
        for (const message of reader.flush()) this.#emit(message, origin);
        resolve();
      };
      // A pipe that breaks has nothing more to say; "close" follows an error, and an end.
      stream.on("error", finish);
      stream.once("end", finish);
      stream.once("close", finish);
    });
  }

  #flush(): void {
    for (const reader of this.#readers) {
      for (const message of reader.flush()) this.#emit(message, "function");
    }
  }

  #emit(message: Message, origin: Origin): void {
    const { sink, format } = this.#deps;
    const atMs = this.#inOrder(this.#plausible(message.atMs));
    const text = message.bytes.toString();
    const line = origin === "function" ? applicationLine(text, format, atMs, message.level) : { text };
    if (!line) return;
    const bytes = line.text === text ? message.bytes : Buffer.from(line.text);
    this.#tail?.write(bytes);
    if (bytes.at(-1) !== newline) this.#tail?.write(lineEnd);
    this.telemetry?.emit({ atMs, type: origin, record: line.fields ?? line.text });
    if ((sink.pendingBytes ?? 0) + bytes.length > logPendingBytesMax) {
      this.#dropped.bytes += bytes.length;
      this.#dropped.messages += 1;
      return;
    }
    this.#reportDropped();
    this.#append(line.text, atMs);
  }

  #reportDropped(): void {
    if (this.#dropped.messages === 0) return;
    const { messages: droppedRecords, bytes: droppedBytes } = this.#dropped;
    this.#dropped = { bytes: 0, messages: 0 };
    const reason = "Log lines came faster than they could be stored";
    this.#say({ type: "platform.logsDropped", record: { droppedRecords, droppedBytes, reason } });
  }

  #say(event: PlatformEvent): void {
    const atMs = this.#deps.clock.now();
    for (const line of linesOf(event, this.#deps.format, atMs)) this.#pass(`${line}\n`, atMs);
    this.telemetry?.emit({ atMs, ...event });
  }

  /** A program's own time, unless CloudWatch Logs would refuse it. */
  #plausible(atMs: number | undefined): number {
    const nowMs = this.#deps.clock.now();
    if (atMs === undefined || atMs > nowMs + logFutureMsMax || atMs < nowMs - logAgeMsMax) return nowMs;
    return atMs;
  }

  /** Lines have the time at which they are read, frames the one at which they were written: a little before. */
  #inOrder(atMs: number): number {
    if (atMs < this.#lastAtMs && this.#lastAtMs - atMs < logReadingDelayMsMax) return this.#lastAtMs;
    this.#lastAtMs = atMs;
    return atMs;
  }

  #pass(text: string, atMs: number): void {
    this.#tail?.write(Buffer.from(text));
    this.#append(text, atMs);
  }

  #append(text: string, atMs: number): void {
    this.#deps.sink.append(this.#deps.stream, atMs, text);
  }
}

/** Node reads a pipe that is full two megabytes long, a million lines perhaps, before it looks at anything else. */
function giveTurn(stream: Readable): void {
  stream.pause();
  // In the same round as `drained` looks again.
  setImmediate(() => stream.resume());
}

function nextRound(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
