/** Who calls: read off the request's signature by `credential.ts`, or assumed where signatures are not enforced. */
import { partitionOf } from "../base/arn.ts";
import type { Credential } from "./credential.ts";
import type { Session } from "./temporary-credentials.ts";

export interface Identity {
  /** 12 digits. */
  readonly account: string;
  readonly accessKey: string | undefined;
  /** `arn:aws:iam::000000000000:root`, … */
  readonly principalArn: string;
  /** Of temporary credentials: `AROA…:session`. */
  readonly userId?: string;
  readonly signed: "header" | "query" | "none";
  /** A service of lambdad acting for itself: "events.amazonaws.com". */
  readonly service?: string;
}

/**
 * A 12-digit access key is that account; any other, or none, is `defaultAccount`. `session`: what its temporary
 * credentials say. Says nothing about validity.
 */
export function identityOf(
  credential: Credential | undefined,
  defaultAccount: string,
  region: string,
  session?: Session,
): Identity {
  const accessKey = credential?.accessKey;
  if (credential && session) {
    const { account, principalArn, userId } = session;
    return { account, accessKey, principalArn, userId, signed: credential.carriedIn };
  }
  const account = accessKey !== undefined && isAccount(accessKey) ? accessKey : defaultAccount;
  return {
    account,
    accessKey,
    principalArn: `arn:${partitionOf(region)}:iam::${account}:root`,
    signed: credential === undefined ? "none" : credential.carriedIn,
  };
}

export function isAccount(text: string): boolean {
  if (text.length !== 12) return false;
  for (let at = 0; at < 12; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 48 || code > 57) return false;
  }
  return true;
}
