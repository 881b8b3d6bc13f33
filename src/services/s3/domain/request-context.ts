/**
 * What a request to S3 carries that conditions of policies can ask about, by condition key in lower case. Pure.
 * Source: Service Authorization Reference, "Condition keys for Amazon S3", and "AWS global condition context keys".
 */
import type { Carried } from "../../../events/policy-conditions.ts";
import { forEachParameter } from "../../../wire/form.ts";
import type { Asked } from "./actions.ts";
import type { Tags } from "./object.ts";

export interface Facts {
  /** Undefined: another service asks, inside. */
  readonly http: Http | undefined;
  readonly signed: "header" | "query" | "none";
  readonly nowMs: number;
  /** Of the bucket. */
  readonly account: string;
  /** As the operation reads them: what else is in the query means nothing. */
  readonly asked: Asked;
  readonly requestTags: Tags | undefined;
  /** Of the object that is there. */
  readonly existingTags: Tags | undefined;
}

interface Http {
  readonly headers: Readonly<Record<string, string>>;
  /** As received, without "?". */
  readonly query: string;
  readonly remoteAddress: string;
}

export function contextOf(facts: Facts): Readonly<Record<string, Carried>> {
  const { account, asked, existingTags = {}, http, nowMs, requestTags, signed } = facts;
  const headers: Readonly<Record<string, string | undefined>> = http?.headers ?? {};
  const parameters = parametersIn(http?.query ?? "");
  const context: Record<string, Carried> = {
    "aws:currenttime": new Date(nowMs).toISOString(),
    "aws:epochtime": String(Math.floor(nowMs / 1000)),
    "aws:referer": headers["referer"],
    "aws:resourceaccount": account,
    "aws:securetransport": String(!http || isOverTls(http)),
    "aws:sourceip": http?.remoteAddress,
    "aws:useragent": headers["user-agent"],
    "aws:viaawsservice": String(!http),
    "s3:authtype": signed === "none" ? undefined : authTypes[signed],
    "s3:if-match": headers["if-match"],
    "s3:if-none-match": headers["if-none-match"],
    "s3:resourceaccount": account,
    "s3:signatureversion": signed === "none" ? undefined : signatureVersion(parameters),
    "s3:delimiter": asked.Delimiter,
    "s3:max-keys": asked.MaxKeys === undefined ? undefined : String(asked.MaxKeys),
    "s3:prefix": asked.Prefix,
    "s3:versionid": asked.VersionId,
  };
  // Only a presigned URL has headers in its query.
  for (const [name, value] of Object.entries(signed === "query" ? { ...parameters, ...headers } : headers)) {
    if (name.startsWith("x-amz-object-lock-")) context[`s3:${name.slice("x-amz-".length)}`] = value;
    else if (name.startsWith("x-amz-")) context[`s3:${name}`] = value;
  }
  for (const [name, value] of Object.entries(existingTags)) {
    context[`s3:existingobjecttag/${name.toLowerCase()}`] = value;
  }
  if (requestTags) {
    context["s3:requestobjecttagkeys"] = Object.keys(requestTags);
    for (const [name, value] of Object.entries(requestTags)) {
      context[`s3:requestobjecttag/${name.toLowerCase()}`] = value;
    }
  }
  return context;
}

/** lambdad itself has no TLS; a proxy on the same machine that ends it says so. */
function isOverTls({ headers, remoteAddress }: Http): boolean {
  const isFromHere = /^(::ffff:)?127\.|^::1$/.test(remoteAddress);
  return isFromHere && headers["x-forwarded-proto"] === "https";
}

function parametersIn(query: string): Record<string, string> {
  const found: Record<string, string> = {};
  forEachParameter(query, (name, value) => {
    found[name.toLowerCase()] = value;
  });
  return found;
}

const authTypes = { header: "REST-HEADER", query: "REST-QUERY-STRING" } as const;

function signatureVersion(parameters: Readonly<Record<string, string>>): string {
  return parameters["awsaccesskeyid"] === undefined ? "AWS4-HMAC-SHA256" : "AWS";
}

/** Those of other services are none of S3's; of the global ones each may be asked for, whether it is carried or not. */
export function isConditionKey(key: string): boolean {
  const name = key.toLowerCase();
  if (name.startsWith("aws:") || plainKeys.has(name)) return true;
  return /^s3:(x-amz-|(existing|request)objecttag\/)./.test(name);
}

const plainKeys: ReadonlySet<string> = new Set(
  (
    "accesspointnetworkorigin accessgrantsinstancearn authtype dataaccesspointaccount dataaccesspointarn delimiter " +
    "if-match if-none-match inventoryaccessibleoptionalfields isreplicationpauserequest jobsuspendedcause " +
    "locationconstraint max-keys object-lock-legal-hold object-lock-mode object-lock-remaining-retention-days " +
    "object-lock-retain-until-date objectcreationoperation prefix requestjoboperation requestjobpriority " +
    "requestobjecttagkeys resourceaccount signatureage signatureversion tlsversion versionid"
  )
    .split(" ")
    .map((name) => `s3:${name}`),
);
