/**
 * What host names say: which bucket an S3 request is for, which requests are for someone's web endpoint and not for an
 * API, and whether a browser was led here by a foreign name. Pure; takes the `Host` header as received.
 */
import { isIP } from "node:net";

/** Without the port; IPv6 without brackets; lower case. */
export function hostName(host: string): string {
  const lower = host.toLowerCase();
  if (lower.startsWith("[")) return lower.slice(1, Math.max(lower.indexOf("]"), 1));
  const colon = lower.indexOf(":");
  return colon === -1 ? lower : lower.slice(0, colon);
}

/**
 * `bucket.s3.us-east-1.amazonaws.com`, `bucket.s3.localhost…`, `bucket.localhost`. Other names are taken for aliases of
 * this machine, and the path then begins with the bucket.
 */
export function bucketInHost(host: string): string | undefined {
  const name = hostName(host);
  const s3 = Math.max(name.lastIndexOf(".s3."), name.lastIndexOf(".s3-"));
  if (s3 > 0) return name.slice(0, s3);
  if (name.startsWith("s3.") || name.startsWith("s3-") || !name.endsWith(".localhost")) return undefined;
  return name.slice(0, -".localhost".length);
}

/** The signing name in `sqs.us-east-1.amazonaws.com`, `sns.localhost`, and in SQS's old names: `us-east-1.queue.amazonaws.com`. */
export function serviceInHost(host: string): string | undefined {
  const name = hostName(host);
  const labels = name.split(".");
  if (labels.length < 2 || isIP(name) !== 0) return undefined;
  return labels.includes("queue") ? "sqs" : labels[0];
}

/** Function URLs, API Gateway stages, S3 websites: served by a service's `web`, whatever the path looks like. */
export function isWebHost(host: string): boolean {
  const name = host.toLowerCase();
  return name.includes(".lambda-url.") || name.includes(".execute-api.") || name.includes(".s3-website");
}

/** A name that only this machine can give itself. A page of another site, rebound to 127.0.0.1, has its own name. */
export function isLocalName(host: string): boolean {
  const name = hostName(host);
  return name === "localhost" || name.endsWith(".localhost") || isIP(name) !== 0;
}

/** Usable in URLs that we answer with: names, addresses, a port; nothing that could end or bend one. */
export function isPlainHost(host: string): boolean {
  return host.length > 0 && host.length <= 262 && /^[\w.:[\]-]+$/.test(host);
}

/**
 * Where the caller has reached us, for URLs that we answer with. The AWS SDK for JavaScript before 3.310 leaves the port out of
 * `Host`, and on this machine that is ours: a proxy on port 80 would be reached from elsewhere.
 */
export function endpointOf(host: string | undefined, listenerUrl: string): string {
  if (host === undefined || !isPlainHost(host)) return listenerUrl;
  const isBare = /^(localhost|127(\.\d+){3}|\[::1\])$/i.test(host);
  const port = isBare ? new URL(listenerUrl).port : "";
  return port === "" ? `http://${host}` : `http://${host}:${port}`;
}

/** An IPv4 address as such, also where it came through a socket that is IPv6's, as with `--host ::`. */
export function plainAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice("::ffff:".length) : address;
}
