"use strict";
/**
 * Log frames: what goes to the log descriptor, one log event each, with its time, its kind and, where it has one, its level.
 *
 * A frame is 4 bytes type, 4 bytes length, 8 bytes microseconds, the text in UTF-8, all big-endian. Whoever writes waits
 * while the reader is behind, as on AWS: a line is never lost.
 */
const fs = require("fs");

exports.textFrame = 0xa55a0003;
exports.jsonFrame = 0xa55a0002;
/** lambdad's own: bytes that were printed, to be taken for lines by whoever reads them. */
exports.printedFrame = { out: 0xa55a0001, err: 0xa55a0005 };

/** `text`: a string or bytes. */
exports.frameOf = function frameOf(type, epochMs, text) {
  const length = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(16 + length);
  frame.writeUInt32BE(type >>> 0, 0);
  frame.writeUInt32BE(length, 4);
  frame.writeBigUInt64BE(BigInt(epochMs) * 1000n, 8);
  if (typeof text === "string") frame.write(text, 16, "utf8");
  else frame.set(text, 16);
  return frame;
};

exports.writeAll = function writeAll(descriptor, bytes) {
  for (let at = 0; at < bytes.length;) {
    try {
      at += fs.writeSync(descriptor, bytes, at);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
};
