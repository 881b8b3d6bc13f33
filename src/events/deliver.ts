/**
 * Sends an event to whatever an ARN names, by handing it to that service's target. Knows no service: they are looked up
 * when an event is sent, since services that send are made before all services are there.
 */
import { parseArn } from "../base/arn.ts";
import type { Deliver, Target } from "./ports.ts";

/** Nobody here takes events for this ARN; trying again helps only when a newer lambdad is started. */
export class NoSuchTarget extends Error {
  override name = "NoSuchTarget";
}

/** What `Service` is made of, as far as it matters here. */
export interface Addressee {
  /** The SDK's name: "lambda", "sqs", "eventbridge". */
  readonly name: string;
  readonly target?: Target;
}

export function createDeliver(services: () => readonly Addressee[]): Deliver {
  return async (arn, event, ctx) => {
    const arnService = parseArn(arn)?.service ?? "";
    const name = serviceByArn[arnService] ?? arnService;
    const target = services().find((service) => service.name === name)?.target;
    if (!target) throw new NoSuchTarget(`nothing in lambdad takes events for ${arn}`);
    await target.deliver(arn, event, ctx);
  };
}

/** Where an ARN's service is not called as its SDK client is. */
const serviceByArn: Readonly<Record<string, string>> = { events: "eventbridge", states: "sfn" };
