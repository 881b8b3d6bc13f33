/**
 * The condition operators of IAM's policies: which there are, and whether one holds for what a request carries. Pure.
 * A condition about something that the request does not carry does not hold, unless it is a negated one.
 * Source: IAM user guide, "Condition operators" and "Set operators for multivalued context keys".
 */
import { BlockList, isIP, isIPv4 } from "node:net";

export type Scalar = string | number | boolean;
/** What a request carries under one key; several of one kind for keys like `s3:RequestObjectTagKeys`. */
export type Carried = string | readonly string[] | undefined;

type Compare = (value: string, wanted: string) => boolean;

/** On texts: what every service's requests carry. */
const texts: Readonly<Record<string, Compare>> = {
  StringEquals: (value, wanted) => value === wanted,
  StringEqualsIgnoreCase: (value, wanted) => value.toLowerCase() === wanted.toLowerCase(),
  StringLike: isLike,
  ArnEquals: isLikeArn,
  ArnLike: isLikeArn,
  Bool: (value, wanted) => value === wanted.toLowerCase(),
};

const comparisons: Readonly<Record<string, Compare>> = {
  ...texts,
  ...ordered("Numeric", Number),
  ...ordered("Date", epochMs),
  IpAddress: isWithin,
};

/** As `StringNotLike` is `StringLike`'s. */
const negations: Readonly<Record<string, string>> = {
  StringNotEquals: "StringEquals",
  StringNotEqualsIgnoreCase: "StringEqualsIgnoreCase",
  StringNotLike: "StringLike",
  ArnNotEquals: "ArnEquals",
  ArnNotLike: "ArnLike",
  NumericNotEquals: "NumericEquals",
  DateNotEquals: "DateEquals",
  NotIpAddress: "IpAddress",
};

/** `among`: all of IAM's, or those on texts, where requests carry nothing else. */
export function isConditionOperator(operator: string, among: "all" | "texts" = "texts"): boolean {
  if (operator === "Null") return true;
  const { base, set } = readOperator(operator);
  const known = among === "all" ? comparisons : texts;
  return Object.hasOwn(known, base) && (set === undefined || among === "all");
}

export function holds(operator: string, wanted: readonly Scalar[], carried: Carried): boolean {
  if (operator === "Null") return wanted.some((each) => String(each) === String(carried === undefined));
  const { base, isNegated, isOptional, set } = readOperator(operator);
  const compare = Object.hasOwn(comparisons, base) ? comparisons[base] : undefined;
  if (!compare) return false; // whoever takes a policy in lets no other in
  const passes = (value: string) => wanted.some((each) => compare(value, String(each))) !== isNegated;
  if (set === "ForAllValues") return valuesOf(carried).every(passes);
  if (carried === undefined) return set === undefined && (isNegated || isOptional);
  if (set === "ForAnyValue" || !isNegated) return valuesOf(carried).some(passes);
  return valuesOf(carried).every(passes);
}

function valuesOf(carried: Carried): readonly string[] {
  if (carried === undefined) return [];
  return typeof carried === "string" ? [carried] : carried;
}

/** "ForAnyValue:StringNotLikeIfExists". */
function readOperator(operator: string) {
  const [, set, rest = ""] = /^(?:(ForAllValues|ForAnyValue):)?(.*)$/.exec(operator) ?? [];
  const plain = rest.replace(/IfExists$/, "");
  const positive = Object.hasOwn(negations, plain) ? negations[plain] : undefined;
  return { set, base: positive ?? plain, isNegated: positive !== undefined, isOptional: plain !== rest };
}

/** What cannot be read as such is NaN, and NaN is no more and no less than anything. */
function ordered(kind: string, read: (text: string) => number): Record<string, Compare> {
  return {
    [`${kind}Equals`]: (value, wanted) => read(value) === read(wanted),
    [`${kind}LessThan`]: (value, wanted) => read(value) < read(wanted),
    [`${kind}LessThanEquals`]: (value, wanted) => read(value) <= read(wanted),
    [`${kind}GreaterThan`]: (value, wanted) => read(value) > read(wanted),
    [`${kind}GreaterThanEquals`]: (value, wanted) => read(value) >= read(wanted),
  };
}

/** ISO 8601, or seconds since 1970. */
function epochMs(text: string): number {
  return /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text);
}

/** An address, or a network of them: "10.0.0.0/8", "2001:db8::/32". */
export interface Network {
  readonly address: string;
  readonly prefixBits: number;
  readonly family: "ipv4" | "ipv6";
}

export function networkOf(text: string): Network | undefined {
  const [, address = "", bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  if (isIP(address) === 0) return undefined;
  const family = isIPv4(address) ? "ipv4" : "ipv6";
  const max = family === "ipv4" ? 32 : 128;
  const prefixBits = bits === undefined ? max : Number(bits);
  return prefixBits <= max ? { address, prefixBits, family } : undefined;
}

function isWithin(value: string, wanted: string): boolean {
  const network = networkOf(wanted);
  const address = value.replace(/^::ffff:(?=\d+\.)/i, "");
  if (!network || isIP(address) === 0) return false;
  const list = new BlockList();
  list.addSubnet(network.address, network.prefixBits, network.family);
  return list.check(address, isIPv4(address) ? "ipv4" : "ipv6");
}

/** `*` is any text, `?` any character. Linear but for backtracking to the last `*`: no pattern of a policy can stall us. */
export function isLike(text: string, pattern: string): boolean {
  let at = 0;
  let inPattern = 0;
  let star = -1;
  let resumeAt = 0;
  while (at < text.length) {
    const wanted = pattern[inPattern];
    if (wanted === "*") {
      star = inPattern;
      inPattern += 1;
      resumeAt = at;
    } else if (wanted === "?" || wanted === text[at]) {
      at += 1;
      inPattern += 1;
    } else if (star >= 0) {
      inPattern = star + 1;
      resumeAt += 1;
      at = resumeAt;
    } else {
      return false;
    }
  }
  while (pattern[inPattern] === "*") inPattern += 1;
  return inPattern === pattern.length;
}

/** Part by part: a `*` reaches over a colon only in the last one. */
function isLikeArn(value: string, pattern: string): boolean {
  const parts = arnParts(value);
  const wanted = arnParts(pattern);
  return parts.length === wanted.length && parts.every((part, index) => isLike(part, wanted[index] ?? ""));
}

function arnParts(arn: string): readonly string[] {
  const parts = arn.split(":");
  return [...parts.slice(0, 5), parts.slice(5).join(":")];
}
