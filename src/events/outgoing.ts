/**
 * HTTP requests to addresses that callers name: subscribers of topics, API destinations, their authorization servers. The
 * one door through which lambdad itself speaks to the outside for somebody, so the rule of where to is here.
 *
 * A name is resolved once, and what it resolved to is checked and connected to: answering otherwise the second time wins
 * nothing. Never goes to link-local addresses (clouds' metadata, sandboxes, lambdad's own address among them), with
 * `secure` to no loopback and no private one either. Never follows a redirect; says who it is, so that lambdad's admin
 * routes refuse it; what is answered is bounded in size, and by the caller's signal in time.
 */
import { lookup as systemLookup } from "node:dns";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { BlockList, isIP, isIPv6, type LookupFunction } from "node:net";
import { request as httpRequest } from "../base/http.ts";

export interface OutgoingRequest {
  readonly method: string;
  /** http or https. Credentials in it become basic authorization. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
  readonly signal: AbortSignal;
  /** Of the answer; 0: only its head. */
  readonly answerBytesMax: number;
}

export interface OutgoingAnswer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  /** Its beginning. */
  readonly body: string;
}

/** Rejects when there is no answer: with `ForbiddenAddress` when nobody was asked. */
export type Outgoing = (request: OutgoingRequest) => Promise<OutgoingAnswer>;

export class ForbiddenAddress extends Error {
  constructor(host: string) {
    super(
      `lambdad sends no requests to ${host.slice(0, 255)}: its address is not open to those of its callers`,
    );
    this.name = "ForbiddenAddress";
  }
}

export interface OutgoingRule {
  readonly secure: boolean;
  /** Left out: the system's. */
  readonly lookup?: typeof systemLookup;
}

export function createOutgoing({ secure, lookup = systemLookup }: OutgoingRule): Outgoing {
  const forbidden = secure ? withPrivate : always;

  /** Connections are made to what this answers, and to nothing else. */
  const checkedLookup: LookupFunction = (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, []);
      const open = found.filter(({ address }) => !isIn(forbidden, address));
      const [first] = open;
      if (!first) return callback(new ForbiddenAddress(host), []);
      if (options.all) callback(null, open);
      else callback(null, first.address, first.family);
    });
  };

  return async ({ method, url, headers, body, signal, answerBytesMax }) => {
    const host = url.hostname.replace(/^\[|\]$/g, "");
    if (isIP(host) !== 0 && isIn(forbidden, host)) throw new ForbiddenAddress(host); // is not looked up
    const { promise, resolve, reject } = Promise.withResolvers<OutgoingAnswer>();
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    const options = { method, headers: sentHeaders(headers, body), signal, lookup: checkedLookup };
    // No connection is shared: not between accounts, not with an answer of which the rest was left unread.
    const outgoing = send(url, { ...options, agent: false }, (response) => {
      outgoing.off("close", lost); // may come before everything was read
      readStart(response, answerBytesMax).then(resolve, reject);
    });
    function lost() {
      reject(new Error("the connection was closed"));
    }
    outgoing.on("error", reject);
    outgoing.on("close", lost);
    outgoing.end(body);
    return promise;
  };
}

/** By which lambdad knows its own requests. RFC 9110, 7.6.3. */
const via = "1.1 lambdad";

export function isFromOutgoing(viaHeader: string | undefined): boolean {
  return viaHeader !== undefined && viaHeader.includes(via);
}

/** What callers have no say in: where a request ends, whom it is for, what the connection becomes. */
const ownHeaders: ReadonlySet<string> = new Set([
  ...["connection", "content-length", "expect", "host", "http2-settings", "keep-alive"],
  ...["proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "via"],
]);

function sentHeaders(given: Readonly<Record<string, string>>, body: Uint8Array | string) {
  const kept = Object.entries(given).filter(([name]) => !ownHeaders.has(name.toLowerCase()));
  return { ...Object.fromEntries(kept), via, "content-length": String(Buffer.byteLength(body)) };
}

async function readStart(response: IncomingMessage, bytesMax: number): Promise<OutgoingAnswer> {
  const { statusCode: status = 0, headers } = response;
  const chunks: Buffer[] = [];
  let size = 0;
  if (bytesMax > 0) {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      chunks.push(chunk);
      if (size >= bytesMax) break;
    }
  }
  response.destroy();
  return { status, headers, body: Buffer.concat(chunks).subarray(0, bytesMax).toString() };
}

function isIn(list: BlockList, address: string): boolean {
  return list.check(address, isIPv6(address) ? "ipv6" : "ipv4"); // IPv4 in IPv6's clothes is looked for as IPv4, too
}

type Subnet = readonly [address: string, prefix: number];

/** Source: IANA's special-purpose registries; the clouds' documentation of their metadata services. */
const never: readonly Subnet[] = [
  ["0.0.0.0", 8], // this machine
  ["169.254.0.0", 16], // link-local: metadata, and every lambdad's sandboxes
  ["100.100.100.200", 32], // metadata of Alibaba
  ["168.63.129.16", 32], // Azure's
  ["192.0.0.192", 32], // Oracle's
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
  ["::", 128],
  ["fe80::", 10],
  ["ff00::", 8],
  ["fd00:ec2::254", 128], // metadata of AWS
  ["fd20:ce::254", 128], // Google's
  ["2002::", 16], // 6to4: any IPv4 address
];
const privates: readonly Subnet[] = [
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["::1", 128],
  ["fc00::", 7],
  ["fec0::", 10],
];
const always = listOf(never);
const withPrivate = listOf([...never, ...privates]);

function listOf(subnets: readonly Subnet[]): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of subnets) {
    if (isIPv6(address)) list.addSubnet(address, prefix, "ipv6");
    else {
      list.addSubnet(address, prefix, "ipv4");
      list.addSubnet(`64:ff9b::${address}`, 96 + prefix, "ipv6"); // NAT64 leads there
    }
  }
  return list;
}
