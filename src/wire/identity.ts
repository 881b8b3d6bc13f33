/** Who calls: read off the request's signature by `sigv4.ts`, or assumed where signatures are not enforced. */

export interface Identity {
  /** 12 digits. */
  readonly account: string;
  readonly accessKey: string | undefined;
  /** `arn:aws:iam::000000000000:root`, … */
  readonly principalArn: string;
  readonly signed: "header" | "query" | "none";
  /** A service of lambdad acting for itself: "events.amazonaws.com". */
  readonly service?: string;
}
