/** Zips made in memory, with the modes and times that a test wants. */
import { buffer } from "node:stream/consumers";
import yazl from "yazl";

export type ZipSources = Readonly<
  Record<string, string | Uint8Array | { readonly content: string | Uint8Array; readonly mode: number }>
>;

/** `mode` is 0o100644 where not given; 0o120777 makes a symbolic link to `content`. */
export function zipOf(sources: ZipSources): Promise<Buffer> {
  const zip = new yazl.ZipFile();
  for (const [name, source] of Object.entries(sources)) {
    const { content, mode } =
      typeof source === "object" && "content" in source ? source : { content: source, mode: 0o100644 };
    zip.addBuffer(Buffer.from(content), name, { mode, mtime: new Date(Date.UTC(2026, 0, 1)) });
  }
  zip.end();
  return buffer(zip.outputStream);
}
