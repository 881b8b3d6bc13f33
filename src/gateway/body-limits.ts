/** How the body of an operation is received: as a stream or collected, how large it may be, and AWS's 413. */
import { createFunctionRequestBytesMax, invokePayloadBytesMax, requestBodyBytesMax } from "../limits.ts";
import { AwsError } from "../wire/aws-error.ts";
import type { Operation } from "../wire/model.ts";

/** Those with a streaming payload in their input: S3's objects. */
export function streamsInput(operation: Operation): boolean {
  const payload = operation.input.members.find(({ binding }) => binding.in === "payload");
  return payload !== undefined && (payload.traits.streaming ?? payload.shape.traits.streaming) === true;
}

export function bodyBytesMax(operation: Operation): number {
  return limitOf(operation)?.bytesMax ?? requestBodyBytesMax;
}

/** Recorded for CreateFunction and Invoke (lambda-map 2.3); the same form for others is inferred. */
export function requestTooLarge(operation: Operation | undefined): AwsError {
  const limit = operation && limitOf(operation);
  const bytesMax = limit?.bytesMax ?? requestBodyBytesMax;
  const name = limit?.awsName ?? operation?.name ?? "requested";
  return new AwsError(
    "RequestEntityTooLargeException",
    `Request must be smaller than ${bytesMax} bytes for the ${name} operation`,
    { status: 413 },
  );
}

/** Of a request to a function URL, which is no operation. */
export function invocationTooLarge(): AwsError {
  return new AwsError(
    "RequestEntityTooLargeException",
    `Request must be smaller than ${invokePayloadBytesMax} bytes for the InvokeFunction operation`,
    { status: 413 },
  );
}

interface Limit {
  readonly bytesMax: number;
  /** What AWS calls the operation in its message. */
  readonly awsName: string;
}

function limitOf(operation: Operation): Limit | undefined {
  return operation.service.name === "lambda" ? lambdaLimits.get(operation.name) : undefined;
}

const lambdaLimits: ReadonlyMap<string, Limit> = new Map([
  ["Invoke", { bytesMax: invokePayloadBytesMax, awsName: "InvokeFunction" }],
  ["InvokeWithResponseStream", { bytesMax: invokePayloadBytesMax, awsName: "InvokeWithResponseStream" }],
  ["CreateFunction", { bytesMax: createFunctionRequestBytesMax, awsName: "CreateFunction" }],
  ["UpdateFunctionCode", { bytesMax: createFunctionRequestBytesMax, awsName: "UpdateFunctionCode" }],
  ["PublishLayerVersion", { bytesMax: createFunctionRequestBytesMax, awsName: "PublishLayerVersion" }],
]);
