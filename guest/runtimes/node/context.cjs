"use strict";
/**
 * The context object that a handler gets: AWS's members, in AWS's order.
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

/** `context`: what it shall have besides, added to in place. Throws if a header that should be JSON is not. */
exports.contextOf = function contextOf(headers, context = {}) {
  const deadlineMs = Number(headers.get("lambda-runtime-deadline-ms"));
  context.functionVersion = functionVersion;
  context.functionName = functionName;
  context.memoryLimitInMB = memoryLimitInMB;
  context.logGroupName = logGroupName;
  context.logStreamName = logStreamName;
  context.clientContext = parse(headers.get("lambda-runtime-client-context"), "ClientContext");
  context.identity = parse(headers.get("lambda-runtime-cognito-identity"), "CognitoIdentity");
  context.invokedFunctionArn = headers.get("lambda-runtime-invoked-function-arn");
  context.awsRequestId = headers.get("lambda-runtime-aws-request-id");
  context.tenantId = headers.get("lambda-runtime-aws-tenant-id");
  context.getRemainingTimeInMillis = function getRemainingTimeInMillis() {
    return deadlineMs - Date.now();
  };
  return context;
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
