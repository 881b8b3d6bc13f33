/** What of a message is signed, and how. Pure. Source: "Verifying the signatures of Amazon SNS messages". */
import { sign } from "node:crypto";
import { promisify } from "node:util";
import type { Envelope } from "./envelope.ts";

/** "1": SHA-1, "2": SHA-256, both with RSA, PKCS #1 v1.5. */
export type SignatureVersion = "1" | "2";

/** Names and values by turns, each with an end of line, in the order of names; attributes are not signed. */
export function canonicalText(envelope: Envelope): string {
  const signed = Object.entries(envelope).filter(
    ([name, value]) => signedMembers.has(name) && value !== undefined,
  );
  return signed
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `${name}\n${String(value)}\n`)
    .join("");
}

/** Base64. On a thread of its own: an RSA signature takes longer than all the rest of a delivery. */
export async function signatureOf(
  text: string,
  version: SignatureVersion,
  privateKey: string,
): Promise<string> {
  const algorithm = version === "2" ? "RSA-SHA256" : "RSA-SHA1";
  return (await signInBackground(algorithm, Buffer.from(text), privateKey)).toString("base64");
}

const signInBackground = promisify(sign);

const signedMembers: ReadonlySet<string> = new Set([
  "Message",
  "MessageId",
  "Subject",
  "SubscribeURL",
  "Timestamp",
  "Token",
  "TopicArn",
  "Type",
]);
