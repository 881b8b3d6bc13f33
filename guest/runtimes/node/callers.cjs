"use strict";
/**
 * Calls the handler. The names here are AWS's, of its client for Node 18 to 22 and of the one from Node 24 on, because
 * users see them: stack traces show them, and a handler's `this` is one of these. Must never hold more than the handler.
 */
class Runtime {
  constructor(handler) {
    this.handler = handler;
  }
  handleOnceNonStreaming(event, context, callback) {
    return this.handler(event, context, callback);
  }
  handleOnceStreaming(event, stream, context) {
    return this.handler(event, stream, context);
  }
}

class BufferedInvokeProcessor {
  constructor(handler) {
    this.handler = handler;
  }
  async processInvoke(event, context) {
    return await this.handler(event, context);
  }
}

class StreamingInvokeProcessor {
  constructor(handler) {
    this.handler = handler;
  }
  processInvoke(event, stream, context) {
    return this.handler(event, stream, context);
  }
}

exports.callerOf = function callerOf(handler, { isStreamed, hasCallbacks }) {
  if (hasCallbacks) return new Runtime(handler);
  return isStreamed ? new StreamingInvokeProcessor(handler) : new BufferedInvokeProcessor(handler);
};
