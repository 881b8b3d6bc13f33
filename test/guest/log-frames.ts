/**
 * Takes apart what a bootstrap wrote to its log descriptor: 4 bytes type, 4 bytes length, 8 bytes microseconds, text.
 */

export interface Frame {
  /** 0xa55a0003 for text, 0xa55a0002 for JSON, each with the level's bits. */
  readonly type: number;
  readonly timestampMs: number;
  readonly text: string;
}

/** Throws unless the bytes are whole frames and nothing else. */
export function parseFrames(bytes: Buffer): readonly Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length;) {
    const type = bytes.readUInt32BE(at);
    if (type >>> 16 !== 0xa55a) throw new Error(`not a frame at byte ${at}: ${type.toString(16)}`);
    const end = at + 16 + bytes.readUInt32BE(at + 4);
    if (end > bytes.length) throw new Error(`a frame at byte ${at} is cut off`);
    const timestampMs = Number(bytes.readBigUInt64BE(at + 8) / 1000n);
    frames.push({ type, timestampMs, text: bytes.toString("utf8", at + 16, end) });
    at = end;
  }
  return frames;
}
