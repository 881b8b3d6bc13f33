/**
 * Delivery policies: how an HTTP endpoint is tried again, how fast it takes messages, what they call themselves. A topic's
 * holds for its subscriptions, unless they have their own. Pure. Source: "Amazon SNS message delivery retries".
 */
import { httpRetriesMax, httpRetryDelaySecondsMax } from "../../../limits.ts";
import { invalidParameter } from "../errors.ts";
import type { Backoff, RetryPolicy } from "./retry.ts";

type Members = Readonly<Record<string, unknown>>;

/** What a subscription goes by. */
export interface HttpPolicy {
  readonly retry: RetryPolicy;
  readonly receivesPerSecondMax: number | undefined;
  readonly contentType: string;
}

interface RetryMembers {
  readonly minDelayTarget: number;
  readonly maxDelayTarget: number;
  readonly numRetries: number;
  readonly numMaxDelayRetries: number;
  readonly numNoDelayRetries: number;
  readonly numMinDelayRetries: number;
  readonly backoffFunction: Backoff;
}

const defaultRetry: RetryMembers = {
  minDelayTarget: 20,
  maxDelayTarget: 20,
  numRetries: 3,
  numMaxDelayRetries: 0,
  numNoDelayRetries: 0,
  numMinDelayRetries: 0,
  backoffFunction: "linear",
};
const defaultContentType = "text/plain; charset=UTF-8";

/** As it is kept: what was given, and one default (recorded). Undefined: it is taken away. */
export function topicPolicyText(json: string): string | undefined {
  if (json === "") return undefined;
  const { http = {}, ...others } = objectIn(json, "policy");
  if (!isObject(http)) throw invalid("http must be an object");
  refuseOthers(others);
  const { disableSubscriptionOverrides = false, ...parts } = http;
  const { defaultHealthyRetryPolicy, defaultThrottlePolicy, defaultRequestPolicy, ...rest } = parts;
  const { defaultSicklyRetryPolicy, ...unknown } = rest;
  refuseOthers(unknown);
  refuseSickly(defaultSicklyRetryPolicy);
  if (typeof disableSubscriptionOverrides !== "boolean") {
    throw invalid("disableSubscriptionOverrides must be true or false");
  }
  retryIn(defaultHealthyRetryPolicy);
  rateIn(defaultThrottlePolicy);
  contentTypeIn(defaultRequestPolicy);
  return JSON.stringify({ http: { ...parts, disableSubscriptionOverrides } });
}

export function subscriptionPolicyText(json: string): string | undefined {
  if (json === "") return undefined;
  const policy = objectIn(json, "policy");
  const { healthyRetryPolicy, throttlePolicy, requestPolicy, sicklyRetryPolicy, guaranteed, ...others } =
    policy;
  refuseOthers(others);
  refuseSickly(sicklyRetryPolicy);
  if (guaranteed !== undefined && guaranteed !== false) throw invalid("guaranteed must be false");
  retryIn(healthyRetryPolicy);
  rateIn(throttlePolicy);
  contentTypeIn(requestPolicy);
  return JSON.stringify(policy);
}

export function effectiveTopicPolicy(topicPolicy: string | undefined): string {
  const http = httpOf(topicPolicy);
  return JSON.stringify({
    http: {
      defaultHealthyRetryPolicy: retryIn(http["defaultHealthyRetryPolicy"]),
      disableSubscriptionOverrides: http["disableSubscriptionOverrides"] ?? false,
      ...(http["defaultThrottlePolicy"] !== undefined && {
        defaultThrottlePolicy: http["defaultThrottlePolicy"],
      }),
      defaultRequestPolicy: { headerContentType: contentTypeIn(http["defaultRequestPolicy"]) },
    },
  });
}

export function effectiveSubscriptionPolicy(
  topicPolicy: string | undefined,
  own: string | undefined,
): string {
  const { retry, rate, contentType } = merged(topicPolicy, own);
  return JSON.stringify({
    healthyRetryPolicy: retry,
    sicklyRetryPolicy: null,
    throttlePolicy: rate === undefined ? null : { maxReceivesPerSecond: rate },
    requestPolicy: { headerContentType: contentType },
    guaranteed: false,
  });
}

export function httpPolicyOf(topicPolicy: string | undefined, own: string | undefined): HttpPolicy {
  const { retry, rate, contentType } = merged(topicPolicy, own);
  return {
    receivesPerSecondMax: rate,
    contentType,
    retry: {
      immediate: retry.numNoDelayRetries,
      beforeBackoff: retry.numMinDelayRetries,
      backoff:
        retry.numRetries - retry.numNoDelayRetries - retry.numMinDelayRetries - retry.numMaxDelayRetries,
      afterBackoff: retry.numMaxDelayRetries,
      minMs: retry.minDelayTarget * 1000,
      maxMs: retry.maxDelayTarget * 1000,
      curve: retry.backoffFunction,
    },
  };
}

