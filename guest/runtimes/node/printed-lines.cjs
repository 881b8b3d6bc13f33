"use strict";
/**
 * What a function prints past the console, through `process.stdout` and `process.stderr`: whole lines go as frames to the
 * log descriptor. Two pipes have no order between them, and a function's lines do.
 *
 * A line that is not finished yet goes to the descriptor itself, where nobody has to wait for its end. So does what child
 * processes print. The streams are Node's own but for where they write, and made when somebody asks for them, as ever.
 */
const { frameOf, textFrame, writeAll } = require("./frames.cjs");

const newline = 10;

exports.frameLines = function frameLines(logDescriptor) {
  redirect("stdout", 1, logDescriptor);
  redirect("stderr", 2, logDescriptor);
};

function redirect(name, descriptor, logDescriptor) {
  const own = Object.getOwnPropertyDescriptor(process, name);
  let stream;
  Object.defineProperty(process, name, {
    ...own,
    get() {
      stream ??= writingTo(lineWriter(descriptor, logDescriptor), own.get.call(process));
      return stream;
    },
  });
}

function writingTo(write, stream) {
  stream._write = (chunk, encoding, done) => {
    try {
      write(typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk);
    } catch (error) {
      return done(error);
    }
    done();
  };
  stream._writev = undefined;
  return stream;
}

function lineWriter(descriptor, logDescriptor) {
  let isBegun = false;
  return (bytes) => {
    const begin = isBegun ? bytes.indexOf(newline) + 1 || bytes.length : 0;
    const end = Math.max(begin, bytes.lastIndexOf(newline) + 1);
    writeAll(descriptor, bytes.subarray(0, begin));
    if (begin < end) writeAll(logDescriptor, framesOf(bytes.subarray(begin, end)));
    writeAll(descriptor, bytes.subarray(end));
    if (bytes.length > 0) isBegun = bytes[bytes.length - 1] !== newline;
  };
}

function framesOf(lines) {
  const nowMs = Date.now();
  const frames = [];
  for (let at = 0; at < lines.length;) {
    const end = lines.indexOf(newline, at) + 1;
    frames.push(frameOf(textFrame, nowMs, lines.subarray(at, end)));
    at = end;
  }
  return Buffer.concat(frames);
}
