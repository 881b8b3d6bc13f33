/** `arn:aws:iam::123456789012:role/path/Name`. Pure. */
import { invalidRoleArn } from "./errors.ts";

export interface RoleArn {
  readonly arn: string;
  readonly account: string;
  /** Without its path. */
  readonly name: string;
}

/** Throws AWS's ValidationError. */
export function readRoleArn(arn: string): RoleArn {
  const [, account, name] =
    /^arn:aws[a-z-]*:iam::(\d{12}):role\/(?:[!-~]+\/)?([\w+=,.@-]{1,64})$/.exec(arn) ?? [];
  if (account === undefined || name === undefined) throw invalidRoleArn(arn);
  return { arn, account, name };
}
