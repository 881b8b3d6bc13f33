/**
 * API destinations: an event becomes a real HTTP request, with the connection's authorization, no faster than the
 * destination's rate. Tokens of OAuth are fetched when they are needed and kept in memory until they expire or are refused.
 * Source: map-events-observability 1.8.
 */
import type { Clock } from "../../base/clock.ts";
import {
  apiDestinationRateDefault,
  apiDestinationWaitMsMax,
  callsBookedMax,
  oauthTokensCachedMax,
  oauthTokenLifeSecondsDefault,
} from "../../limits.ts";
import type { ApiDestinationRecord, ConnectionRecord } from "./domain/connection.ts";
import { requestOf, tokenRequestOf } from "./domain/http-request.ts";
import { nameInArn } from "./domain/names.ts";
import { DeliveryFailure } from "../../events/delivery-verdict.ts";
import { ForbiddenAddress } from "../../events/outgoing.ts";
import type { Http, HttpAnswer } from "./http-client.ts";
import type { Dispatch } from "./outbox.ts";
import type { EventBridgeStore } from "./store.ts";

export type CallOut = (dispatch: Dispatch, payload: string) => Promise<undefined>;

export interface CallOutDeps {
  readonly clock: Clock;
  readonly store: EventBridgeStore;
  readonly http: Http;
}

export function createCallOut({ clock, store, http }: CallOutDeps): CallOut {
  const turns = new Turns(clock);
  const tokens = new Tokens(clock, http);

  return async ({ rule, target, text, pending }, payload) => {
    const name = nameInArn("api-destination", target.arn) ?? "";
    const destination = (await store.apiDestinations.get(rule, name))?.value;
    const connection = destination && (await store.connections.get(rule, destination.connection))?.value;
    if (!destination || !connection) throw gone(target.arn);
    await turns.take(destination, `${pending.eventKey} ${target.id}`);
    const token = await tokens.of(connection);
    const request = requestOf({
      destination,
      connection,
      parameters: target.http,
      event: text,
      payload,
      token,
    });
    const answer = await http(request).catch((cause: unknown) => {
      throw noAnswer(cause);
    });
    if (answer.status === 401 || answer.status === 407) tokens.forget(connection);
    if (answer.status < 200 || answer.status > 299) throw refused(answer);
    return undefined;
  };
}

/**
 * Spaces calls to a destination evenly. Who has to wait long comes again when it is its turn, and keeps no other
 * destination waiting meanwhile.
 */
class Turns {
  readonly #clock: Clock;
  /** When the next call may go, by destination. */
  readonly #nextMs = new Map<string, number>();
  /** By call: when it comes again. */
  readonly #booked = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async take(
    { id, ratePerSecond = apiDestinationRateDefault }: ApiDestinationRecord,
    call: string,
  ): Promise<void> {
    const nowMs = this.#clock.now();
    const bookedMs = this.#booked.get(call);
    this.#booked.delete(call);
    if (bookedMs !== undefined && bookedMs <= nowMs) return;
    const turnMs = Math.max(nowMs, this.#nextMs.get(id) ?? 0);
    const waitMs = Math.ceil(turnMs - nowMs);
    const isLong = waitMs > apiDestinationWaitMsMax;
    const mayBook = !isLong || this.#booked.size < callsBookedMax;
    if (mayBook) this.#nextMs.set(id, turnMs + 1000 / ratePerSecond);
    if (isLong) {
      if (mayBook) this.#booked.set(call, turnMs);
      throw new DeliveryFailure({
        code: "THROTTLING",
        message: "the API destination's rate is used up",
        isRetriable: true,
        isUntried: true,
        retryAfterMs: waitMs,
      });
    }
    if (waitMs > 0) await this.#clock.sleep(waitMs);
  }
}

class Tokens {
  readonly #clock: Clock;
  readonly #http: Http;
  readonly #tokens = new Map<string, { readonly token: string; readonly expiresMs: number }>();

  constructor(clock: Clock, http: Http) {
    this.#clock = clock;
    this.#http = http;
  }

  /** Undefined: the connection has another kind of authorization. */
  async of(connection: ConnectionRecord): Promise<string | undefined> {
    const { auth } = connection;
    if (auth.kind !== "OAUTH_CLIENT_CREDENTIALS") return undefined;
    const known = this.#tokens.get(keyOf(connection));
    if (known && known.expiresMs > this.#clock.now()) return known.token;
    const answer = await this.#http(tokenRequestOf(auth)).catch((cause: unknown) => {
      throw noAnswer(cause);
    });
    const fetched = answer.status === 200 ? tokenIn(answer.body) : undefined;
    if (!fetched) {
      const message = `no access token: the authorization endpoint answered ${answer.status}`;
      throw new DeliveryFailure({ code: "SDK_CLIENT_ERROR", message, isRetriable: answer.status >= 500 });
    }
    if (this.#tokens.size >= oauthTokensCachedMax) this.#tokens.clear();
    this.#tokens.set(keyOf(connection), {
      token: fetched.token,
      expiresMs: this.#clock.now() + fetched.lifeSeconds * 1000,
    });
    return fetched.token;
  }

  forget(connection: ConnectionRecord): void {
    this.#tokens.delete(keyOf(connection));
  }
}

/** A connection that was changed gets another token. */
function keyOf({ id, modifiedAtMs }: ConnectionRecord): string {
  return `${id} ${modifiedAtMs}`;
}

function tokenIn(body: string): { readonly token: string; readonly lifeSeconds: number } | undefined {
  try {
    const { access_token: token, expires_in: life } = JSON.parse(body) as Record<string, unknown>;
    if (typeof token !== "string" || token === "") return undefined;
    const lifeSeconds = Number(life);
    return { token, lifeSeconds: lifeSeconds > 0 ? lifeSeconds : oauthTokenLifeSecondsDefault };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}

/** 401, 407, 409, 429 and 5xx are worth another try. */
function refused({ status, retryAfter }: HttpAnswer): DeliveryFailure {
  const seconds = retryAfter === undefined ? 0 : Number(retryAfter);
  const mayRetry = [401, 407, 409, 429].includes(status) || status >= 500;
  return new DeliveryFailure({
    code: status === 429 ? "THROTTLING" : "SDK_CLIENT_ERROR",
    message: `the API destination answered ${status}`,
    isRetriable: mayRetry && !(seconds < 0),
    ...(seconds > 0 && { retryAfterMs: seconds * 1000 }),
  });
}

function noAnswer(cause: unknown): DeliveryFailure {
  if (cause instanceof ForbiddenAddress) {
    return new DeliveryFailure({ code: "SDK_CLIENT_ERROR", message: cause.message, isRetriable: false });
  }
  const { name, message } = cause instanceof Error ? cause : new Error(String(cause));
  const code = name === "TimeoutError" || name === "AbortError" ? "TIMEOUT" : "CONNECTION_FAILURE";
  return new DeliveryFailure({ code, message, isRetriable: true });
}

function gone(arn: string): DeliveryFailure {
  return new DeliveryFailure({ code: "NO_RESOURCE", message: `${arn} does not exist`, isRetriable: false });
}
