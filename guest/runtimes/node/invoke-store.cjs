"use strict";
/**
 * `awslambda.InvokeStore`, from Node 24 on: what belongs to the invocation, for code that gets no context. The package
 * `@aws/lambda-invoke-store`, and with it the AWS SDK and Powertools, take this one where it is there. An environment
 * has one invocation at a time, so it is a variable. Names and texts are AWS's.
 */
const requestIdKey = Symbol.for("_AWS_LAMBDA_REQUEST_ID");
const traceIdKey = Symbol.for("_AWS_LAMBDA_X_RAY_TRACE_ID");
const tenantIdKey = Symbol.for("_AWS_LAMBDA_TENANT_ID");
const protectedKeys = { REQUEST_ID: requestIdKey, X_RAY_TRACE_ID: traceIdKey, TENANT_ID: tenantIdKey };

let current;

class InvokeStoreSingle {
  static PROTECTED_KEYS = protectedKeys;

  isProtectedKey(key) {
    return Object.values(protectedKeys).includes(key);
  }
  getRequestId() {
    return current?.[requestIdKey] ?? "-";
  }
  getXRayTraceId() {
    return current?.[traceIdKey];
  }
  getTenantId() {
    return current?.[tenantIdKey];
  }
  getContext() {
    return current;
  }
  hasContext() {
    return current !== undefined;
  }
  get(key) {
    return current?.[key];
  }
  set(key, value) {
    if (this.isProtectedKey(key)) {
      throw new Error(`Cannot modify protected Lambda context field: ${String(key)}`);
    }
    current ??= {};
    current[key] = value;
  }
  run(context, callback) {
    current = context;
    return callback();
  }
}

exports.defineInvokeStore = function defineInvokeStore() {
  globalThis.awslambda.InvokeStore = new InvokeStoreSingle();
};

exports.enterInvocation = function enterInvocation(requestId, traceId) {
  current = { [requestIdKey]: requestId, [traceIdKey]: traceId };
};
