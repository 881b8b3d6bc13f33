/**
 * AWS Security Token Service: who am I, and credentials for a while. There are no roles: any role may be assumed by
 * whoever may call, in its own account where signatures are verified.
 *
 * Keeps one thing, the secret that temporary credentials are made from, so that they outlive a restart.
 */
import { hash } from "node:crypto";
import { partitionOf } from "../../base/arn.ts";
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { sessionSecondsDefault, sessionTokenSecondsDefault } from "../../limits.ts";
import type { Store } from "../../store/store.ts";
import { base32, type Session, TemporaryCredentials } from "../../wire/temporary-credentials.ts";
import type { Context, OperationsOf, Service } from "../service.ts";
import { notImplemented } from "../service.ts";
import * as errors from "./errors.ts";
import { readRoleArn, type RoleArn } from "./role-arn.ts";
import { readWebIdentity } from "./web-identity.ts";

export interface StsDeps {
  readonly clock: Clock;
  readonly temporary: TemporaryCredentials;
  /** Signatures are verified, so who calls is known. */
  readonly secure: boolean;
}

type Operations = OperationsOf<typeof import("@aws-sdk/client-sts")>;

const noFederation = notImplemented("federated users and their session policies are not there");

export function createSts(deps: StsDeps): Service {
  function issue(session: Omit<Session, "expiresAtMs">, seconds: number) {
    const second = 1000;
    const expiresAtMs = Math.floor(deps.clock.now() / second) * second + seconds * second;
    const { accessKeyId, secretAccessKey, sessionToken } = deps.temporary.issue({ ...session, expiresAtMs });
    return {
      AccessKeyId: accessKeyId,
      SecretAccessKey: secretAccessKey,
      SessionToken: sessionToken,
      Expiration: new Date(expiresAtMs),
    };
  }

  function assumed({ arn, account, name }: RoleArn, sessionName: string, seconds: number, ctx: Context) {
    const partition = partitionOf(ctx.region);
    const principalArn = `arn:${partition}:sts::${account}:assumed-role/${name}/${sessionName}`;
    const userId = `${roleId(arn)}:${sessionName}`;
    return {
      Credentials: issue({ account, principalArn, userId }, seconds),
      AssumedRoleUser: { AssumedRoleId: userId, Arn: principalArn },
    };
  }

  const operations: Operations = {
    async GetCallerIdentity(_input, { identity, account }) {
      const userId = identity.userId ?? identity.accessKey ?? account;
      return { UserId: userId, Account: account, Arn: identity.principalArn };
    },
    async AssumeRole(input, ctx) {
      const { RoleArn: roleArn, RoleSessionName: sessionName } = input;
      refusePolicies(input);
      if (input.SerialNumber !== undefined || input.TokenCode !== undefined) throw errors.wrongPasscode();
      if (input.Tags?.length || input.TransitiveTagKeys?.length) throw errors.notThere("Session tags");
      if (input.ProvidedContexts?.length) throw errors.notThere("Provided contexts");
      const role = readRoleArn(roleArn);
      if (deps.secure && role.account !== ctx.account) {
        throw errors.mayNotAssume(ctx.identity.principalArn, roleArn);
      }
      const seconds = input.DurationSeconds ?? sessionSecondsDefault;
      if (isSession(ctx) && seconds > sessionSecondsDefault) throw errors.chainedTooLong();
      return { ...assumed(role, sessionName, seconds, ctx), SourceIdentity: input.SourceIdentity };
    },
    async AssumeRoleWithWebIdentity(input, ctx) {
      refusePolicies(input);
      const identity = readWebIdentity(input.WebIdentityToken, deps.clock.now());
      // Whoever issued it is not asked: where that matters nobody is let in by it.
      if (deps.secure) throw errors.noProvider(identity.issuer);
      const seconds = input.DurationSeconds ?? sessionSecondsDefault;
      return {
        ...assumed(readRoleArn(input.RoleArn), input.RoleSessionName, seconds, ctx),
        SubjectFromWebIdentityToken: identity.subject,
        Audience: identity.audience,
        Provider: input.ProviderId ?? identity.issuer,
      };
    },
    async GetSessionToken(input, ctx) {
      if (input.SerialNumber !== undefined || input.TokenCode !== undefined) throw errors.wrongPasscode();
      if (isSession(ctx)) throw errors.sessionOfSession();
      const { account, identity } = ctx;
      const session = { account, principalArn: identity.principalArn, userId: account };
      return { Credentials: issue(session, input.DurationSeconds ?? sessionTokenSecondsDefault) };
    },
    AssumeRoleWithSAML: notImplemented("SAML providers are not there"),
    AssumeRoot: notImplemented("organizations are not there"),
    DecodeAuthorizationMessage: notImplemented("authorization messages are not encoded"),
    GetAccessKeyInfo: notImplemented("access keys are not recorded"),
    GetDelegatedAccessToken: noFederation,
    GetFederationToken: noFederation,
    GetWebIdentityToken: notImplemented("lambdad is no identity provider"),
  };
  return { name: "sts", operations };
}

/** The same at every start of this store. */
export async function openTemporaryCredentials(store: Store, random: Random): Promise<TemporaryCredentials> {
  const known = await store.get(secretKey);
  if (known) return new TemporaryCredentials(known.value, random);
  const secret = random.bytes(32);
  await store.commit([{ kind: "put", key: secretKey, value: secret, ifVersion: 0 }]);
  return new TemporaryCredentials(secret, random);
}

const secretKey = "sts secret";

/** IAM's policies are not evaluated, so one that takes rights away would take none. */
function refusePolicies(input: {
  readonly Policy?: unknown;
  readonly PolicyArns?: readonly unknown[] | undefined;
}) {
  if (input.Policy !== undefined || input.PolicyArns?.length) throw errors.notThere("Session policies");
}

function isSession({ identity }: Context): boolean {
  return identity.userId !== undefined;
}

/** inferred: of AWS's form, and the same for one role; AWS gives each role that is made a new one. */
function roleId(roleArn: string): string {
  return `AROA${base32(hash("sha256", roleArn, "buffer")).slice(0, 17)}`;
}
