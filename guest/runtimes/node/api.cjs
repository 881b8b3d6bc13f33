"use strict";
/**
 * A client of the Runtime API, for one invocation at a time over one connection.
 *
 * Requests are written as text, and an answer goes out together with the request for the next invocation in one write.
 * A streamed answer goes out chunk by chunk instead. Responses are read in the order of their requests; all have a Content-Length. Must never do work per invocation that
 * the protocol does not ask for.
 */
const net = require("net");

const base = "/2018-06-01/runtime";
const headBytesMax = 1024 * 1024; // headers of one response: lambdad sends at most AWS's 1 MB
const readBytes = 64 * 1024;

exports.openRuntimeApi = function openRuntimeApi({ socketPath, address = "127.0.0.1:9001", onInvocation }) {
  const hostLine = `Host: ${address}\r\n`;
  const nextRequest = `GET ${base}/invocation/next HTTP/1.1\r\n${hostLine}\r\n`;
  /** What the coming responses answer, oldest first: "next", "ack", or what to do after a report. */
  const expected = [];
  let socket;
  /** An answer was refused (too large, too late): the server may close, and that is no reason to end. */
  let wasRefused = false;
  /** Ends the body of the answer that is being streamed. */
  let endStream;

  function deliver(status, headers, body) {
    const what = expected.shift();
    if (what === "next") {
      if (status !== 200) process.exit(1);
      wasRefused = false;
      onInvocation(headers, body);
    } else if (what === "ack") {
      if (status >= 300) wasRefused = true;
    } else {
      what();
    }
  }

  function connect() {
    const buffer = Buffer.allocUnsafe(readBytes);
    const onread = { buffer, callback: responseReader(deliver) };
    if (socketPath) {
      socket = net.connect({ path: socketPath, onread });
    } else {
      const colon = address.lastIndexOf(":");
      socket = net.connect({ host: address.slice(0, colon), port: Number(address.slice(colon + 1)), onread });
      socket.setNoDelay(true);
    }
    // What went wrong does not matter: 'close' follows.
    socket.on("error", () => {});
    socket.on("close", lost);
  }

  /** The server is gone. Without it there is nothing to live for, except where it only hung up on a bad answer. */
  function lost() {
    socket = undefined;
    const after = expected.find((what) => typeof what === "function");
    expected.length = 0;
    if (after !== undefined) return after();
    if (!wasRefused || endStream !== undefined) process.exit(1);
    wasRefused = false;
    next();
  }

  function send(text, done) {
    if (socket === undefined) connect();
    socket.ref();
    socket.write(text, "utf8", done);
  }

  function post(path, body, extra) {
    const length = Buffer.byteLength(body);
    return (
      `POST ${base}${path} HTTP/1.1\r\n${hostLine}Content-Type: application/json\r\n${extra}` +
      `Content-Length: ${length}\r\n\r\n${body}`
    );
  }

  function postError(path, payload) {
    return post(
      path,
      JSON.stringify(payload),
      `Lambda-Runtime-Function-Error-Type: ${token(payload.errorType)}\r\n`,
    );
  }

  function next() {
    expected.push("next");
    send(nextRequest);
  }

  return {
    /** Asks for an invocation; `onInvocation(headers, body)` gets it. */
    next,
    /** Answers with JSON text, and asks for the next invocation. */
    respond(requestId, json) {
      expected.push("ack", "next");
      send(post(`/invocation/${requestId}/response`, json, "") + nextRequest);
    },
    /** Answers with an error, and asks for the next invocation. */
    fail(requestId, payload) {
      expected.push("ack", "next");
      send(postError(`/invocation/${requestId}/error`, payload) + nextRequest);
    },
    /** Begins an answer that follows in pieces, and asks for nothing. An error may end it. */
    stream(requestId, contentType) {
      expected.push("ack");
      let head =
        `POST ${base}/invocation/${requestId}/response HTTP/1.1\r\n${hostLine}` +
        `Content-Type: ${token(contentType)}\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n` +
        "Transfer-Encoding: chunked\r\n" +
        "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n";
      endStream = (payload, done) => {
        endStream = undefined;
        send(`${head}0\r\n${payload === undefined ? "" : errorTrailers(payload)}\r\n`, done);
      };
      return {
        write(pieces, done) {
          if (endStream === undefined) return done();
          const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
          const before = head;
          head = "";
          // An empty chunk would be the end.
          if (length === 0) return before === "" ? done() : send(before, done);
          socket.cork();
          send(`${before}${length.toString(16)}\r\n`);
          for (const piece of pieces) socket.write(piece);
          send("\r\n", done);
          socket.uncork();
        },
        /** `payload`: of the error in the middle, if there was one. Once. */
        end: (payload, done) => (endStream === undefined ? done() : endStream(payload, done)),
      };
    },
    /** Reports what ends this runtime: to the invocation, or (undefined) as an error of INIT. Then calls `after`. */
    report(requestId, payload, after) {
      if (endStream !== undefined) {
        expected[expected.length - 1] = after;
        return endStream(payload);
      }
      expected.push(after);
      send(postError(requestId === undefined ? "/init/error" : `/invocation/${requestId}/error`, payload));
    },
    /** Lets the event loop run empty although the connection is open. The next request undoes it. */
    unref() {
      socket.unref();
    },
  };
};