function merged(topicPolicy: string | undefined, own: string | undefined) {
  const http = httpOf(topicPolicy);
  const mine = own === undefined || http["disableSubscriptionOverrides"] === true ? {} : objectIn(own, "");
  return {
    retry: retryIn(mine["healthyRetryPolicy"] ?? http["defaultHealthyRetryPolicy"]),
    rate: rateIn(mine["throttlePolicy"] ?? http["defaultThrottlePolicy"]),
    contentType: contentTypeIn(mine["requestPolicy"] ?? http["defaultRequestPolicy"]),
  };
}

function httpOf(topicPolicy: string | undefined): Members {
  const http = topicPolicy === undefined ? {} : objectIn(topicPolicy, "")["http"];
  return isObject(http) ? http : {};
}

/** With its defaults. */
function retryIn(given: unknown): RetryMembers {
  if (given === undefined || given === null) return defaultRetry;
  if (!isObject(given)) throw invalid("a retry policy must be an object");
  const { backoffFunction = "linear", ...numbers } = given;
  if (!isBackoff(backoffFunction))
    throw invalid("backoffFunction must be linear, arithmetic, geometric or exponential");
  const retry = { ...defaultRetry, ...numbers, backoffFunction };
  for (const [name, value] of Object.entries(retry)) {
    if (name === "backoffFunction") continue;
    if (!Object.hasOwn(defaultRetry, name)) throw invalid(`${name.slice(0, 100)} is not known`);
    if (!Number.isInteger(value) || Number(value) < 0) throw invalid(`${name} must be a whole number`);
  }
  checkRetry(retry);
  return retry;
}

function checkRetry(retry: RetryMembers): void {
  const { minDelayTarget: min, maxDelayTarget: max, numRetries: all } = retry;
  if (all > httpRetriesMax) throw invalid(`numRetries must be at most ${httpRetriesMax}`);
  if (min < 1 || max > httpRetryDelaySecondsMax) {
    throw invalid(`delays must be from 1 to ${httpRetryDelaySecondsMax} seconds`);
  }
  if (min > max) throw invalid("minDelayTarget must be less than or equal to maxDelayTarget");
  if (retry.numNoDelayRetries + retry.numMinDelayRetries + retry.numMaxDelayRetries > all) {
    throw invalid("numRetries must be the sum of all phases or more");
  }
}

function rateIn(given: unknown): number | undefined {
  if (given === undefined || given === null) return undefined;
  const rate = isObject(given) ? given["maxReceivesPerSecond"] : undefined;
  if (rate === null || (isObject(given) && rate === undefined)) return undefined;
  if (typeof rate === "number" && Number.isInteger(rate) && rate >= 1) return rate;
  throw invalid("maxReceivesPerSecond must be a whole number from 1");
}

function contentTypeIn(given: unknown): string {
  if (given === undefined || given === null) return defaultContentType;
  const type = isObject(given) ? (given["headerContentType"] ?? defaultContentType) : undefined;
  if (typeof type === "string" && contentTypes.test(type)) return type;
  throw invalid("headerContentType is not supported");
}

/** AWS's list, with parameters. */
const contentTypes =
  /^(text\/(css|csv|html|plain|xml)|application\/(atom\+xml|json|octet-stream|soap\+xml|x-www-form-urlencoded|xhtml\+xml|xml))(; ?[A-Za-z0-9-]+=[A-Za-z0-9-]+)?$/;

function refuseOthers(others: Members): void {
  const name = Object.keys(others).find((key) => others[key] !== undefined);
  if (name !== undefined) throw invalid(`${name.slice(0, 100)} is not known`);
}

/** AWS has given it up: what it would say could not act. */
function refuseSickly(policy: unknown): void {
  if (policy !== undefined && policy !== null) throw invalid("sicklyRetryPolicy is obsolete");
}

function isBackoff(value: unknown): value is Backoff {
  return value === "linear" || value === "arithmetic" || value === "geometric" || value === "exponential";
}

function objectIn(json: string, what: string): Members {
  try {
    const value: unknown = JSON.parse(json);
    if (isObject(value)) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw invalid(`the ${what} must be a JSON object`);
}

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** inferred: AWS's words after the name. */
function invalid(why: string) {
  return invalidParameter(`DeliveryPolicy: ${why}`);
}
