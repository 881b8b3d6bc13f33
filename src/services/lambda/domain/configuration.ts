/**
 * From the members of CreateFunction, UpdateFunctionConfiguration and UpdateFunctionCode to a configuration, with AWS's
 * defaults. Pure. What a member may hold is in `validate.ts`.
 */
import { ephemeralStorageMbMin, memoryMbDefault, timeoutSecondsDefault } from "../../../limits.ts";
import { invalidParameter } from "../errors.ts";
import type { Architecture, Code, Configuration, LayerUse, LogFormat, LogLevels } from "./function.ts";
import type { Input } from "../operation-types.ts";

export type CreateInput = Input<"CreateFunction">;
export type ConfigurationInput = Input<"UpdateFunctionConfiguration">;
export type CodeInput = Input<"UpdateFunctionCode">;
type LoggingInput = NonNullable<CreateInput["LoggingConfig"]>;

/** What CreateFunction takes from outside its input. */
export interface Origin {
  readonly name: string;
  readonly code: Code;
  readonly layers: readonly LayerUse[];
  readonly changeId: string;
  readonly nowMs: number;
  /** Of this machine: what runs when none is asked for. */
  readonly architecture: Architecture;
}

export function newConfiguration(input: CreateInput, origin: Origin): Configuration {
  return {
    changeId: origin.changeId,
    runtime: input.Runtime ?? "",
    handler: input.Handler ?? "",
    role: input.Role,
    description: input.Description ?? "",
    memoryMb: input.MemorySize ?? memoryMbDefault,
    timeoutSeconds: input.Timeout ?? timeoutSecondsDefault,
    ephemeralStorageMb: input.EphemeralStorage?.Size ?? ephemeralStorageMbMin,
    architecture: input.Architectures?.[0] ?? origin.architecture,
    variables: input.Environment && (input.Environment.Variables ?? {}),
    ...logging(input.LoggingConfig, {
      logFormat: "Text",
      logLevels: undefined,
      logGroup: `/aws/lambda/${origin.name}`,
    }),
    tracing: input.TracingConfig?.Mode ?? "PassThrough",
    deadLetterArn: input.DeadLetterConfig?.TargetArn || undefined,
    code: origin.code,
    snapStart: snapStart(input.SnapStart, undefined),
    layers: origin.layers,
    lastModifiedAtMs: origin.nowMs,
    runtimeVersionArn: undefined,
  };
}

/** Members that were not given stay as they are. */
export function withConfigurationInput(
  before: Configuration,
  input: ConfigurationInput,
  layers: readonly LayerUse[] = before.layers,
): Configuration {
  return {
    ...before,
    runtime: input.Runtime ?? before.runtime,
    handler: input.Handler ?? before.handler,
    role: input.Role ?? before.role,
    description: input.Description ?? before.description,
    memoryMb: input.MemorySize ?? before.memoryMb,
    timeoutSeconds: input.Timeout ?? before.timeoutSeconds,
    ephemeralStorageMb: input.EphemeralStorage?.Size ?? before.ephemeralStorageMb,
    variables: input.Environment ? (input.Environment.Variables ?? {}) : before.variables,
    ...logging(input.LoggingConfig, before),
    tracing: input.TracingConfig?.Mode ?? before.tracing,
    deadLetterArn:
      (input.DeadLetterConfig ? input.DeadLetterConfig.TargetArn : before.deadLetterArn) || undefined,
    layers,
    snapStart: snapStart(input.SnapStart, before.snapStart),
  };
}

function snapStart(input: CreateInput["SnapStart"], before: true | undefined): true | undefined {
  if (input?.ApplyOn === undefined) return before;
  return input.ApplyOn === "PublishedVersions" ? true : undefined;
}

export function withCode(
  before: Configuration,
  code: Code,
  architectures: CodeInput["Architectures"],
): Configuration {
  return { ...before, code, architecture: architectures?.[0] ?? before.architecture };
}

type Logging = Pick<Configuration, "logFormat" | "logLevels" | "logGroup">;

function logging(input: LoggingInput | undefined, before: Logging): Logging {
  const logFormat: LogFormat = input?.LogFormat ?? before.logFormat;
  if (logFormat === "Text" && (input?.ApplicationLogLevel ?? input?.SystemLogLevel) !== undefined) {
    // inferred: the text; that it is refused is documented.
    throw invalidParameter("ApplicationLogLevel and SystemLogLevel can only be set when LogFormat is JSON.");
  }
  return {
    logFormat,
    logLevels: logFormat === "Text" ? undefined : logLevels(input, before.logLevels),
    logGroup: input?.LogGroup ?? before.logGroup,
  };
}

/** INFO is what both are when LogFormat becomes JSON. */
function logLevels(input: LoggingInput | undefined, before: LogLevels | undefined): LogLevels {
  return {
    application: input?.ApplicationLogLevel ?? before?.application ?? "INFO",
    system: input?.SystemLogLevel ?? before?.system ?? "INFO",
  };
}
