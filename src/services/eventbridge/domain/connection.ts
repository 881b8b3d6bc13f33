/** Connections and API destinations as the store keeps them. Pure. Source: map-events-observability 1.8. */
import type { Place } from "./names.ts";

export type Method = "POST" | "GET" | "HEAD" | "OPTIONS" | "PUT" | "PATCH" | "DELETE";

export interface ConnectionRecord extends Place {
  readonly name: string;
  /** UUID; the last part of its ARN. */
  readonly id: string;
  /** Its secret's, of which AWS shows an ARN. */
  readonly secretId: string;
  readonly description?: string;
  readonly auth: Auth;
  /** Added to every request. Undefined: none were given. */
  readonly http?: Additions;
  readonly createdAtMs: number;
  readonly modifiedAtMs: number;
}

/** Secrets lie in the store as they are. */
export type Auth =
  | { readonly kind: "BASIC"; readonly user: string; readonly password: string }
  | { readonly kind: "API_KEY"; readonly header: string; readonly value: string }
  | {
      readonly kind: "OAUTH_CLIENT_CREDENTIALS";
      readonly clientId: string;
      readonly clientSecret: string;
      readonly endpoint: string;
      readonly method: "GET" | "POST" | "PUT";
      readonly http?: Additions;
    };

export interface Additions {
  readonly headers: readonly Addition[];
  readonly query: readonly Addition[];
  readonly body: readonly Addition[];
}

export interface Addition {
  readonly name: string;
  readonly value: string;
  readonly isSecret: boolean;
}

export interface ApiDestinationRecord extends Place {
  readonly name: string;
  readonly id: string;
  readonly description?: string;
  readonly connection: string;
  readonly connectionArn: string;
  readonly endpoint: string;
  readonly method: Method;
  /** As given. */
  readonly ratePerSecond?: number;
  readonly createdAtMs: number;
  readonly modifiedAtMs: number;
}
