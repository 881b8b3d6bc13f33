/**
 * The order of a key's versions. A token is 16 hex digits that fall with time, so that the store lists the newest version
 * first; a version id begins with its version's token, so that a version is found by its id; and a notification's
 * sequencer is the token turned round. Tokens of one process never repeat and never rise, even if the clock goes back.
 */
import type { Clock } from "../../../base/clock.ts";
import type { Random } from "../../../base/random.ts";

export const nullId = "null";

const tokenMax = 0xffff_ffff_ffff_ffffn;
const tokensPerMs = 65_536n;

export class VersionTokens {
  readonly #clock: Clock;
  readonly #random: Random;
  #last = tokenMax;

  constructor(deps: { readonly clock: Clock; readonly random: Random }) {
    this.#clock = deps.clock;
    this.#random = deps.random;
  }

  /** `before`: the newest token of the same key, which another process or another clock may have made. */
  next(before?: string): string {
    const byTime = tokenMax - BigInt(this.#clock.now()) * tokensPerMs;
    const bounds = [byTime, this.#last - 1n];
    if (before !== undefined) bounds.push(BigInt(`0x${before}`) - 1n);
    this.#last = bounds.reduce((least, each) => (each < least ? each : least));
    return hex(this.#last);
  }

  /** 32 characters. */
  idFor(token: string): string {
    return `${token}${this.#random.hex(8)}`;
  }
}

/** Undefined: no id that was ever given out. */
export function tokenOfId(versionId: string): string | undefined {
  return /^[0-9a-f]{32}$/.test(versionId) ? versionId.slice(0, 16) : undefined;
}

/** Ids that AWS gives out look like this, too. */
export function isVersionId(text: string): boolean {
  return text === nullId || /^[A-Za-z0-9._]{32}$/.test(text);
}

/** Upper-case hex that rises with time. */
export function sequencerOf(token: string): string {
  return hex(tokenMax - BigInt(`0x${token}`)).toUpperCase();
}

function hex(token: bigint): string {
  return token.toString(16).padStart(16, "0");
}
