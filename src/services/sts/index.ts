/**
 * AWS Security Token Service, as much as clients ask for before anything else: who am I.
 *
 * Stateless. Temporary credentials come with the identity work; until then those operations are refused.
 */
import type { OperationsOf, Service } from "../service.ts";
import { notImplemented } from "../service.ts";

const noCredentials = notImplemented("temporary credentials are not issued yet");

const operations: OperationsOf<typeof import("@aws-sdk/client-sts")> = {
  async GetCallerIdentity(_input, { identity, account }) {
    return { UserId: identity.accessKey ?? account, Account: account, Arn: identity.principalArn };
  },
  AssumeRole: noCredentials,
  AssumeRoleWithSAML: noCredentials,
  AssumeRoleWithWebIdentity: noCredentials,
  AssumeRoot: noCredentials,
  DecodeAuthorizationMessage: notImplemented("authorization messages are not encoded"),
  GetAccessKeyInfo: notImplemented("access keys are not recorded yet"),
  GetDelegatedAccessToken: noCredentials,
  GetFederationToken: noCredentials,
  GetSessionToken: noCredentials,
  GetWebIdentityToken: noCredentials,
};

export function createSts(): Service {
  return { name: "sts", operations };
}
