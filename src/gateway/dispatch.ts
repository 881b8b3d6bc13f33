/**
 * From an operation and its input to a handler, and from whatever a handler throws to the error that the caller sees.
 *
 * An operation that is known but not implemented answers 400 `UnsupportedOperationException` and names itself. 501
 * would say it better, but some SDKs (Ruby's, older ones) retry every 5xx, and a caller should learn it at once.
 * Anything thrown that is not an `AwsError` is ours: logged with its cause, told to the caller only as an id.
 */
import type { Logger } from "../base/logger.ts";
import { callDepthMax } from "../limits.ts";
import type { AnyOperation, Context, Service } from "../services/service.ts";
import { StoreError } from "../store/store.ts";
import { AwsError } from "../wire/aws-error.ts";
import { loadModel } from "../wire/model-load.ts";
import type { Operation, ProtocolId, ServiceModel } from "../wire/model.ts";
import type { Structure } from "../wire/protocol.ts";
import { missingFromBody } from "../wire/s3-words.ts";
import { validate, validationMessage } from "../wire/validate.ts";
import { requestTooLarge } from "./body-limits.ts";
import type { Call } from "./context.ts";
import { BodyTooLarge } from "./exchange.ts";
import { validationCode } from "./validation-code.ts";

export interface Dispatcher {
  /** Throws for an operation that nobody implements. */
  find(operation: Operation): AnyOperation;
  /** One service calls another, without HTTP: validates, then runs. */
  readonly call: Call;
}

export function createDispatcher(services: readonly Service[]): Dispatcher {
  const byName = new Map(services.map((service) => [service.name, service]));

  function find(operation: Operation): AnyOperation {
    const entry = byName.get(operation.service.name)?.operations[operation.name];
    if (typeof entry === "function") return entry;
    throw notImplementedError(operation, entry?.notImplemented);
  }

  return {
    find,
    async call(caller, serviceName, operationName, input) {
      const model = byName.has(serviceName) ? loadModel(serviceName) : undefined;
      const operation = model?.operations.get(operationName);
      if (!operation) throw unsupported(`${serviceName} ${operationName} is not there in lambdad.`);
      if (caller.depth >= callDepthMax) throw new Error(`services called each other ${callDepthMax} deep`);
      const handler = find(operation);
      checkInput(operation, input as Structure, undefined);
      return runHandler(handler, input as Structure, caller.nested());
    },
  };
}

/** Throws the service's validation error, with every violation in its message. */
export function checkInput(operation: Operation, input: Structure, protocol: ProtocolId | undefined): void {
  const violations = validate(operation, input);
  if (violations.length === 0) return;
  const service = operation.service.name;
  const missing = service === "sqs" ? missingParameter(operation, input) : undefined;
  if (missing) throw missing;
  const message = validationMessage(violations) ?? "";
  // recorded: S3 says no more of a body that is not what its schema demands.
  const malformed =
    service === "s3" && message.includes("must not be null") && missingFromBody(operation, input);
  if (malformed) throw malformed;
  throw new AwsError(validationCode(service, protocol), message, { status: 400 });
}

/** SQS has words of its own for what is missing (recorded). */
function missingParameter({ input: shape }: Operation, input: Structure): AwsError | undefined {
  const missing = shape.members.find(({ name, required }) => required && input[name] === undefined);
  if (!missing) return undefined;
  return new AwsError(
    "MissingRequiredParameterException",
    `The request must contain the parameter ${missing.name}.`,
    { status: 400, query: { code: "MissingParameter" } },
  );
}

/** What the client is told. Logs what it is not told. */
export function asAwsError(
  error: unknown,
  failed: {
    readonly service: ServiceModel | undefined;
    readonly operation: Operation | undefined;
    readonly requestId: string;
    readonly logger: Logger;
  },
): AwsError {
  if (error instanceof AwsError) return error;
  if (error instanceof BodyTooLarge) return requestTooLarge(failed.operation);
  failed.logger.error("request failed", {
    requestId: failed.requestId,
    service: failed.service?.name,
    operation: failed.operation?.name,
    error,
    stack: error instanceof Error ? error.stack : undefined,
  });
  if (isDiskFull(error)) return failure(failed.service, 507, "lambdad's disk is full.");
  return internalFailure(failed.service);
}

export function internalFailure(service: ServiceModel | undefined): AwsError {
  const text = "An internal error occurred; lambdad's log has it under this request id.";
  return failure(service, 500, text);
}

function failure(service: ServiceModel | undefined, status: number, text: string): AwsError {
  if (service?.name === "lambda") {
    return new AwsError("ServiceException", text, { status, members: { Type: "Service" } });
  }
  const code = service?.name === "s3" ? "InternalError" : "InternalFailure";
  return new AwsError(code, text, { status });
}

/** Who is told so can make room; nothing of the request has been done. */
function isDiskFull(error: unknown): boolean {
  if (error instanceof StoreError) return error.code === "full";
  return error instanceof Error && "code" in error && error.code === "ENOSPC";
}

/** The one place where the compiler must trust the router: a handler's input is what its model describes. */
export async function runHandler(handler: AnyOperation, input: Structure, ctx: Context): Promise<Structure> {
  return (await handler(input as never, ctx)) as Structure;
}

function notImplementedError({ service, name }: Operation, why: string | undefined): AwsError {
  return unsupported(
    why === undefined
      ? `${service.name} ${name} is not there in lambdad.`
      : `${service.name} ${name} is not implemented in lambdad: ${why}.`,
  );
}

function unsupported(text: string): AwsError {
  return new AwsError("UnsupportedOperationException", text, { status: 400 });
}
