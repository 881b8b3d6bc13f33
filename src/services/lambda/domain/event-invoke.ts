/**
 * What becomes of asynchronous events of one function, version or alias: how often and how long they are tried, where
 * their outcome goes. Pure. Sources: lambda-map 2.3, 6.3.
 *
 * Only the forms of destinations are judged here; whether one exists is asked by `destinations.ts`.
 */
import { parseArn } from "../../../base/arn.ts";
import { invalidParameter } from "../errors.ts";
import type { Input } from "../operation-types.ts";

/** Undefined members: AWS's defaults (2 retries, 6 hours, no destination). */
export interface EventInvokeConfig {
  readonly retriesMax: number | undefined;
  readonly ageSecondsMax: number | undefined;
  readonly onSuccessArn: string | undefined;
  readonly onFailureArn: string | undefined;
  readonly lastModifiedAtMs: number;
}

export type EventInvokeInput = Pick<
  Input<"PutFunctionEventInvokeConfig">,
  "MaximumRetryAttempts" | "MaximumEventAgeInSeconds" | "DestinationConfig"
>;
type Destinations = NonNullable<EventInvokeInput["DestinationConfig"]>;

/** Update merges into `before`, Put replaces: `before` is undefined. An empty destination takes one away. */
export function eventInvokeConfigOf(
  input: EventInvokeInput,
  before: EventInvokeConfig | undefined,
  nowMs: number,
): EventInvokeConfig {
  requireSomething(input);
  const { OnSuccess, OnFailure } = input.DestinationConfig ?? {};
  return {
    retriesMax: input.MaximumRetryAttempts ?? before?.retriesMax,
    ageSecondsMax: input.MaximumEventAgeInSeconds ?? before?.ageSecondsMax,
    onSuccessArn: (OnSuccess ? OnSuccess.Destination : before?.onSuccessArn) || undefined,
    onFailureArn: (OnFailure ? OnFailure.Destination : before?.onFailureArn) || undefined,
    lastModifiedAtMs: nowMs,
  };
}

export function requireSomething(input: EventInvokeInput): void {
  const { MaximumRetryAttempts, MaximumEventAgeInSeconds, DestinationConfig } = input;
  if ((MaximumRetryAttempts ?? MaximumEventAgeInSeconds ?? DestinationConfig) !== undefined) return;
  throw invalidParameter("You must specify at least one of error handling or destination setting.");
}

/** Throws for what can never be a destination of this function; answers those that are to be looked for. */
export function checkDestinations(functionArn: string, destinations: Destinations | undefined): string[] {
  const success = destinations?.OnSuccess?.Destination;
  const failure = destinations?.OnFailure?.Destination;
  for (const arn of [success, failure]) {
    if (arn === functionArn || arn?.startsWith(`${functionArn}:`)) {
      throw invalidParameter("You can't specify the function as a destination for itself.");
    }
  }
  const isValid = isDestination(success, onSuccessServices) && isDestination(failure, onFailureServices);
  if (!isValid) {
    const shown = `onSuccess=${shownAs("OnSuccess", destinations?.OnSuccess)}, onFailure=${shownAs("OnFailure", destinations?.OnFailure)}`;
    throw invalidParameter(`The provided destination config DestinationConfig(${shown}) is invalid.`);
  }
  return [success, failure].filter((arn) => arn !== undefined && arn !== "") as string[];
}

const onSuccessServices: ReadonlySet<string> = new Set(["sqs", "sns", "lambda", "events"]);
const onFailureServices: ReadonlySet<string> = new Set([...onSuccessServices, "s3"]);

/** Of queues and topics only standard ones. inferred: the text for a FIFO one. */
function isDestination(arn: string | undefined, services: ReadonlySet<string>): boolean {
  return !arn || (services.has(parseArn(arn)?.service ?? "") && !arn.endsWith(".fifo"));
}

function shownAs(name: string, destination: { Destination?: string | undefined } | undefined): string {
  return destination ? `${name}(destination=${destination.Destination ?? "null"})` : "null";
}
