/**
 * A self-signed certificate for the key that signs messages, so that verifiers find a public key where they look for one.
 * X.509 in DER: tag, length, content. Pure; node:crypto makes keys but no certificates. Source: RFC 5280, 4.1.
 */
import { createPublicKey, sign } from "node:crypto";

/** PEM. Valid for thirty years from `fromMs`. */
export function selfSignedCertificate(
  privateKey: string,
  { commonName, serial, fromMs }: { commonName: string; serial: Uint8Array; fromMs: number },
): string {
  const publicKey = createPublicKey(privateKey).export({ type: "spki", format: "der" });
  const name = sequence(der(0x31, sequence(oid("550403"), der(0x0c, Buffer.from(commonName)))));
  const from = new Date(fromMs);
  const to = new Date(fromMs);
  to.setUTCFullYear(to.getUTCFullYear() + 30);
  const body = sequence(
    der(0xa0, integer(Buffer.of(2))), // version 3
    integer(Buffer.concat([Buffer.of(1), serial])), // neither negative nor with a zero in front
    sha256WithRsa,
    name,
    sequence(time(from), time(to)),
    name,
    publicKey,
  );
  const signature = sign("RSA-SHA256", body, privateKey);
  const certificate = sequence(body, sha256WithRsa, der(0x03, Buffer.of(0), signature));
  const lines = certificate.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  const hex = length.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
  return Buffer.concat([Buffer.of(tag, 0x80 + bytes.length), bytes, content]);
}

function sequence(...contents: readonly Uint8Array[]): Buffer {
  return der(0x30, ...contents);
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, "hex"));
}

function integer(bytes: Uint8Array): Buffer {
  return der(0x02, bytes);
}

/** GeneralizedTime; RFC 5280 wants UTCTime before 2050. */
function time(date: Date): Buffer {
  const text = date.toISOString().replaceAll(/[-:T]|\.\d+/g, "");
  return date.getUTCFullYear() < 2050 ? der(0x17, Buffer.from(text.slice(2))) : der(0x18, Buffer.from(text));
}

const sha256WithRsa = sequence(oid("2a864886f70d01010b"), Buffer.of(0x05, 0));
