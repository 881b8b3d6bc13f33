/** EventBridge Scheduler's errors, in its words; statuses from the model. Texts: map-events-observability 2. */
import { AwsError } from "../../wire/aws-error.ts";

export const validation = (message: string) => new AwsError("ValidationException", message);

export const conflict = (message: string) => new AwsError("ConflictException", message);

export const scheduleNotFound = (name: string) =>
  new AwsError("ResourceNotFoundException", `Schedule ${name} does not exist.`);

export const groupNotFound = (name: string) =>
  new AwsError("ResourceNotFoundException", `Schedule group ${name} does not exist.`);

export const quotaExceeded = (message: string) => new AwsError("ServiceQuotaExceededException", message);

export const invalidRequestJson = (reason: string) =>
  validation(`Invalid RequestJson provided. Reason ${reason}`);

/** A parameter that means something which is not there; never stored and ignored. */
export const unsupported = (what: string) =>
  new AwsError("UnsupportedOperationException", `${what} not implemented in lambdad.`, { status: 400 });
