/**
 * lambdad's own log: one line an event, to standard error. Text for people, JSON for machines, chosen once.
 * Never log payloads, environment variables, credentials or signatures.
 */
import type { Clock } from "./clock.ts";

export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same log, each line with these fields too. */
  child(fields: LogFields): Logger;
}

export interface LoggerOptions {
  readonly clock: Clock;
  readonly level: LogLevel;
  readonly format: "text" | "json";
  readonly write: (line: string) => void;
}

export function createLogger(options: LoggerOptions, bound: LogFields = {}): Logger {
  const threshold = logLevels.indexOf(options.level);
  const render = options.format === "json" ? renderJson : renderText;

  function at(level: LogLevel) {
    return (message: string, fields: LogFields = {}) => {
      if (logLevels.indexOf(level) < threshold) return;
      options.write(
        render(new Date(options.clock.now()).toISOString(), level, message, { ...bound, ...fields }),
      );
    };
  }

  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => createLogger(options, { ...bound, ...fields }),
  };
}

/** For tests, and for code that must be quiet. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};

function renderJson(time: string, level: LogLevel, message: string, fields: LogFields): string {
  return `${JSON.stringify({ time, level, message, ...plain(fields) })}\n`;
}

function renderText(time: string, level: LogLevel, message: string, fields: LogFields): string {
  const details = Object.entries(plain(fields)).map(([key, value]) => ` ${key}=${quoted(value)}`);
  return `${time} ${level.padEnd(5)} ${message}${details.join("")}\n`;
}

function quoted(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /[\s"=\p{Cc}]/u.test(text) ? JSON.stringify(text) : text;
}

/** Errors as their message with the causes behind it; undefined left out. */
function plain(fields: LogFields): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined) result[key] = value instanceof Error ? describeError(value) : value;
  }
  return result;
}

export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = `${error.name}: ${error.message}`;
  return error.cause === undefined ? own : `${own} (caused by ${describeError(error.cause)})`;
}