/** The headers of a response. They are looked for when they are asked for, since of most responses only one or two are. */
class Headers {
  constructor(head) {
    this.head = head;
    this.folded = head.toLowerCase();
  }

  /** `name` in lower case. Latin-1. */
  get(name) {
    const at = this.folded.indexOf(`\r\n${name}:`);
    if (at === -1) return undefined;
    const start = at + name.length + 3;
    const end = this.head.indexOf("\r\n", start);
    return this.head.slice(start, end === -1 ? undefined : end).trim();
  }
}

/** A reader for `onread`: finds the responses in what arrives, in pieces of any size. */
function responseReader(deliver) {
  let head = "";
  let status = 0;
  let headers;
  let body;
  let filled = 0;

  /** Returns where the body begins, or -1 if the head goes on in the next piece. */
  function readHead(size, buffer, at) {
    if (head === "") {
      const end = buffer.indexOf("\r\n\r\n", at, "latin1");
      if (end !== -1 && end < size) {
        parseHead(buffer.toString("latin1", at, end));
        return end + 4;
      }
    }
    const known = head.length;
    head += buffer.toString("latin1", at, size);
    if (head.length > headBytesMax) process.exit(1);
    const end = head.indexOf("\r\n\r\n");
    if (end === -1) return -1;
    parseHead(head.slice(0, end));
    head = "";
    return at + end + 4 - known;
  }

  function parseHead(text) {
    status = Number(text.slice(9, 12));
    headers = new Headers(text);
  }

  return function receive(size, buffer) {
    let at = 0;
    while (at < size) {
      if (headers === undefined) {
        at = readHead(size, buffer, at);
        if (at === -1) return;
        const length = Number(headers.get("content-length") ?? 0);
        if (size - at >= length) {
          const text = buffer.toString("utf8", at, at + length);
          at += length;
          const complete = headers;
          headers = undefined;
          deliver(status, complete, text);
        } else {
          body = Buffer.allocUnsafe(length);
          filled = buffer.copy(body, 0, at, size);
          return;
        }
      } else {
        const taken = buffer.copy(body, filled, at, Math.min(size, at + body.length - filled));
        at += taken;
        filled += taken;
        if (filled === body.length) {
          const text = body.toString("utf8");
          const complete = headers;
          headers = undefined;
          body = undefined;
          deliver(status, complete, text);
        }
      }
    }
  };
}

function errorTrailers(payload) {
  const body = Buffer.from(JSON.stringify(payload)).toString("base64");
  return (
    `Lambda-Runtime-Function-Error-Type: ${token(payload.errorType)}\r\n` +
    `Lambda-Runtime-Function-Error-Body: ${body}\r\n`
  );
}

/** A header value of someone else's making. */
function token(value) {
  return String(value)
    .replace(/[^\x20-\x7e]/g, "?")
    .slice(0, 256);
}
