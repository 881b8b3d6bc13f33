/** API destinations: addresses outside that take events. Source: map-events-observability 1.8. */
import { apiDestinationRateDefault, connectionsMaxPerAccount } from "../../../limits.ts";
import type { Context } from "../../service.ts";
import type { ApiDestinationRecord, ConnectionRecord } from "../domain/connection.ts";
import { checkedUrl } from "../domain/connection-input.ts";
import { arnOf, nameInArn } from "../domain/names.ts";
import { alreadyExists, apiDestinationNotFound, invalidParameter, limitExceeded } from "../errors.ts";
import { pageOf, tokenOf } from "../paging.ts";
import type { EventBridgeParts, Some } from "../parts.ts";
import { connectionArn } from "./connections.ts";

type ApiDestinationOperations = Some<
  | "CreateApiDestination"
  | "UpdateApiDestination"
  | "DeleteApiDestination"
  | "DescribeApiDestination"
  | "ListApiDestinations"
>;

export function apiDestinationOperations({
  clock,
  random,
  store,
}: EventBridgeParts): ApiDestinationOperations {
  async function named(name: string, ctx: Context): Promise<ApiDestinationRecord> {
    const stored = await store.apiDestinations.get(ctx, name);
    if (!stored) throw apiDestinationNotFound(name);
    return stored.value;
  }

  async function connectionOf(arn: string, ctx: Context): Promise<ConnectionRecord> {
    const stored = await store.connections.get(ctx, nameInArn("connection", arn) ?? "");
    if (stored && connectionArn(stored.value) === arn) return stored.value;
    throw invalidParameter("ConnectionArn", `Connection '${arn}' does not exist.`); // inferred
  }

  return {
    async CreateApiDestination(input, ctx) {
      const { Name: name, ConnectionArn, InvocationEndpoint, HttpMethod, Description } = input;
      const { account, region } = ctx;
      const connection = await connectionOf(ConnectionArn, ctx);
      const existing = await store.apiDestinations.page(ctx, { limit: connectionsMaxPerAccount });
      if (existing.items.length >= connectionsMaxPerAccount) throw limitExceeded();
      const nowMs = clock.now();
      const destination: ApiDestinationRecord = {
        account,
        region,
        name,
        id: random.uuid(),
        ...(Description !== undefined && { description: Description }),
        connection: connection.name,
        connectionArn: ConnectionArn,
        endpoint: checkedUrl(InvocationEndpoint, "InvocationEndpoint"),
        method: HttpMethod ?? "POST",
        ...(input.InvocationRateLimitPerSecond !== undefined && {
          ratePerSecond: input.InvocationRateLimitPerSecond,
        }),
        createdAtMs: nowMs,
        modifiedAtMs: nowMs,
      };
      if (!(await store.tryCommit([store.apiDestinations.put(destination, 0)]))) {
        throw alreadyExists(`An api-destination '${name}' already exists.`);
      }
      return changed(destination);
    },

    async UpdateApiDestination(input, ctx) {
      const before = await named(input.Name ?? "", ctx);
      const { ConnectionArn, InvocationEndpoint, HttpMethod, InvocationRateLimitPerSecond, Description } =
        input;
      const connection = ConnectionArn === undefined ? undefined : await connectionOf(ConnectionArn, ctx);
      const destination: ApiDestinationRecord = {
        ...before,
        ...(connection && { connection: connection.name, connectionArn: connectionArn(connection) }),
        ...(InvocationEndpoint !== undefined && {
          endpoint: checkedUrl(InvocationEndpoint, "InvocationEndpoint"),
        }),
        ...(HttpMethod !== undefined && { method: HttpMethod }),
        ...(InvocationRateLimitPerSecond !== undefined && { ratePerSecond: InvocationRateLimitPerSecond }),
        ...(Description !== undefined && { description: Description }),
        modifiedAtMs: clock.now(),
      };
      await store.commit([store.apiDestinations.put(destination)]);
      return changed(destination);
    },

    async DeleteApiDestination({ Name: name }, ctx) {
      await named(name, ctx);
      await store.commit([store.apiDestinations.remove(ctx, name)]);
      return {};
    },

    async DescribeApiDestination({ Name: name }, ctx) {
      const destination = await named(name, ctx);
      const { description } = destination;
      return { ...summaryOf(destination), ...(description !== undefined && { Description: description }) };
    },

    async ListApiDestinations(input, ctx) {
      const { NamePrefix, ConnectionArn } = input;
      const page = await store.apiDestinations.page(ctx, { ...pageOf(input), startsWith: NamePrefix });
      const found = page.items
        .map(({ value }) => value)
        .filter(({ connectionArn: arn }) => ConnectionArn === undefined || arn === ConnectionArn);
      return { ApiDestinations: found.map(summaryOf), ...tokenOf(page.next?.at(-1)) };
    },
  };
}

function destinationArn(destination: ApiDestinationRecord): string {
  return arnOf("api-destination", destination, `${destination.name}/${destination.id}`);
}

function changed(destination: ApiDestinationRecord) {
  return {
    ApiDestinationArn: destinationArn(destination),
    ApiDestinationState: "ACTIVE" as const,
    CreationTime: new Date(destination.createdAtMs),
    LastModifiedTime: new Date(destination.modifiedAtMs),
  };
}

function summaryOf(destination: ApiDestinationRecord) {
  return {
    Name: destination.name,
    ...changed(destination),
    ConnectionArn: destination.connectionArn,
    InvocationEndpoint: destination.endpoint,
    HttpMethod: destination.method,
    InvocationRateLimitPerSecond: destination.ratePerSecond ?? apiDestinationRateDefault,
  };
}
