/** Which bytes a `Range` header asks for. Pure. Source: map-sqs-sns-s3 3.4, recorded. */
import type { Slice } from "../../../base/disk.ts";
import { invalidArgument, invalidRange, invalidRequest } from "../errors.ts";

/** Undefined: the header says nothing that S3 understands, so everything is meant. Throws InvalidRange. */
export function rangeOf(header: string, sizeBytes: number): Slice | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header.trim()) ?? [];
  if (first === undefined || last === undefined || (first === "" && last === "")) return undefined;
  if (first === "") {
    const length = Math.min(Number(last), sizeBytes);
    if (length === 0) throw invalidRange(header, sizeBytes);
    return { start: sizeBytes - length, length };
  }
  const start = Number(first);
  const end = last === "" ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  if (last !== "" && Number(last) < start) return undefined;
  if (start >= sizeBytes) throw invalidRange(header, sizeBytes);
  return { start, length: end - start + 1 };
}

export function contentRange({ start, length }: Slice, sizeBytes: number): string {
  return `bytes ${start}-${start + length - 1}/${sizeBytes}`;
}

/** `x-amz-copy-source-range`, which must be exact. */
export function copyRangeOf(header: string, sizeBytes: number): Slice {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(header) ?? [];
  const start = Number(first);
  const end = Number(last);
  if (first === undefined || end < start) {
    throw invalidArgument(
      "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the " +
        "zero-based offsets of the first and last bytes to copy",
      "x-amz-copy-source-range",
      header,
    );
  }
  if (start >= sizeBytes) {
    throw invalidRequest("The specified copy range is invalid for the source object size");
  }
  if (end >= sizeBytes) {
    const text = `Range specified is not valid for source object of size: ${sizeBytes}`;
    throw invalidArgument(text, "x-amz-copy-source-range", header);
  }
  return { start, length: end - start + 1 };
}
