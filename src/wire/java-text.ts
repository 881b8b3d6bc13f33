/**
 * Prints a value as AWS prints it in validation errors: with Java's `toString`, which is what its services are written
 * in. Lists `[a, b]`, maps `{$LATEST=0.5}`, doubles `2.0` (recorded); structures
 * `PutEventsRequestEntry(time=null, source=x)` (recorded; AWS's order of members may differ from the model's).
 *
 * What is sensitive inside a value is masked; a value that is itself sensitive is the caller's to leave out.
 */
import type { Member, Shape } from "./model.ts";

// inferred: as in AWS's Java SDK
const mask = "***Sensitive Data Redacted***";

/** Text of at most `lengthMax` characters; what is longer ends in "…". */
export function javaText(shape: Shape, value: unknown, lengthMax: number): string {
  const pieces = new Pieces(lengthMax);
  print(pieces, shape, value);
  return pieces.text();
}

/** A double prints a fraction even where it has none. */
export function numberText(kind: Shape["kind"], value: number): string {
  const isFloating = kind === "double" || kind === "float";
  return isFloating && Number.isInteger(value) ? value.toFixed(1) : String(value);
}

/** "KMSKeyArn" is "kMSKeyArn": only the first letter changes. */
export function lowerCamel(memberName: string): string {
  return memberName.charAt(0).toLowerCase() + memberName.slice(1);
}

/** Stops growing at its bound, so that a body of megabytes isn't printed in order to be cut. */
class Pieces {
  readonly #lengthMax: number;
  readonly #pieces: string[] = [];
  #length = 0;

  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  get isFull(): boolean {
    return this.#length > this.#lengthMax;
  }

  add(piece: string): void {
    this.#pieces.push(piece.slice(0, this.#lengthMax + 1));
    this.#length += piece.length;
  }

  text(): string {
    const text = this.#pieces.join("");
    return this.isFull ? `${text.slice(0, this.#lengthMax)}…` : text;
  }
}

function print(to: Pieces, shape: Shape, value: unknown): void {
  if (value === null || value === undefined) to.add("null");
  else if (Array.isArray(value)) printList(to, shape, value);
  else if (value instanceof Uint8Array) to.add(blobText(value));
  else if (value instanceof Date) to.add(dateText(value));
  else if (typeof value === "number") to.add(numberText(shape.kind, value));
  else if (typeof value === "string") to.add(value);
  else if (typeof value !== "object") to.add(JSON.stringify(value));
  else if (shape.kind === "map") printMap(to, shape, value);
  else if (shape.kind === "structure" || shape.kind === "union") printStructure(to, shape, value);
  else to.add(JSON.stringify(value)); // a document
}

function printHeld(to: Pieces, member: Member | undefined, value: unknown): void {
  if (member?.shape.traits.sensitive === true) to.add(mask);
  else if (member !== undefined) print(to, member.shape, value);
}

function printList(to: Pieces, shape: Shape, list: readonly unknown[]): void {
  to.add("[");
  for (const [index, item] of list.entries()) {
    if (to.isFull) return;
    if (index > 0) to.add(", ");
    printHeld(to, shape.element, item);
  }
  to.add("]");
}

function printMap(to: Pieces, shape: Shape, map: object): void {
  to.add("{");
  for (const [index, [key, item]] of Object.entries(map).entries()) {
    if (to.isFull) return;
    if (index > 0) to.add(", ");
    printHeld(to, shape.key, key);
    to.add("=");
    printHeld(to, shape.element, item);
  }
  to.add("}");
}

function printStructure(to: Pieces, shape: Shape, structure: object): void {
  to.add(`${shape.name}(`);
  for (const [index, member] of shape.members.entries()) {
    if (to.isFull) return;
    if (index > 0) to.add(", ");
    to.add(`${lowerCamel(member.name)}=`);
    const item: unknown = Reflect.get(structure, member.name);
    if (item === undefined) to.add("null");
    else printHeld(to, member, item);
  }
  to.add(")");
}

// inferred: `ByteBuffer.toString`, as seen from Kinesis
function blobText(bytes: Uint8Array): string {
  return `java.nio.HeapByteBuffer[pos=0 lim=${bytes.byteLength} cap=${bytes.byteLength}]`;
}

// inferred: `Date.toString`, "Thu Jan 01 00:00:00 UTC 1970"
function dateText(date: Date): string {
  const [weekday, day, month, year, time] = date.toUTCString().replace(",", "").split(" ");
  return `${weekday} ${month} ${day} ${time} UTC ${year}`;
}
