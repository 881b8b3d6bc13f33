/** Texts of events from their acceptance to their first delivery, so that they need not be read back; as far as there is room. */
import { busHeldEventBytesMax } from "../../limits.ts";

export class HeldEvents {
  readonly #texts = new Map<string, string>();
  #bytes = 0;

  add(key: string, text: string): void {
    const bytes = text.length * 2;
    if (this.#bytes + bytes > busHeldEventBytesMax) return;
    this.#texts.set(key, text);
    this.#bytes += bytes;
  }

  /** It is no longer held. */
  take(key: string): string | undefined {
    const text = this.#texts.get(key);
    if (text === undefined) return undefined;
    this.#texts.delete(key);
    this.#bytes -= text.length * 2;
    return text;
  }
}
