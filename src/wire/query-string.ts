/**
 * Looks at raw query strings (and urlencoded forms) without parsing all of them: routing and signatures need one or
 * two parameters of each request, and most requests have none.
 */

/** The first value of `name`, decoded; "" for a bare key; undefined when absent. `name` is matched unencoded. */
export function queryValue(query: string, name: string): string | undefined {
  for (let at = query.indexOf(name); at !== -1; at = query.indexOf(name, at + 1)) {
    if (at !== 0 && query.charCodeAt(at - 1) !== ampersand) continue;
    const end = at + name.length;
    if (end === query.length || query.charCodeAt(end) === ampersand) return "";
    if (query.charCodeAt(end) !== equals) continue;
    const stop = query.indexOf("&", end);
    return decodeQuery(stop === -1 ? query.slice(end + 1) : query.slice(end + 1, stop));
  }
  return undefined;
}

/** "+" is a space. What is not percent-encoded UTF-8 stays as it is: whoever compares it finds it different. */
export function decodeQuery(text: string): string {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!spaced.includes("%")) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced; // malformed escapes: nothing that we could do better
  }
}

/** Percent-encodes as SigV4 wants it: everything but `A-Z a-z 0-9 - _ . ~`, in upper-case hex. */
export function encodeStrict(text: string): string {
  if (isUnreserved(text)) return text;
  // A lone surrogate, which no header or URL of a well-formed request holds, would make encodeURIComponent throw.
  return encodeURIComponent(text.toWellFormed()).replace(/[!'()*]/g, escapeByte);
}

export function isUnreserved(text: string, also = 0): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code >= 128 || (unreserved[code] === 0 && code !== also)) return false;
  }
  return true;
}

function escapeByte(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

const ampersand = 38;
const equals = 61;
const unreserved = new Uint8Array(128);
for (const character of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~") {
  unreserved[character.charCodeAt(0)] = 1;
}
