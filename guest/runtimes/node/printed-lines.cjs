"use strict";
/**
 * What a function prints past the console, through `process.stdout` and `process.stderr`: it goes to the log descriptor, as
 * it is, in frames of lambdad's own kind. Two pipes have no order between them, and a function's lines do.
 *
 * The streams are Node's own but for where they write, and made when somebody asks for them, as ever. Child processes have
 * the descriptors themselves.
 */
const { frameOf, printedFrame, writeAll } = require("./frames.cjs");

exports.framePrinted = function framePrinted(logDescriptor) {
  redirect("stdout", printedFrame.out, logDescriptor);
  redirect("stderr", printedFrame.err, logDescriptor);
};

function redirect(name, type, logDescriptor) {
  const own = Object.getOwnPropertyDescriptor(process, name);
  let stream;
  Object.defineProperty(process, name, {
    ...own,
    get() {
      stream ??= writingTo(
        (bytes) => writeAll(logDescriptor, frameOf(type, Date.now(), bytes)),
        own.get.call(process),
      );
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
