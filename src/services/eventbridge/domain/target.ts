/** Targets as they are given, checked, and as they are shown. Pure. Source: map-events-observability 1.6, 1.7. */
import { parseArn } from "../../../base/arn.ts";
import { invalidParameter, unsupported, validation } from "../errors.ts";
import type { InputFor } from "../../service.ts";
import type { Client } from "../parts.ts";
import { needsRole, targetKind } from "../target-kinds.ts";
import { parsePath } from "./json-path.ts";
import type { TargetRecord } from "./rule.ts";
import { placeholders, type Shape } from "./shape.ts";

export type WireTarget = NonNullable<InputFor<Client, "PutTargets">["Targets"]>[number];

/** Members of targets that are of services which are not there. */
const otherParameters = [
  "KinesisParameters",
  "RunCommandParameters",
  "EcsParameters",
  "BatchParameters",
  "RedshiftDataParameters",
  "SageMakerPipelineParameters",
  "AppSyncParameters",
] as const;

/** `account`: of the rule. */
export function targetOf(target: WireTarget, account: string): TargetRecord {
  const { Id: id = "", Arn: arn = "", RoleArn: roleArn, SqsParameters, HttpParameters } = target;
  const parsed = parseArn(arn);
  if (!parsed) throw invalidParameter(id, "Provided Arn is not in correct format.");
  const kind = targetKind(arn);
  if (!kind) throw unsupported(`Targets of ${parsed.service} (${arn}) are`);
  for (const name of otherParameters) {
    if (target[name] !== undefined) throw unsupported(`${name} of targets is`);
  }
  if (kind === "logs" && parsed.account !== account) {
    throw validation(`Target ${id} is a log group of another account.`); // inferred
  }
  const isForeignTopic = kind === "sns" && parsed.account !== account;
  if (roleArn === undefined && (needsRole(kind) || isForeignTopic)) {
    throw validation(`RoleArn is required for target ${arn}.`);
  }
  if (kind === "sqs" && arn.endsWith(".fifo") && SqsParameters?.MessageGroupId === undefined) {
    throw validation(`Parameter(s) SqsParameters must be specified for target: ${id}.`);
  }
  // inferred: the texts
  if (SqsParameters && kind !== "sqs")
    throw validation(`Parameter SqsParameters is not valid for target: ${id}.`);
  if (HttpParameters && kind !== "api-destination") {
    throw validation(`Parameter HttpParameters is not valid for target: ${id}.`);
  }
  const { DeadLetterConfig, RetryPolicy } = target;
  return {
    id,
    arn,
    ...(roleArn !== undefined && { roleArn }),
    shape: shapeOf(target, id),
    ...(SqsParameters?.MessageGroupId !== undefined && { groupId: SqsParameters.MessageGroupId }),
    ...(HttpParameters && {
      http: {
        path: HttpParameters.PathParameterValues ?? [],
        headers: HttpParameters.HeaderParameters ?? {},
        query: HttpParameters.QueryStringParameters ?? {},
      },
    }),
    ...(DeadLetterConfig?.Arn !== undefined && { deadLetterArn: queueArn(DeadLetterConfig.Arn) }),
    ...(RetryPolicy && {
      retry: {
        ...(RetryPolicy.MaximumEventAgeInSeconds !== undefined && {
          ageSecondsMax: RetryPolicy.MaximumEventAgeInSeconds,
        }),
        ...(RetryPolicy.MaximumRetryAttempts !== undefined && {
          attemptsMax: RetryPolicy.MaximumRetryAttempts,
        }),
      },
    }),
  };
}

export function targetToWire(target: TargetRecord): WireTarget {
  const { id, arn, roleArn, shape, groupId, http, deadLetterArn, retry } = target;
  return {
    Id: id,
    Arn: arn,
    ...(roleArn !== undefined && { RoleArn: roleArn }),
    ...shapeToWire(shape),
    ...(groupId !== undefined && { SqsParameters: { MessageGroupId: groupId } }),
    ...(http && {
      HttpParameters: {
        PathParameterValues: [...http.path],
        HeaderParameters: { ...http.headers },
        QueryStringParameters: { ...http.query },
      },
    }),
    ...(deadLetterArn !== undefined && { DeadLetterConfig: { Arn: deadLetterArn } }),
    ...(retry && {
      RetryPolicy: {
        ...(retry.attemptsMax !== undefined && { MaximumRetryAttempts: retry.attemptsMax }),
        ...(retry.ageSecondsMax !== undefined && { MaximumEventAgeInSeconds: retry.ageSecondsMax }),
      },
    }),
  };
}

function shapeOf({ Input, InputPath, InputTransformer }: WireTarget, id: string): Shape {
  const given = [Input, InputPath, InputTransformer].filter((one) => one !== undefined && one !== "");
  if (given.length > 1) {
    throw validation(`Only one of Input, InputPath, or InputTransformer must be provided for target ${id}.`);
  }
  if (Input) {
    if (!isJson(Input)) throw invalidParameter("Input", "JSON is not well-formed."); // inferred
    return { kind: "constant", text: Input };
  }
  if (InputPath) {
    if (!parsePath(InputPath)) throw invalidParameter("InputPath", "Invalid JSONPath provided."); // inferred
    return { kind: "path", path: InputPath };
  }
  if (!InputTransformer) return { kind: "event" };
  const { InputTemplate: template = "", InputPathsMap: paths = {} } = InputTransformer;
  for (const [name, path] of Object.entries(paths)) {
    // inferred: the texts
    if (/^aws/i.test(name)) throw validation(`InputPathsMap for target ${id} contains invalid key ${name}.`);
    if (!parsePath(path)) throw validation(`InputPathsMap for target ${id} contains invalid path ${path}.`);
  }
  for (const name of placeholders(template)) {
    if (!Object.hasOwn(paths, name)) {
      throw validation(`InputTemplate for target ${id} contains invalid placeholder ${name}.`);
    }
  }
  return { kind: "template", template, paths };
}

function shapeToWire(shape: Shape): Pick<WireTarget, "Input" | "InputPath" | "InputTransformer"> {
  switch (shape.kind) {
    case "event":
      return {};
    case "constant":
      return { Input: shape.text };
    case "path":
      return { InputPath: shape.path };
    case "template":
      return { InputTransformer: { InputPathsMap: { ...shape.paths }, InputTemplate: shape.template } };
  }
}

function queueArn(arn: string): string {
  if (parseArn(arn)?.service !== "sqs") {
    throw invalidParameter("DeadLetterConfig.Arn", "Provided Arn is not in correct format."); // inferred
  }
  return arn;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
