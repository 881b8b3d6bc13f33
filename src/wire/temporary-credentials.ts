/**
 * Credentials for a while, as STS issues them. Nothing is stored of them: the session token holds who they are for and
 * until when, under a seal that only this platform can make, and the secret key follows from the access key.
 *
 * Must never tell the secret, nor take a token whose seal is not ours.
 */
import { createHmac } from "node:crypto";
import type { Random } from "../base/random.ts";
import { equalText } from "./sigv4.ts";

export interface Session {
  /** 12 digits. */
  readonly account: string;
  /** `arn:aws:sts::000000000000:assumed-role/Name/session`, … */
  readonly principalArn: string;
  /** `AROA…:session`, … */
  readonly userId: string;
  /** Epoch ms, whole seconds. */
  readonly expiresAtMs: number;
}

export interface IssuedCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

export class TemporaryCredentials {
  readonly #secret: Uint8Array;
  readonly #random: Random;

  /** `secret`: 32 bytes, the same after a restart, or what was issued before is worth nothing. */
  constructor(secret: Uint8Array, random: Random) {
    this.#secret = secret;
    this.#random = random;
  }

  issue(session: Session): IssuedCredentials {
    const accessKeyId = `${prefix}${base32(this.#random.bytes(10))}`;
    const content = Buffer.from(JSON.stringify(session)).toString("base64");
    return {
      accessKeyId,
      secretAccessKey: this.secretOf(accessKeyId) ?? "",
      sessionToken: `${this.#sealOf(accessKeyId, content)}${content}`,
    };
  }

  /** Of what may have been issued. Only who holds a token as well is somebody: `read`. */
  secretOf(accessKeyId: string): string | undefined {
    if (!issued.test(accessKeyId)) return undefined;
    return this.#hmac(`secret ${accessKeyId}`).subarray(0, 30).toString("base64");
  }

  /** Whom this token was issued for together with this key; undefined: it was not. Also one that has expired. */
  read(accessKeyId: string, sessionToken: string): Session | undefined {
    const content = sessionToken.slice(sealLength);
    if (
      !issued.test(accessKeyId) ||
      !equalText(this.#sealOf(accessKeyId, content), sessionToken.slice(0, sealLength))
    ) {
      return undefined;
    }
    return JSON.parse(Buffer.from(content, "base64").toString()) as Session;
  }

  #sealOf(accessKeyId: string, content: string): string {
    return this.#hmac(`token ${accessKeyId} ${content}`).toString("base64");
  }

  #hmac(text: string): Buffer {
    return createHmac("sha256", this.#secret).update(text).digest();
  }
}

const prefix = "ASIA";
const issued = /^ASIA[A-Z2-7]{16}$/;
/** 32 bytes in base64. */
const sealLength = 44;

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** As AWS's ids are written: five bits a character, without padding. */
export function base32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += digits[(value >> (bits - 5)) & 31] ?? "";
  }
  return text;
}
