/**
 * Loads service models: reads `models/<service>.json` and its constraints once, on first use, and resolves them into
 * the types of `model.ts`.
 *
 * Operations and errors are all there at once; their shapes (`model-shapes.ts`) come when they are asked for. Reading is
 * synchronous: it happens once per service and takes milliseconds.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { invariant } from "../base/invariant.ts";
import type { ConstraintsJson, ServiceJson } from "./model-json.ts";
import { ShapeResolver } from "./model-shapes.ts";
import type { Operation, ServiceModel, Shape } from "./model.ts";
import { overrides } from "./overrides.ts";

/** Every service that has a model: names of the SDK's clients without "client-". */
export const serviceNames: readonly string[] = [
  "api-gateway",
  "apigatewayv2",
  "cloudformation",
  "cloudwatch",
  "cloudwatch-logs",
  "cognito-identity",
  "cognito-identity-provider",
  "dynamodb",
  "dynamodb-streams",
  "ecr",
  "eventbridge",
  "firehose",
  "iam",
  "kinesis",
  "kms",
  "lambda",
  "pipes",
  "s3",
  "scheduler",
  "secrets-manager",
  "ses",
  "sesv2",
  "sfn",
  "sns",
  "sqs",
  "ssm",
  "sts",
  "xray",
];

/** Found from `src/wire/` in a checkout and from `dist/wire/` in the package alike. */
const modelsFolder = join(import.meta.dirname, "../../models");

const modelByName = new Map<string, ServiceModel>();

/** The same object each time. `name` is one of `serviceNames`; any other breaks an invariant. */
export function loadModel(name: string): ServiceModel {
  const known = modelByName.get(name);
  if (known !== undefined) return known;
  invariant(serviceNames.includes(name), `there is a model called ${name}`);
  const json = readJson(`${name}.json`) as ServiceJson;
  const constraints = readJson(`constraints/${name}.json`) as ConstraintsJson;
  const model = resolveModel(name, json, constraints);
  modelByName.set(name, model);
  return model;
}

/** Of the two generated files, with our overrides. Pure; for tests and tools, everybody else calls `loadModel`. */
export function resolveModel(name: string, json: ServiceJson, constraints: ConstraintsJson): ServiceModel {
  const override = overrides[name] ?? {};
  const { xmlNamespace = json.xmlNamespace, noAuth = [] } = override;
  const resolver = new ShapeResolver(json, constraints, override);
  const operations = new Map<string, Operation>();
  const errors = new Map<string, Shape>();
  const model: ServiceModel = {
    name,
    serviceId: json.serviceId,
    apiVersion: json.apiVersion,
    signingName: json.signingName,
    endpointPrefix: json.endpointPrefix,
    targetPrefix: json.targetPrefix,
    protocols: json.protocols,
    xmlNamespace,
    queryCompatible: json.queryCompatible === true,
    operations,
    errors,
  };
  for (const operation of Object.keys(json.operations))
    operations.set(operation, resolver.operation(model, operation, noAuth.includes(operation)));
  for (const [shape, { kind }] of Object.entries(json.shapes))
    if (kind === "error") errors.set(shape, resolver.shape(shape));
  return model;
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(join(modelsFolder, path), "utf8"));
}
