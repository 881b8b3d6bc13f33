/** Sends one event to one target of a rule, in the target's shape. Rejects with whatever the target refuses it for. */
import { parseArn } from "../../base/arn.ts";
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { Deliver } from "../../events/ports.ts";
import type { Trail } from "../../events/trail.ts";
import { busHopsMax } from "../../limits.ts";
import { AwsError } from "../../wire/aws-error.ts";
import type { ServiceCall } from "../service.ts";
import type { CallOut } from "./call-out.ts";
import { maySend } from "./domain/bus.ts";
import { busOf, busOfRule, ruleArn } from "./domain/names.ts";
import { DeliveryFailure } from "../../events/delivery-verdict.ts";
import { type Shape, shaped } from "./domain/shape.ts";
import { busAccessDenied, busNotFound } from "./errors.ts";
import type { Buses } from "./buses.ts";
import type { TakeIn } from "./intake.ts";
import { type Dispatch, type Onward, type Send, senderOf } from "./outbox.ts";
import { targetKind } from "./target-kinds.ts";

export interface SendDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly deliver: Deliver;
  readonly call: ServiceCall;
  readonly callOut: CallOut;
  readonly buses: Buses;
  readonly takeIn: TakeIn;
  /** Of what does not pass `deliver`. */
  readonly trail: Pick<Trail, "delivery">;
}

export function createSend(deps: SendDeps): Send {
  const toLogs = createLogWriter(deps);

  return async (dispatch) => {
    const { rule, target, pending } = dispatch;
    const body = payloadOf(dispatch);
    const way = { sourceArn: ruleArn(rule), targetArn: target.arn };
    switch (targetKind(target.arn)) {
      case "bus":
        return deps.trail.delivery(way, () => toBus(deps, dispatch));
      case "logs":
        return deps.trail.delivery(way, () => toLogs(dispatch, body));
      case "api-destination":
        return deps.trail.delivery(way, () => deps.callOut(dispatch, body));
      case "sqs":
      case "sns":
      case "lambda":
      case undefined: {
        const { groupId } = target;
        const event = { body: Buffer.from(body), ...(groupId !== undefined && { groupId }) };
        await deps.deliver(target.arn, event, senderOf({ rule, pending }));
        return undefined;
      }
    }
  };
}

function payloadOf({ rule, target, text, pending }: Dispatch): string {
  const { ingestedAtMs } = pending;
  return shaped(target.shape, { event: text, ingestedAtMs, ruleArn: ruleArn(rule), ruleName: rule.name });
}

/** The event goes on as it came. */
async function toBus({ buses, takeIn }: SendDeps, dispatch: Dispatch): Promise<Onward> {
  const { rule, target, text, pending } = dispatch;
  const from = busOfRule(rule);
  const bus = busOf(target.arn, from);
  const record = bus && (await buses.find(bus));
  if (!bus || !record) throw busNotFound(bus?.name ?? target.arn);
  if (!maySend(record, rule.account)) throw busAccessDenied(bus, rule.account);
  // AWS passes an event on to another account or region once only; within them chains are bounded (E5).
  const isNear = bus.account === from.account && bus.region === from.region;
  if (pending.hops >= (isNear ? busHopsMax : 1)) {
    throw new DeliveryFailure({
      code: "SDK_CLIENT_ERROR",
      message: `the event has gone from bus to bus ${pending.hops} times`,
      isRetriable: false,
    });
  }
  const { id, time } = JSON.parse(text) as { readonly id: string; readonly time: string };
  const { traceHeader, hops } = pending;
  return takeIn({ bus, text, id, timeMs: Date.parse(time), traceHeader, hops: hops + 1 });
}

type WriteLog = (dispatch: Dispatch, body: string) => Promise<undefined>;

/** A stream of its own for each group, made when it is first needed. */
function createLogWriter({ clock, random, call }: SendDeps): WriteLog {
  const stream = random.uuid();
  return async ({ rule, target, text }, body) => {
    const { account, region, resource = "" } = parseArn(target.arn) ?? {};
    const logGroupName = resource.replace(/^log-group:/, "").replace(/:\*$/, "");
    const who = {
      account: account ?? rule.account,
      region: region ?? rule.region,
      principal: "events.amazonaws.com",
    };
    const group = { logGroupName, logStreamName: stream };
    const logEvents = [logEventOf(target.shape, body, text, clock.now())];
    const put = () => call(who, "cloudwatch-logs", "PutLogEvents", { ...group, logEvents });
    try {
      await put();
    } catch (error) {
      if (!(error instanceof AwsError && error.code === "ResourceNotFoundException")) throw error;
      await call(who, "cloudwatch-logs", "CreateLogStream", group).catch(ignoreExisting);
      await put();
    }
    return undefined;
  };
}

/** A template gives `{"timestamp": …, "message": …}`; else the message is the whole event. */
function logEventOf(shape: Shape, body: string, text: string, nowMs: number) {
  if (shape.kind === "template") {
    const { timestamp, message } = JSON.parse(body) as {
      readonly timestamp?: unknown;
      readonly message?: unknown;
    };
    const atMs = typeof timestamp === "number" ? timestamp : Date.parse(String(timestamp));
    return {
      timestamp: Number.isNaN(atMs) ? nowMs : atMs,
      message: typeof message === "string" ? message : JSON.stringify(message ?? null),
    };
  }
  return { timestamp: Date.parse((JSON.parse(text) as { time: string }).time), message: body };
}

function ignoreExisting(error: unknown): void {
  if (!(error instanceof AwsError && error.code === "ResourceAlreadyExistsException")) throw error;
}
