/**
 * Encodes CBOR (RFC 8949), one item after the other, into one growing buffer.
 *
 * Knows no shapes: `cbor-shape.ts` decides what is written. Never checks that a list or map gets the items it announced.
 */

/** Appends items; the caller keeps the promise of counts. */
export class CborWriter {
  #bytes = Buffer.allocUnsafe(512);
  #length = 0;

  /** Valid until the next write. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Items that are encoded already. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  null(): void {
    this.#byte(0xf6);
  }

  boolean(value: boolean): void {
    this.#byte(value ? 0xf5 : 0xf4);
  }

  integer(value: number | bigint): void {
    if (value < 0) this.#head(1, typeof value === "bigint" ? -1n - value : -1 - value);
    else this.#head(0, value);
  }

  double(value: number): void {
    this.#reserve(9);
    this.#bytes[this.#length] = 0xfb;
    this.#bytes.writeDoubleBE(value, this.#length + 1);
    this.#length += 9;
  }

  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.#head(3, length);
    this.#reserve(length);
    this.#length += this.#bytes.write(value, this.#length);
  }

  bytes(value: Uint8Array): void {
    this.#head(2, value.length);
    this.raw(value);
  }

  list(count: number): void {
    this.#head(4, count);
  }

  map(count: number): void {
    this.#head(5, count);
  }

  tag(tag: number): void {
    this.#head(6, tag);
  }

  /** A map that ends with `end`. */
  openMap(): void {
    this.#byte(0xbf);
  }

  end(): void {
    this.#byte(0xff);
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  #head(major: number, argument: number | bigint): void {
    this.#reserve(9);
    const at = this.#length;
    const type = major << 5;
    if (argument < 24) {
      this.#bytes[at] = type | Number(argument);
      this.#length += 1;
    } else if (argument <= 0xff) {
      this.#bytes[at] = type | 24;
      this.#bytes[at + 1] = Number(argument);
      this.#length += 2;
    } else if (argument <= 0xffff) {
      this.#bytes[at] = type | 25;
      this.#length = this.#bytes.writeUInt16BE(Number(argument), at + 1);
    } else if (argument <= 0xffff_ffff) {
      this.#bytes[at] = type | 26;
      this.#length = this.#bytes.writeUInt32BE(Number(argument), at + 1);
    } else {
      this.#bytes[at] = type | 27;
      this.#length = this.#bytes.writeBigUInt64BE(BigInt(argument), at + 1);
    }
  }

  #reserve(length: number): void {
    if (this.#length + length <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + length));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
