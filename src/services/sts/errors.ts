/** What STS answers when it does not do as it is told. Texts: recalled from AWS's answers where not said otherwise. */
import { AwsError } from "../../wire/aws-error.ts";

export function invalidRoleArn(arn: string): AwsError {
  return new AwsError("ValidationError", `${arn} is invalid`, { status: 400 });
}

/** There are no MFA devices, so no code is right. */
export function wrongPasscode(): AwsError {
  const text = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
  return new AwsError("AccessDenied", text, { status: 403 });
}

export function mayNotAssume(principalArn: string, roleArn: string): AwsError {
  const text = `User: ${principalArn} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`;
  return new AwsError("AccessDenied", text, { status: 403 });
}

export function chainedTooLong(): AwsError {
  const text =
    "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining";
  return new AwsError("ValidationError", text, { status: 400 });
}

export function sessionOfSession(): AwsError {
  return new AwsError("AccessDenied", "Cannot call GetSessionToken with session credentials", {
    status: 403,
  });
}

export function invalidIdentityToken(text: string): AwsError {
  return new AwsError("InvalidIdentityToken", text, { status: 400 });
}

export function noProvider(issuer: string): AwsError {
  return invalidIdentityToken(`No OpenIDConnect provider found in your account for https://${issuer}`);
}

export function tokenExpired(nowMs: number, expiredMs: number): AwsError {
  const [now, then] = [nowMs, expiredMs].map((ms) => new Date(ms).toISOString().replace(/\.\d+/, ""));
  const text = `Token expired: current date/time ${now} must be before the expiration date/time ${then}`;
  return new AwsError("ExpiredTokenException", text, { status: 400 });
}

/** Ours. */
export function notThere(what: string): AwsError {
  const text = `${what} are not there in lambdad: no policy is evaluated that they would change.`;
  return new AwsError("ValidationError", text, { status: 400 });
}
