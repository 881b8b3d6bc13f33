/** The header `x-amz-copy-source`. Pure. Source: map-sqs-sns-s3 3.10. */
import { invalidArgument } from "../errors.ts";

export interface CopySource {
  readonly bucket: string;
  readonly key: string;
  readonly versionId: string | undefined;
}

/** `[/]bucket/key[?versionId=id]`, percent-encoded. */
export function copySourceOf(header: string): CopySource {
  const refuse = (what: string) =>
    invalidArgument(`Invalid copy source ${what}`, "x-amz-copy-source", header);
  const question = header.lastIndexOf("?versionId=");
  const path = question === -1 ? header : header.slice(0, question);
  const text = decoded(path.startsWith("/") ? path.slice(1) : path);
  if (text === undefined) throw refuse("encoding");
  const slash = text.indexOf("/");
  if (slash === -1 || slash === text.length - 1) throw refuse("object key");
  if (slash === 0) throw refuse("bucket name");
  return {
    bucket: text.slice(0, slash),
    key: text.slice(slash + 1),
    versionId: question === -1 ? undefined : header.slice(question + "?versionId=".length),
  };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
