/** EventBridge's errors, in its words; all have status 400. Texts: map-events-observability 1; "recalled" there is recalled here. */
import { AwsError } from "../../wire/aws-error.ts";
import { type BusName, busArn } from "./domain/names.ts";

export const validation = (message: string) => new AwsError("ValidationException", message, { status: 400 });

export const invalidParameter = (name: string, reason?: string) =>
  validation(`Parameter ${name} is not valid.${reason === undefined ? "" : ` Reason: ${reason}`}`);

export const notFound = (message: string) =>
  new AwsError("ResourceNotFoundException", message, { status: 400 });

export const alreadyExists = (message: string) =>
  new AwsError("ResourceAlreadyExistsException", message, { status: 400 });

export const limitExceeded = () =>
  new AwsError("LimitExceededException", "The requested resource exceeds the maximum number allowed.", {
    status: 400,
  });

export const illegalStatus = (message: string) =>
  new AwsError("IllegalStatusException", message, { status: 400 });

export const invalidPattern = (reason: string) =>
  new AwsError("InvalidEventPatternException", `Event pattern is not valid. Reason: ${reason}`, {
    status: 400,
  });

/** A parameter that means something which is not there; never stored and ignored. */
export const unsupported = (what: string) =>
  new AwsError("UnsupportedOperationException", `${what} not implemented in lambdad.`, { status: 400 });

export const busNotFound = (name: string) => notFound(`Event bus ${name} does not exist.`);

export const ruleNotFound = (rule: string, bus: string) =>
  notFound(`Rule ${rule} does not exist on EventBus ${bus}.`);

export const managedRule = (name: string) =>
  // inferred: the text
  new AwsError(
    "ManagedRuleException",
    `Rule ${name} is managed by an AWS service can only be modified by that service.`,
    {
      status: 400,
    },
  );

export const archiveNotFound = (name: string) => notFound(`Archive ${name} does not exist.`);

export const replayNotFound = (name: string) => notFound(`Replay ${name} does not exist.`);

export const connectionNotFound = (name: string) =>
  notFound(`Failed to describe the connection(s). Connection '${name}' does not exist.`);

export const apiDestinationNotFound = (name: string) =>
  notFound(`Failed to describe the api-destination(s). An api-destination '${name}' does not exist.`);

/** inferred: the text */
/** inferred: the words. Rules and settings of other accounts' buses are theirs alone here, whatever the bus's policy says. */
export const foreignBus = (bus: BusName, account: string) =>
  new AwsError(
    "AccessDeniedException",
    `User: arn:aws:iam::${account}:root is not authorized to access ${busArn(bus)}, which is of another account`,
    { status: 400 },
  );

export const busAccessDenied = (bus: BusName, account: string) =>
  new AwsError(
    "AccessDeniedException",
    `User: arn:aws:iam::${account}:root is not authorized to perform: events:PutEvents on resource: ${busArn(bus)} because no resource-based policy allows the events:PutEvents action`,
    { status: 400 },
  );
