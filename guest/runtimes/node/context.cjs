"use strict";
/**
 * The context object that a handler gets: AWS's members, in AWS's order, which is another one from Node 24 on.
 *
 * What belongs to the function comes from the environment, what belongs to the invocation from the headers of `next`.
 */
let functionVersion;
let functionName;
let memoryLimitInMB;
let logGroupName;
let logStreamName;

/** Before user code can change them. */
exports.readFunction = function readFunction(env) {
  functionVersion = env.AWS_LAMBDA_FUNCTION_VERSION;
  functionName = env.AWS_LAMBDA_FUNCTION_NAME;
  memoryLimitInMB = env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE;
  logGroupName = env.AWS_LAMBDA_LOG_GROUP_NAME;
  logStreamName = env.AWS_LAMBDA_LOG_STREAM_NAME;
};

/** As from Node 24 on. Throws if a header that should be JSON is not. */
exports.contextOf = function contextOf(headers) {
  const deadlineMs = Number(headers.get("lambda-runtime-deadline-ms"));
  return {
    clientContext: parse(headers.get("lambda-runtime-client-context"), "ClientContext"),
    identity: parse(headers.get("lambda-runtime-cognito-identity"), "CognitoIdentity"),
    invokedFunctionArn: headers.get("lambda-runtime-invoked-function-arn"),
    awsRequestId: headers.get("lambda-runtime-aws-request-id"),
    tenantId: headers.get("lambda-runtime-aws-tenant-id"),
    xRayTraceId: headers.get("lambda-runtime-trace-id"),
    getRemainingTimeInMillis: function () {
      return deadlineMs - Date.now();
    },
    functionName,
    functionVersion,
    memoryLimitInMB,
    logGroupName,
    logStreamName,
  };
};

/** As up to Node 22: `callbacks`, and what has been there longer, added in place. */
exports.withCallbacks = function withCallbacks(callbacks, headers) {
  const { xRayTraceId: _new, ...rest } = exports.contextOf(headers);
  const ofFunction = { functionVersion, functionName, memoryLimitInMB, logGroupName, logStreamName };
  return Object.assign(callbacks, ofFunction, rest);
};

/** Headers were read as Latin-1, but their JSON is UTF-8. */
function parse(header, name) {
  if (header === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(header, "latin1").toString("utf8"));
  } catch (error) {
    throw new Error(`Cannot parse ${name} as json: ${String(error)}`, { cause: error });
  }
}
