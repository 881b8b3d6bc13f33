/** Signs messages with a key of this data directory, made when it is first needed; serves the certificate that proves it. */
import { createHash, generateKeyPair } from "node:crypto";
import { promisify } from "node:util";
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { signaturesCachedMax } from "../../limits.ts";
import type { WebRoute } from "../service.ts";
import { selfSignedCertificate } from "./domain/certificate.ts";
import { signatureOf, type SignatureVersion } from "./domain/signature.ts";
import type { SigningKey, SnsStore } from "./store.ts";

export interface SignerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: SnsStore;
}

export class Signer {
  readonly #deps: SignerDeps;
  #key: Promise<SigningKey> | undefined;
  /** By what is signed: all subscriptions that get the same message get the same signature. */
  readonly #signatures = new Map<string, Promise<string>>();

  constructor(deps: SignerDeps) {
    this.#deps = deps;
  }

  async sign(text: string, version: SignatureVersion): Promise<string> {
    const id = createHash("sha256").update(version).update(text).digest("base64");
    const known = this.#signatures.get(id);
    if (known) return known;
    const signature = this.#current().then(({ privateKey }) => signatureOf(text, version, privateKey));
    this.#signatures.set(id, signature);
    signature.catch(() => this.#signatures.delete(id));
    const [oldest] = this.#signatures.keys();
    if (this.#signatures.size > signaturesCachedMax && oldest !== undefined) this.#signatures.delete(oldest);
    return signature;
  }

  /** Where the certificate is served, below an endpoint of ours. */
  async certificatePath(): Promise<string> {
    return `${pathPrefix}${nameOf(await this.#current())}.pem`;
  }

  /** Whoever wants to verify a signature gets it. */
  readonly web: WebRoute = async ({ method, path }) => {
    if (!path.startsWith(pathPrefix)) return undefined;
    const key = await this.#current();
    const isThere = path === `${pathPrefix}${nameOf(key)}.pem`;
    if (!isThere || (method !== "GET" && method !== "HEAD")) {
      return {
        status: 404,
        headers: { "content-type": "text/plain" },
        body: "There is no such certificate.\n",
      };
    }
    return { status: 200, headers: { "content-type": "application/x-pem-file" }, body: key.certificate };
  };

  #current(): Promise<SigningKey> {
    this.#key ??= this.#load().catch((error: unknown) => {
      this.#key = undefined;
      throw error;
    });
    return this.#key;
  }

  async #load(): Promise<SigningKey> {
    const { clock, random, store } = this.#deps;
    const kept = await store.signingKey();
    if (kept) return kept;
    const { privateKey } = await promisify(generateKeyPair)("rsa", {
      modulusLength: 2048,
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
      publicKeyEncoding: { type: "spki", format: "pem" },
    });
    const certificate = selfSignedCertificate(privateKey, {
      commonName: "sns.amazonaws.com",
      serial: random.bytes(15),
      fromMs: clock.now(),
    });
    const key = { privateKey, certificate };
    await store.putSigningKey(key);
    return key;
  }
}

const pathPrefix = "/_lambdad/sns/SimpleNotificationService-";

/** 32 hex digits, as AWS names its certificates. */
function nameOf({ certificate }: SigningKey): string {
  return createHash("sha256").update(certificate).digest("hex").slice(0, 32);
}
