/**
 * Who may do what. Today: everyone everything; with `--secure`, everyone who has signed. IAM policies are evaluated
 * here once there is an IAM service.
 */
import type { Identity } from "../wire/identity.ts";
import type { Operation, ProtocolId } from "../wire/model.ts";
import { signatureError, signatureFamily } from "../wire/sigv4-errors.ts";

/** Throws the error that the service answers strangers with. Signatures have been verified before. */
export function authorize(
  identity: Identity,
  operation: Operation,
  protocol: ProtocolId,
  { secure, admitsAnonymous }: { readonly secure: boolean; readonly admitsAnonymous: boolean },
): void {
  if (!secure || admitsAnonymous || identity.signed !== "none" || operation.noAuth) return;
  throw signatureError("missing", signatureFamily(operation.service.name, protocol));
}
