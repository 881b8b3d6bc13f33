/** Which error code a service puts on input that its model does not allow. One line per service that differs. */
import type { ProtocolId } from "../wire/model.ts";

export function validationCode(serviceName: string, protocol: ProtocolId | undefined): string {
  return codes.get(serviceName) ?? (protocol === "awsQuery" ? "ValidationError" : "ValidationException");
}

// Sources: the "Errors" sections of the service references; what was recorded in the map files; the rest inferred.
const codes: ReadonlyMap<string, string> = new Map([
  ["api-gateway", "BadRequestException"],
  ["apigatewayv2", "BadRequestException"],
  ["cloudformation", "ValidationError"],
  ["cloudwatch-logs", "InvalidParameterException"],
  ["cognito-identity-provider", "InvalidParameterException"],
  ["ecr", "InvalidParameterException"],
  ["iam", "ValidationError"],
  ["s3", "InvalidArgument"],
  ["ses", "ValidationError"],
  ["sesv2", "BadRequestException"],
  ["sns", "ValidationError"],
  ["sqs", "InvalidParameterValue"], // what is missing: dispatch.ts
  ["sts", "ValidationError"],
  ["xray", "InvalidRequestException"],
]);
