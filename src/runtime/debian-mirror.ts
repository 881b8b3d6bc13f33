/**
 * Where this machine gets Debian's packages from: the first mirror of Debian in apt's own configuration, else Debian's
 * default. Reads both forms of apt's lists; what it cannot read is passed over.
 */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

const debianDefault = "http://deb.debian.org/debian";

/** `folder`: apt's, /etc/apt. */
export async function debianMirror(folder = "/etc/apt"): Promise<string> {
  const parts = join(folder, "sources.list.d");
  const names = (await readdir(parts).catch(() => [])).toSorted();
  const files = [join(folder, "sources.list"), ...names.map((name) => join(parts, name))];
  const texts = await Promise.all(files.map((file) => readFile(file, "utf8").catch(() => "")));
  for (const [index, text] of texts.entries()) {
    const uris = files[index]?.endsWith(".sources") ? urisOfStanzas(text) : urisOfLines(text);
    const mirror = uris.find(isDebian);
    if (mirror !== undefined) return mirror.replace(/\/+$/, "");
  }
  return debianDefault;
}

/** "deb [options] URI suite component …" */
export function urisOfLines(text: string): readonly string[] {
  const lines = text.split("\n").map((line) => /^\s*deb\s+(?:\[[^\]]*\]\s*)?(\S+)\s/.exec(line)?.[1]);
  return lines.filter((uri) => uri !== undefined);
}

/** Stanzas of fields, as in a mail's head; a line that begins with a blank goes on. */
export function urisOfStanzas(text: string): readonly string[] {
  const withoutComments = text.replaceAll(/^#.*\n?/gm, "");
  return withoutComments.split(/\n\s*\n/).flatMap((stanza) => {
    const field = (name: string) =>
      new RegExp(`^${name}:((?:.*)(?:\\n[ \\t].*)*)`, "im").exec(stanza)?.[1]?.trim().split(/\s+/) ?? [];
    const isUsed = field("Types").includes("deb") && field("Enabled")[0]?.toLowerCase() !== "no";
    return isUsed ? field("URIs") : [];
  });
}

/** Debian's own archive, not its security updates, and not somebody else's packages. */
function isDebian(uri: string): boolean {
  return /^(https?|file):\/\/.*\/debian\/*$/.test(uri);
}
