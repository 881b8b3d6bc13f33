/** Redrive policies (where dead messages go) and redrive-allow policies (whose dead messages come). Pure. Source: map-sqs-sns-s3 1.3. */
import { maxReceiveCountMax, redriveSourcesMax } from "../../../limits.ts";
import { invalidValue } from "../errors.ts";

export interface RedrivePolicy {
  readonly targetArn: string;
  readonly receivesMax: number;
}

export interface RedriveAllowPolicy {
  readonly permission: "allowAll" | "denyAll" | "byQueue";
  readonly sourceArns: readonly string[];
}

export function parseRedrivePolicy(json: string): RedrivePolicy {
  const refuse = (reason: string) => invalidValue("RedrivePolicy", json, reason);
  const policy = objectIn(json);
  if (!policy) throw refuse("Redrive policy is not a valid JSON map.");
  const { deadLetterTargetArn: targetArn, maxReceiveCount: count } = policy;
  if (targetArn === undefined) {
    throw refuse("Redrive policy does not contain mandatory attribute: deadLetterTargetArn.");
  }
  if (count === undefined) {
    throw refuse("Redrive policy does not contain mandatory attribute: maxReceiveCount.");
  }
  if (typeof targetArn !== "string") throw refuse("Dead letter target is not a valid ARN."); // inferred
  const receivesMax = typeof count === "string" && /^\d{1,9}$/.test(count) ? Number(count) : count;
  const isValid = typeof receivesMax === "number" && Number.isInteger(receivesMax);
  if (!isValid || receivesMax < 1 || receivesMax > maxReceiveCountMax) {
    throw refuse(
      `Invalid value for maxReceiveCount: ${JSON.stringify(count).replaceAll('"', "")}, valid values are from 1 to ${maxReceiveCountMax} both inclusive.`,
    );
  }
  return { targetArn, receivesMax };
}

/** As it is shown again: the count is a number. */
export function formatRedrivePolicy({ targetArn, receivesMax }: RedrivePolicy): string {
  return JSON.stringify({ deadLetterTargetArn: targetArn, maxReceiveCount: receivesMax });
}

export function parseRedriveAllowPolicy(json: string): RedriveAllowPolicy {
  // inferred: AWS's reasons.
  const refuse = (reason: string) => invalidValue("RedriveAllowPolicy", json, reason);
  const policy = objectIn(json);
  if (!policy) throw refuse("Redrive allow policy is not a valid JSON map.");
  const { redrivePermission: permission, sourceQueueArns: arns } = policy;
  if (permission !== "allowAll" && permission !== "denyAll" && permission !== "byQueue") {
    throw refuse(
      "Amazon SQS can't create the redrive allow policy. redrivePermission must be allowAll, denyAll or byQueue.",
    );
  }
  if (permission !== "byQueue") {
    if (arns !== undefined) throw refuse("sourceQueueArns can only be used with redrivePermission byQueue.");
    return { permission, sourceArns: [] };
  }
  const isList = Array.isArray(arns) && arns.every((arn) => typeof arn === "string");
  if (!isList || arns.length === 0 || arns.length > redriveSourcesMax) {
    throw refuse(`sourceQueueArns must list 1 to ${redriveSourcesMax} queue ARNs.`);
  }
  return { permission, sourceArns: arns };
}

export function allowsSource(policy: RedriveAllowPolicy | undefined, sourceArn: string): boolean {
  if (!policy || policy.permission === "allowAll") return true;
  return policy.permission === "byQueue" && policy.sourceArns.includes(sourceArn);
}

function objectIn(json: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
