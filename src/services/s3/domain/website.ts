/** Website hosting: checks of the configuration, and what a path means by it. Pure. Source: map-sqs-sns-s3 3.17. */
import type * as S3 from "@aws-sdk/client-s3";
import { routingRulesMax } from "../../../limits.ts";
import { invalidArgument, invalidRequest, malformedXml } from "../errors.ts";

export function checkedWebsite(given: S3.WebsiteConfiguration): S3.WebsiteConfiguration {
  const { ErrorDocument, IndexDocument, RedirectAllRequestsTo: all, RoutingRules: rules } = given;
  if (all) {
    if (ErrorDocument || IndexDocument || rules) {
      throw invalidArgument(
        "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.",
        "RedirectAllRequestsTo",
        "not null",
      );
    }
    if (!all.HostName) throw malformedXml();
    checkProtocol(all.Protocol);
    return given;
  }
  if (!IndexDocument) {
    throw invalidArgument(
      "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
      "IndexDocument",
      "null",
    );
  }
  const { Suffix: suffix = "" } = IndexDocument;
  if (suffix === "" || suffix.includes("/")) {
    throw invalidArgument("The IndexDocument Suffix is not well formed", "IndexDocument", suffix);
  }
  if (ErrorDocument && !ErrorDocument.Key) throw malformedXml();
  if (rules && rules.length > routingRulesMax) {
    throw invalidRequest(
      `${rules.length} routing rules provided, the number of routing rules in a website configuration is limited to ${routingRulesMax}.`,
    );
  }
  for (const rule of rules ?? []) checkRule(rule);
  return given;
}

function checkRule({ Condition, Redirect }: S3.RoutingRule): void {
  if (!Redirect) throw malformedXml();
  checkProtocol(Redirect.Protocol);
  if (Condition && Object.keys(Condition).length === 0) {
    throw invalidRequest(
      "Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't be present.",
    );
  }
  if (Redirect.ReplaceKeyPrefixWith !== undefined && Redirect.ReplaceKeyWith !== undefined) {
    throw invalidRequest("You can only define ReplaceKeyPrefix or ReplaceKey but not both.");
  }
  const code = Redirect.HttpRedirectCode;
  if (code !== undefined && !/^3(0[1-9]|[1-9]\d)$/.test(code)) {
    throw invalidRequest(
      `The provided HTTP redirect code (${code}) is not valid. Valid codes are 3XX except 300.`,
    );
  }
  const status = Condition?.HttpErrorCodeReturnedEquals;
  if (status !== undefined && !/^[45]\d\d$/.test(status)) {
    throw invalidRequest(
      `The provided HTTP error code (${status}) is not valid. Valid codes are 4XX or 5XX.`,
    );
  }
}

function checkProtocol(protocol: string | undefined): void {
  if (protocol === undefined || protocol === "http" || protocol === "https") return;
  throw invalidRequest(
    "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected automatically.",
  );
}

export interface Redirection {
  readonly status: number;
  readonly location: string;
}

/** The routing rule that applies. `status`: of the error that the key ended in; undefined before it was looked for. */
export function routed(
  { RoutingRules: rules = [] }: S3.WebsiteConfiguration,
  key: string,
  status: number | undefined,
  host: string,
): Redirection | undefined {
  const rule = rules.find(({ Condition: condition }) => {
    const wanted = condition?.HttpErrorCodeReturnedEquals;
    if (wanted !== undefined && wanted !== String(status)) return false;
    if (wanted === undefined && status !== undefined) return false;
    return key.startsWith(condition?.KeyPrefixEquals ?? "");
  });
  if (!rule?.Redirect) return undefined;
  const { HostName, HttpRedirectCode: code = "301", Protocol = "http" } = rule.Redirect;
  const { ReplaceKeyPrefixWith: prefix, ReplaceKeyWith: whole } = rule.Redirect;
  const rest = key.slice((rule.Condition?.KeyPrefixEquals ?? "").length);
  const target = whole ?? (prefix === undefined ? key : prefix + rest);
  return { status: Number(code), location: `${Protocol}://${HostName ?? host}/${target}` };
}

/** The key of what a path shows: a folder shows its index document. */
export function pageKey({ IndexDocument }: S3.WebsiteConfiguration, key: string): string {
  return key === "" || key.endsWith("/") ? key + (IndexDocument?.Suffix ?? "") : key;
}
