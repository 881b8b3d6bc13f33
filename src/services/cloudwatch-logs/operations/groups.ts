/** Log groups: make, list, delete, how long they keep events. */
import type { InputFor, OperationsOf } from "../../service.ts";
import type { Client, LogsDeps } from "../context.ts";
import { groupNamed } from "../context.ts";
import { groupExists, groupNotFound, invalidParameter, invalidToken } from "../errors.ts";
import type { LogGroup } from "../store.ts";
import { groupArn, groupToWire } from "../to-wire.ts";

type Operations = Pick<
  OperationsOf<Client>,
  | "CreateLogGroup"
  | "DeleteLogGroup"
  | "DescribeLogGroups"
  | "ListLogGroups"
  | "PutRetentionPolicy"
  | "DeleteRetentionPolicy"
>;

const listPageMax = 50;

export function groupOperations(deps: LogsDeps): Operations {
  const { store } = deps;

  async function setRetention(group: LogGroup, retentionDays: number | undefined): Promise<void> {
    if (!(await store.updateGroup(group, (current) => ({ ...current, retentionDays }))))
      throw groupNotFound();
  }

  return {
    async CreateLogGroup(input, ctx) {
      refuseUnsupported(input);
      // AWS keeps this prefix for itself; "/aws/" is free.
      if (input.logGroupName.startsWith("aws/"))
        throw invalidParameter("Log groups starting with AWS/ are reserved for AWS."); // inferred text
      await deps.journal.flush();
      if (!(await store.createGroup(ctx.account, ctx.region, input.logGroupName, input.tags ?? {})))
        throw groupExists();
      return {};
    },

    async DeleteLogGroup({ logGroupName }, ctx) {
      await store.deleteGroup(await groupNamed(deps, logGroupName, ctx));
      return {};
    },

    async DescribeLogGroups(input, ctx) {
      if (input.logGroupNamePrefix !== undefined && input.logGroupNamePattern !== undefined) {
        throw invalidParameter(
          "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        );
      }
      await deps.journal.flush();
      const page = await groupsPage(deps, ctx, input);
      const logGroups = await Promise.all(
        page.groups.map(async (group) => {
          const heads = await store.heads(group);
          return groupToWire(
            group,
            heads.reduce((total, { bytes }) => total + bytes, 0),
          );
        }),
      );
      return { logGroups, nextToken: page.nextToken };
    },

    async ListLogGroups({ nextToken, limit, logGroupNamePattern }, ctx) {
      await deps.journal.flush();
      const page = await groupsPage(deps, ctx, { nextToken, limit, logGroupNamePattern });
      return {
        logGroups: page.groups.map((group) => ({
          logGroupName: group.name,
          logGroupArn: groupArn(group),
          logGroupClass: "STANDARD" as const,
        })),
        nextToken: page.nextToken,
      };
    },

    async PutRetentionPolicy({ logGroupName, retentionInDays }, ctx) {
      if (!retentionDaysAllowed.includes(retentionInDays)) {
        throw invalidParameter(
          `1 validation error detected: Value '${retentionInDays}' at 'retentionInDays' failed to satisfy constraint: ` +
            `Member must satisfy enum value set: [${retentionDaysAllowed.join(", ")}]`,
        );
      }
      await setRetention(await groupNamed(deps, logGroupName, ctx), retentionInDays);
      return {};
    },

    async DeleteRetentionPolicy({ logGroupName }, ctx) {
      await setRetention(await groupNamed(deps, logGroupName, ctx), undefined);
      return {};
    },
  };
}

// AWS: PutRetentionPolicy, the allowed values.
const retentionDaysAllowed = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

function refuseUnsupported(input: InputFor<Client, "CreateLogGroup">): void {
  if (input.kmsKeyId !== undefined) throw invalidParameter("kmsKeyId is not supported by lambdad yet.");
  if (input.logGroupClass !== undefined && input.logGroupClass !== "STANDARD") {
    throw invalidParameter(`logGroupClass ${input.logGroupClass} is not supported by lambdad yet.`);
  }
  if (input.deletionProtectionEnabled)
    throw invalidParameter("deletionProtectionEnabled is not supported by lambdad yet.");
}

/** As in the requests; the pattern is a part of the name. */
interface WantedGroups {
  readonly nextToken?: string | undefined;
  readonly limit?: number | undefined;
  readonly logGroupNamePrefix?: string | undefined;
  readonly logGroupNamePattern?: string | undefined;
}

/** Groups in the order of their names. The token is the last name of the page before. */
async function groupsPage(
  { store }: LogsDeps,
  { account, region }: { readonly account: string; readonly region: string },
  wanted: WantedGroups,
): Promise<{ groups: LogGroup[]; nextToken: string | undefined }> {
  const {
    nextToken,
    limit = listPageMax,
    logGroupNamePrefix: startsWith,
    logGroupNamePattern: pattern,
  } = wanted;
  const groups: LogGroup[] = [];
  let after = nextToken === undefined ? undefined : decoded(nextToken);
  for (;;) {
    const page = await store.groups(account, region, { startsWith, after, limit: listPageMax });
    for (const { value } of page.items) {
      if (pattern !== undefined && !value.name.includes(pattern)) continue;
      groups.push(value);
      if (groups.length === limit) {
        const isLast = value === page.items.at(-1)?.value && !page.next;
        return { groups, nextToken: isLast ? undefined : encoded(value.name) };
      }
    }
    if (!page.next) return { groups, nextToken: undefined };
    after = page.next.at(-1);
  }
}

function encoded(name: string): string {
  return Buffer.from(name).toString("base64url");
}

function decoded(token: string): string {
  const name = Buffer.from(token, "base64url").toString();
  if (name === "" || encoded(name) !== token) throw invalidToken();
  return name;
}
