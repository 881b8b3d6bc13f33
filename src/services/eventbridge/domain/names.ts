/** Names and ARNs of buses, rules, archives, replays, connections and API destinations. Pure. */
import { formatArn, parseArn } from "../../../base/arn.ts";

export interface Place {
  /** 12 digits. */
  readonly account: string;
  readonly region: string;
}

export interface BusName extends Place {
  readonly name: string;
}

export interface RuleName extends Place {
  readonly bus: string;
  readonly name: string;
}

export const defaultBus = "default";

/** Of a name or an ARN; left out: the default bus. Undefined: an ARN of something else. */
export function busOf(nameOrArn: string | undefined, { account, region }: Place): BusName | undefined {
  if (nameOrArn === undefined || !nameOrArn.startsWith("arn:")) {
    return { account, region, name: nameOrArn ?? defaultBus };
  }
  const arn = parseArn(nameOrArn);
  const name = /^event-bus\/(.+)$/.exec(arn?.resource ?? "")?.[1];
  if (arn?.service !== "events" || name === undefined) return undefined;
  return { account: arn.account, region: arn.region, name };
}

export function busArn({ account, region, name }: BusName): string {
  return formatArn({ service: "events", region, account, resource: `event-bus/${name}` });
}

/** Rules of the default bus do not name it. */
export function ruleArn({ account, region, bus, name }: RuleName): string {
  const resource = bus === defaultBus ? `rule/${name}` : `rule/${bus}/${name}`;
  return formatArn({ service: "events", region, account, resource });
}

export function ruleOfArn(text: string): RuleName | undefined {
  const arn = parseArn(text);
  const match = /^rule\/(?:(.+)\/)?([^/]+)$/.exec(arn?.resource ?? "");
  if (arn?.service !== "events" || !match) return undefined;
  const { account, region } = arn;
  return { account, region, bus: match[1] ?? defaultBus, name: match[2] ?? "" };
}

export function ruleOf({ account, region, name: bus }: BusName, name: string): RuleName {
  return { account, region, bus, name };
}

export function busOfRule({ account, region, bus }: RuleName): BusName {
  return { account, region, name: bus };
}

/** `archive/NAME`, `replay/NAME`, `connection/NAME/<uuid>`, `api-destination/NAME/<uuid>`. */
export function arnOf(
  kind: "archive" | "replay" | "connection" | "api-destination",
  { account, region }: Place,
  name: string,
): string {
  return formatArn({ service: "events", region, account, resource: `${kind}/${name}` });
}

/** The name in such an ARN. */
export function nameInArn(
  kind: "archive" | "replay" | "connection" | "api-destination",
  text: string,
): string | undefined {
  const arn = parseArn(text);
  const match = /^([a-z-]+)\/([^/]+)(?:\/[^/]+)?$/.exec(arn?.resource ?? "");
  return arn?.service === "events" && match?.[1] === kind ? match[2] : undefined;
}
