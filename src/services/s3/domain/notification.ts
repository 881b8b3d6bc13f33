/**
 * What a bucket tells of what happens to its objects, and whom: the configuration, its checks, and which rules an event
 * matches. Pure. Source: map-sqs-sns-s3 3.19.
 */
import { parseArn } from "../../../base/arn.ts";
import { notificationConfigurationsMax } from "../../../limits.ts";
import { invalidArgument, malformedXml } from "../errors.ts";

export interface NotificationSettings {
  readonly rules: readonly NotificationRule[];
  readonly hasEventBridge: boolean;
}

export interface NotificationRule {
  readonly id: string;
  readonly kind: DestinationKind;
  readonly arn: string;
  /** "s3:ObjectCreated:*" */
  readonly events: readonly string[];
  readonly prefix: string;
  readonly suffix: string;
  /** Whether a filter was given at all, which is all that a client sees of an empty one. */
  readonly filterNames: readonly ("Prefix" | "Suffix")[];
}

/** As the XML names the destination's element. */
export type DestinationKind = "Queue" | "Topic" | "CloudFunction";

/** One entry as the model has it, whichever list it stood in. */
export interface GivenRule {
  readonly Id?: string | undefined;
  readonly Events: readonly string[] | undefined;
  readonly Filter?:
    | {
        readonly Key?:
          | {
              readonly FilterRules?:
                | readonly { readonly Name?: string | undefined; readonly Value?: string | undefined }[]
                | undefined;
            }
          | undefined;
      }
    | undefined;
}

export interface GivenDestination {
  readonly kind: DestinationKind;
  readonly arn: string | undefined;
  readonly given: GivenRule;
}

/** Throws for the first thing that is wrong, in S3's order. Whether destinations are there is asked later. */
export function checkedRules(given: readonly GivenDestination[], freshId: () => string): NotificationRule[] {
  if (given.length > notificationConfigurationsMax) throw malformedXml(); // inferred
  const rules = given.map((each) => checkedRule(each, freshId));
  for (const { kind, arn } of rules) {
    if (parseArn(arn)?.service !== serviceOf[kind]) {
      throw invalidArgument("The ARN could not be parsed", kind, arn);
    }
  }
  const ids = new Set(rules.map(({ id }) => id));
  if (ids.size < rules.length) {
    throw invalidArgument("Same ID used for multiple configurations. IDs must be unique"); // inferred
  }
  checkOverlaps(rules);
  return rules;
}

function checkedRule({ kind, arn, given }: GivenDestination, freshId: () => string): NotificationRule {
  const { Id: id, Events: events = [], Filter: filter } = given;
  if (arn === undefined || events.length === 0) throw malformedXml();
  for (const event of events) {
    if (!eventNames.has(event)) {
      throw invalidArgument("The event is not supported for notifications", "Event", event); // inferred
    }
  }
  const filters = new Map<"Prefix" | "Suffix", string>();
  for (const { Name, Value } of filter?.Key?.FilterRules ?? []) {
    if (Name === undefined || Value === undefined) throw malformedXml();
    const name = filterName(Name);
    if (filters.has(name)) {
      const text = `Cannot specify more than one ${name.toLowerCase()} rule in a filter.`;
      throw invalidArgument(text, "FilterRule.Name", Name.toLowerCase());
    }
    filters.set(name, Value);
  }
  return {
    id: id === undefined || id === "" ? freshId() : id,
    kind,
    arn,
    events,
    prefix: filters.get("Prefix") ?? "",
    suffix: filters.get("Suffix") ?? "",
    filterNames: [...filters.keys()],
  };
}

function filterName(name: string): "Prefix" | "Suffix" {
  const lower = name.toLowerCase();
  if (lower === "prefix") return "Prefix";
  if (lower === "suffix") return "Suffix";
  throw invalidArgument("filter rule name must be either prefix or suffix", "FilterRule.Name", name);
}

/** No event of an object may match two rules. */
function checkOverlaps(rules: readonly NotificationRule[]): void {
  for (const [index, one] of rules.entries()) {
    for (const other of rules.slice(index + 1)) {
      const shares = one.events.some((event) => other.events.some((each) => covers(event, each)));
      if (!shares || !startsOverlap(one.prefix, other.prefix)) continue;
      if (!endsOverlap(one.suffix, other.suffix)) continue;
      throw invalidArgument(
        "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are " +
          "overlapping for the same event type.",
      );
    }
  }
}

function startsOverlap(one: string, other: string): boolean {
  return one.startsWith(other) || other.startsWith(one);
}

function endsOverlap(one: string, other: string): boolean {
  return one.endsWith(other) || other.endsWith(one);
}

/** Either is the other's family. */
function covers(one: string, other: string): boolean {
  return one === other || isFamilyOf(one, other) || isFamilyOf(other, one);
}

function isFamilyOf(family: string, event: string): boolean {
  return family.endsWith(":*") && event.startsWith(family.slice(0, -1));
}

/** `event`: "ObjectCreated:Put". */
export function matchingRules(
  { rules }: NotificationSettings,
  event: string,
  key: string,
): readonly NotificationRule[] {
  const name = `s3:${event}`;
  return rules.filter(
    ({ events, prefix, suffix }) =>
      events.some((each) => each === name || isFamilyOf(each, name)) &&
      key.startsWith(prefix) &&
      key.endsWith(suffix),
  );
}

const serviceOf: Readonly<Record<DestinationKind, string>> = {
  Queue: "sqs",
  Topic: "sns",
  CloudFunction: "lambda",
};

const eventNames: ReadonlySet<string> = new Set(
  [
    ["ObjectCreated", "Put", "Post", "Copy", "CompleteMultipartUpload"],
    ["ObjectRemoved", "Delete", "DeleteMarkerCreated"],
    ["ObjectRestore", "Post", "Completed", "Delete"],
    [
      "Replication",
      "OperationFailedReplication",
      "OperationMissedThreshold",
      "OperationReplicatedAfterThreshold",
      "OperationNotTracked",
    ],
    ["LifecycleExpiration", "Delete", "DeleteMarkerCreated"],
    ["ObjectTagging", "Put", "Delete"],
    ["ObjectAnnotation", "Put", "Delete"],
  ]
    .flatMap(([family = "", ...names]) => ["*", ...names].map((name) => `s3:${family}:${name}`))
    .concat(
      "s3:ReducedRedundancyLostObject",
      "s3:LifecycleTransition",
      "s3:IntelligentTiering",
      "s3:ObjectAcl:Put",
    ),
);
