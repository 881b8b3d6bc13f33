/** 20 digits, as FIFO topics show them. */
export function sequenceNumber(seq: number): string {
  return `1${String(seq).padStart(19, "0")}`;
}
