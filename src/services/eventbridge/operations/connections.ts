/** Connections: how API destinations are called. Source: map-events-observability 1.8. */
import { formatArn } from "../../../base/arn.ts";
import { connectionsMaxPerAccount } from "../../../limits.ts";
import type { Context } from "../../service.ts";
import type { ConnectionRecord } from "../domain/connection.ts";
import { authToWire, connectionSettings } from "../domain/connection-input.ts";
import { arnOf } from "../domain/names.ts";
import { alreadyExists, connectionNotFound, limitExceeded } from "../errors.ts";
import { pageOf, tokenOf } from "../paging.ts";
import type { EventBridgeParts, Some } from "../parts.ts";

type ConnectionOperations = Some<
  | "CreateConnection"
  | "UpdateConnection"
  | "DeleteConnection"
  | "DescribeConnection"
  | "ListConnections"
  | "DeauthorizeConnection"
>;

export function connectionOperations({ clock, random, store }: EventBridgeParts): ConnectionOperations {
  async function named(name: string, ctx: Context): Promise<ConnectionRecord> {
    const stored = await store.connections.get(ctx, name);
    if (!stored) throw connectionNotFound(name);
    return stored.value;
  }

  return {
    async CreateConnection(input, ctx) {
      const { Name: name, Description } = input;
      const { account, region } = ctx;
      const settings = connectionSettings(input);
      const existing = await store.connections.page(ctx, { limit: connectionsMaxPerAccount });
      if (existing.items.length >= connectionsMaxPerAccount) throw limitExceeded();
      const nowMs = clock.now();
      const connection: ConnectionRecord = {
        account,
        region,
        name,
        id: random.uuid(),
        secretId: random.uuid(),
        ...(Description !== undefined && { description: Description }),
        ...settings,
        createdAtMs: nowMs,
        modifiedAtMs: nowMs,
      };
      if (!(await store.tryCommit([store.connections.put(connection, 0)]))) {
        throw alreadyExists(`Connection ${name} already exists.`);
      }
      return changed(connection);
    },

    async UpdateConnection(input, ctx) {
      const before = await named(input.Name ?? "", ctx);
      const { http: _, ...rest } = before;
      const connection: ConnectionRecord = {
        ...rest,
        ...(input.Description !== undefined && { description: input.Description }),
        ...connectionSettings(input, before),
        modifiedAtMs: clock.now(),
      };
      await store.commit([store.connections.put(connection)]);
      return { ...changed(connection), LastAuthorizedTime: new Date(connection.modifiedAtMs) };
    },

    async DeleteConnection({ Name: name }, ctx) {
      const connection = await named(name, ctx);
      await store.commit([store.connections.remove(ctx, name)]);
      return { ...changed(connection), ConnectionState: "DELETING" };
    },

    async DescribeConnection({ Name: name }, ctx) {
      const connection = await named(name, ctx);
      const { description, auth } = connection;
      return {
        ConnectionArn: connectionArn(connection),
        ...summaryOf(connection),
        ...(description !== undefined && { Description: description }),
        AuthorizationType: auth.kind,
        SecretArn: secretArn(connection),
        AuthParameters: authToWire(connection),
      };
    },

    async ListConnections(input, ctx) {
      const { NamePrefix, ConnectionState } = input;
      const page = await store.connections.page(ctx, { ...pageOf(input), startsWith: NamePrefix });
      const found = ConnectionState === undefined || ConnectionState === "AUTHORIZED" ? page.items : [];
      return {
        Connections: found.map(({ value }) => ({
          ConnectionArn: connectionArn(value),
          ...summaryOf(value),
          AuthorizationType: value.auth.kind,
        })),
        ...tokenOf(page.next?.at(-1)),
      };
    },

    DeauthorizeConnection: {
      notImplemented: "connections keep their credentials until they are updated or deleted",
    },
  };
}

export function connectionArn(
  connection: Pick<ConnectionRecord, "account" | "region" | "name" | "id">,
): string {
  return arnOf("connection", connection, `${connection.name}/${connection.id}`);
}

/** In AWS's form; there is no such secret to read, here. */
function secretArn({ account, region, name, secretId }: ConnectionRecord): string {
  const resource = `secret:events!connection/${name}/${secretId}`;
  return formatArn({ service: "secretsmanager", region, account, resource });
}

function changed(connection: ConnectionRecord) {
  return {
    ConnectionArn: connectionArn(connection),
    ConnectionState: "AUTHORIZED" as const,
    CreationTime: new Date(connection.createdAtMs),
    LastModifiedTime: new Date(connection.modifiedAtMs),
  };
}

/** Whether an authorization server gives a token is found out when the first one is needed: AUTHORIZED at once. */
function summaryOf({ name, createdAtMs, modifiedAtMs }: ConnectionRecord) {
  return {
    Name: name,
    ConnectionState: "AUTHORIZED" as const,
    CreationTime: new Date(createdAtMs),
    LastModifiedTime: new Date(modifiedAtMs),
    LastAuthorizedTime: new Date(modifiedAtMs),
  };
}
