/** Entries of PutEvents: which are refused, and what they count. Pure. Source: map-events-observability 1.2. */
import { compactDetail } from "./event.ts";

export interface Entry {
  readonly Source?: string | undefined;
  readonly DetailType?: string | undefined;
  readonly Detail?: string | undefined;
  readonly Time?: Date | undefined;
  readonly Resources?: readonly string[] | undefined;
}

export interface Refusal {
  readonly ErrorCode: string;
  readonly ErrorMessage: string;
}

/** What an entry that is no good is answered; else its detail without white space. */
export function checkEntry(entry: Entry): Refusal | { readonly detail: string } {
  for (const name of ["Source", "DetailType", "Detail"] as const) {
    if (entry[name] === undefined || entry[name] === "") {
      return {
        ErrorCode: "InvalidArgument",
        ErrorMessage: `Parameter ${name} is not valid. Reason: ${name} is a required argument.`,
      };
    }
  }
  const detail = compactDetail(entry.Detail ?? "");
  if (detail === undefined) return { ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed." };
  if (/^aws\./i.test(entry.Source ?? "")) {
    return {
      ErrorCode: "NotAuthorizedForSourceException",
      ErrorMessage: "Not authorized for the source.",
    };
  }
  return { detail };
}

export function entryBytes({
  Source = "",
  DetailType = "",
  Detail = "",
  Time,
  Resources = [],
}: Entry): number {
  const texts = [Source, DetailType, Detail, ...Resources];
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), Time ? 14 : 0);
}
