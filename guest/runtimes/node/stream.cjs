"use strict";
/**
 * Response streaming: the `awslambda` global with which a handler asks for it, and the stream that such a handler gets.
 *
 * The answer begins with the first write, so that an error before it is an ordinary one. What is written goes out as it
 * is written, no faster than lambdad takes it. Texts and symbols are AWS's; the stream is a real Writable here.
 */
const { InvalidStreamingOperation, MalformedStreamingHandler } = require("./errors.cjs");

const streaming = Symbol.for("aws.lambda.runtime.handler.streaming");
const highWaterMark = Symbol.for("aws.lambda.runtime.handler.streaming.highWaterMark");
const preludeType = "application/vnd.awslambda.http-integration-response";

exports.defineGlobal = function defineGlobal() {
  globalThis.awslambda = {
    ...globalThis.awslambda,
    streamifyResponse(handler, options) {
      handler[streaming] = "response";
      if (typeof options?.highWaterMark === "number") {
        handler[highWaterMark] = Math.trunc(options.highWaterMark);
      }
      return handler;
    },
    // oxlint-disable-next-line typescript/no-extraneous-class -- AWS's is a class, and code may ask
    HttpResponseStream: class HttpResponseStream {
      static from = withHead;
    },
  };
};

/** Status, headers and cookies go before the first byte, as JSON that eight NUL bytes close. */
function withHead(stream, prelude) {
  stream.setContentType(preludeType);
  const text = JSON.stringify(prelude);
  stream._onBeforeFirstWrite = (write) => {
    write(text);
    write(new Uint8Array(8));
  };
  return stream;
}

exports.isStreaming = function isStreaming(handler) {
  const mark = handler[streaming];
  if (!mark) return false;
  if (mark === "response") return true;
  throw new MalformedStreamingHandler("Only response streaming is supported.");
};

/** `begin(contentType)` answers `{ write(pieces, done), end(failure, done) }`, and is called before the first write. */
exports.createResponseStream = function createResponseStream(handler, begin) {
  const { Writable } = require("stream");
  let contentType = "application/octet-stream";
  let body;

  /** What the handler wants to have before its first byte. */
  function begun() {
    const pieces = [];
    if (body === undefined) {
      stream._onBeforeFirstWrite?.((piece) => pieces.push(Buffer.from(piece)));
      body = begin(contentType);
    }
    return pieces;
  }

  class ResponseStream extends Writable {
    _onBeforeFirstWrite = undefined;
    /** Set before the end: what the function failed with. */
    failure = undefined;

    /** Before the first write. */
    setContentType(type) {
      if (body !== undefined) throw new InvalidStreamingOperation("Cannot set content-type, too late.");
      contentType = type;
    }

    /** What is neither text nor bytes is written as JSON. */
    write(chunk, encoding, callback) {
      const isBytes = typeof chunk === "string" || chunk instanceof Uint8Array;
      return super.write(isBytes ? chunk : JSON.stringify(chunk), encoding, callback);
    }

    get hasBegun() {
      return body !== undefined;
    }

    _write(chunk, _encoding, done) {
      const pieces = begun();
      body.write([...pieces, chunk], done);
    }

    _writev(chunks, done) {
      const pieces = begun();
      body.write([...pieces, ...chunks.map(({ chunk }) => chunk)], done);
    }

    _final(done) {
      const pieces = begun();
      if (pieces.length > 0) body.write(pieces, () => {});
      body.end(this.failure, done);
    }

    /** Ends the answer with an error, also where the stream has been destroyed. Calls `done` once that is written. */
    fail(failure, done) {
      if (this.writableFinished) return done();
      this.failure = failure;
      if (this.destroyed) return body.end(failure, done);
      this.once("close", done);
      if (!this.writableEnded) this.end();
    }
  }

  const size = Number(handler[highWaterMark]);
  const stream = new ResponseStream(size > 0 ? { highWaterMark: size } : {});
  // Whoever destroys it with an error learns of it by the handler's own failing.
  stream.on("error", () => {});
  return stream;
};

/** Resolves once the stream is finished; rejects where that will not come. */
exports.finished = async function finished(stream) {
  if (!stream.closed) await new Promise((resolve) => stream.once("close", resolve));
  if (!stream.writableFinished) throw stream.errored ?? new Error("Response stream is not finished.");
};
