/** Which targets rules may have here, by ARN. Pure. */
import { parseArn } from "../../base/arn.ts";

export type TargetKind = "lambda" | "sqs" | "sns" | "bus" | "logs" | "api-destination";

/** Undefined: nothing that takes events here. */
export function targetKind(text: string): TargetKind | undefined {
  const { service, resource = "" } = parseArn(text) ?? {};
  switch (service) {
    case "lambda":
      return resource.startsWith("function:") ? "lambda" : undefined;
    case "sqs":
    case "sns":
      return service;
    case "logs":
      return resource.startsWith("log-group:") ? "logs" : undefined;
    case "events":
      if (resource.startsWith("event-bus/")) return "bus";
      return resource.startsWith("api-destination/") ? "api-destination" : undefined;
    default:
      return undefined;
  }
}

export function isApiDestination(arn: string): boolean {
  return targetKind(arn) === "api-destination";
}

/** Events reach it by a role; AWS wants to know which. */
export function needsRole(kind: TargetKind): boolean {
  return kind === "bus" || kind === "api-destination";
}
