/** Connections as they are given, checked, and as they are shown: without secrets. Pure. Source: map-events-observability 1.8. */
import { httpAdditionsMax } from "../../../limits.ts";
import type { InputFor } from "../../service.ts";
import { limitExceeded, unsupported, validation } from "../errors.ts";
import type { Client } from "../parts.ts";
import type { Addition, Additions, Auth, ConnectionRecord } from "./connection.ts";

type Given = InputFor<Client, "CreateConnection"> | InputFor<Client, "UpdateConnection">;
type WireAdditions = NonNullable<NonNullable<Given["AuthParameters"]>["InvocationHttpParameters"]>;

export interface ConnectionSettings {
  readonly auth: Auth;
  readonly http?: Additions;
}

/** `before`: of an update; what is not given stays. */
export function connectionSettings(given: Given, before?: ConnectionSettings): ConnectionSettings {
  const { AuthorizationType: type = before?.auth.kind, AuthParameters: parameters } = given;
  if (given.InvocationConnectivityParameters || parameters?.ConnectivityParameters) {
    throw unsupported("Private connectivity of connections is");
  }
  if (given.KmsKeyIdentifier) throw unsupported("Customer managed keys are");
  const http = parameters?.InvocationHttpParameters;
  return {
    auth: authOf(type ?? "", parameters, before?.auth),
    ...((http || before?.http) && { http: http ? additionsOf(http) : before?.http }),
  };
}

function authOf(type: string, parameters: Given["AuthParameters"], before: Auth | undefined): Auth {
  const { BasicAuthParameters: basic, ApiKeyAuthParameters: key, OAuthParameters: oauth } = parameters ?? {};
  switch (type) {
    case "BASIC": {
      const old = before?.kind === "BASIC" ? before : undefined;
      return {
        kind: "BASIC",
        user: required(basic?.Username ?? old?.user, "BasicAuthParameters.Username"),
        password: required(basic?.Password ?? old?.password, "BasicAuthParameters.Password"),
      };
    }
    case "API_KEY": {
      const old = before?.kind === "API_KEY" ? before : undefined;
      return {
        kind: "API_KEY",
        header: required(key?.ApiKeyName ?? old?.header, "ApiKeyAuthParameters.ApiKeyName"),
        value: required(key?.ApiKeyValue ?? old?.value, "ApiKeyAuthParameters.ApiKeyValue"),
      };
    }
    default: {
      const old = before?.kind === "OAUTH_CLIENT_CREDENTIALS" ? before : undefined;
      const {
        ClientParameters: client,
        AuthorizationEndpoint,
        HttpMethod,
        OAuthHttpParameters,
      } = oauth ?? {};
      const http = OAuthHttpParameters ? additionsOf(OAuthHttpParameters) : old?.http;
      return {
        kind: "OAUTH_CLIENT_CREDENTIALS",
        clientId: required(client?.ClientID ?? old?.clientId, "OAuthParameters.ClientParameters.ClientID"),
        clientSecret: required(
          client?.ClientSecret ?? old?.clientSecret,
          "OAuthParameters.ClientParameters.ClientSecret",
        ),
        endpoint: checkedUrl(
          required(AuthorizationEndpoint ?? old?.endpoint, "OAuthParameters.AuthorizationEndpoint"),
          "AuthorizationEndpoint",
        ),
        method: HttpMethod ?? old?.method ?? "POST",
        ...(http && { http }),
      };
    }
  }
}

/** An address that can be called: https, and for local use http. */
export function checkedUrl(text: string, parameter: string): string {
  const url = URL.parse(text.replaceAll("*", "x"));
  if (url && (url.protocol === "https:" || url.protocol === "http:") && url.username === "") return text;
  // inferred: the text
  throw validation(`Parameter ${parameter} is not valid. Reason: The endpoint must be a valid HTTPS URL.`);
}

export function authToWire({ auth, http }: ConnectionRecord) {
  return { ...authMembers(auth), ...(http && { InvocationHttpParameters: additionsToWire(http) }) };
}

function authMembers(auth: Auth) {
  switch (auth.kind) {
    case "BASIC":
      return { BasicAuthParameters: { Username: auth.user } };
    case "API_KEY":
      return { ApiKeyAuthParameters: { ApiKeyName: auth.header } };
    case "OAUTH_CLIENT_CREDENTIALS":
      return {
        OAuthParameters: {
          ClientParameters: { ClientID: auth.clientId },
          AuthorizationEndpoint: auth.endpoint,
          HttpMethod: auth.method,
          ...(auth.http && { OAuthHttpParameters: additionsToWire(auth.http) }),
        },
      };
  }
}

function additionsOf(given: WireAdditions): Additions {
  const { HeaderParameters = [], QueryStringParameters = [], BodyParameters = [] } = given;
  if (HeaderParameters.length + QueryStringParameters.length + BodyParameters.length > httpAdditionsMax) {
    throw limitExceeded();
  }
  return {
    headers: HeaderParameters.map(additionOf),
    query: QueryStringParameters.map(additionOf),
    body: BodyParameters.map(additionOf),
  };
}

function additionOf(given: {
  readonly Key?: string | undefined;
  readonly Value?: string | undefined;
  readonly IsValueSecret?: boolean | undefined;
}): Addition {
  return { name: given.Key ?? "", value: given.Value ?? "", isSecret: given.IsValueSecret ?? false };
}

/** Kinds that are empty are left out; so are values that are secret. */
function additionsToWire({ headers, query, body }: Additions) {
  const shown = (all: readonly Addition[]) =>
    all.map(({ name, value, isSecret }) => ({
      Key: name,
      ...(!isSecret && { Value: value }),
      IsValueSecret: isSecret,
    }));
  return {
    ...(headers.length > 0 && { HeaderParameters: shown(headers) }),
    ...(query.length > 0 && { QueryStringParameters: shown(query) }),
    ...(body.length > 0 && { BodyParameters: shown(body) }),
  };
}

function required(value: string | undefined, name: string): string {
  if (value !== undefined && value !== "") return value;
  throw validation(`Parameter AuthParameters.${name} is required.`); // inferred
}
