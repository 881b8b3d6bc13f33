/**
 * Takes apart what a bootstrap wrote to its log descriptor: 4 bytes type, 4 bytes length, 8 bytes microseconds, text. What
 * was printed there between frames is one of type 0, up to the next one.
 */

export interface Frame {
  /** 0xa55a0003 for text, 0xa55a0002 for JSON, each with the level's bits; 0 for what is none. */
  readonly type: number;
  readonly timestampMs: number;
  readonly text: string;
}

/** Throws where a frame is cut off. */
export function parseFrames(bytes: Buffer): readonly Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length;) {
    const type = bytes.length - at < 4 ? 0 : bytes.readUInt32BE(at);
    if (type >>> 16 !== 0xa55a) {
      const mark = bytes.indexOf(Buffer.of(0xa5, 0x5a, 0), at);
      const until = mark === -1 ? bytes.length : mark;
      frames.push({ type: 0, timestampMs: 0, text: bytes.toString("utf8", at, until) });
      at = until;
      continue;
    }
    const end = at + 16 + bytes.readUInt32BE(at + 4);
    if (end > bytes.length) throw new Error(`a frame at byte ${at} is cut off`);
    const timestampMs = Number(bytes.readBigUInt64BE(at + 8) / 1000n);
    frames.push({ type, timestampMs, text: bytes.toString("utf8", at + 16, end) });
    at = end;
  }
  return frames;
}
