/** AddLayerVersionPermission, RemoveLayerVersionPermission, GetLayerVersionPolicy. */
import type { Caller } from "../domain/function-ref.ts";
import type { LayerVersion, LayerVersionRef } from "../domain/layer.ts";
import { layerVersionArn, parseLayerName } from "../domain/layer.ts";
import {
  policyText,
  requirePolicy,
  statementAdded,
  statementOf,
  statementRemoved,
} from "../domain/policy.ts";
import { requireHolderRevision } from "../domain/policy-holder.ts";
import { invalidParameter, resourceNotFound } from "../errors.ts";
import { requireOwnLayer } from "../layer-uses.ts";
import type { LambdaOperations } from "../operation-types.ts";
import type { LambdaParts } from "../parts.ts";

type LayerPermissionOperations = Pick<
  LambdaOperations,
  "AddLayerVersionPermission" | "RemoveLayerVersionPermission" | "GetLayerVersionPolicy"
>;

interface Named {
  readonly LayerName: string;
  readonly VersionNumber: number;
}

export function createLayerPermissionOperations({ layers, stamp }: LambdaParts): LayerPermissionOperations {
  return {
    async AddLayerVersionPermission(input, ctx) {
      const ref = refOf(input, "AddLayerVersionPermission", ctx);
      if (input.OrganizationId !== undefined && input.Principal !== "*") {
        throw invalidParameter("Principal must be * when an organization ID is given."); // inferred
      }
      const permission = {
        statementId: input.StatementId,
        action: input.Action,
        principal: input.Principal,
        organizationId: input.OrganizationId,
      };
      const statement = statementOf(permission, layerVersionArn(ref));
      const { revisionId } = await layers.change(ref, missing(ref), (version) => {
        requireRevision(version, input.RevisionId);
        return { ...version, policy: statementAdded(version.policy, statement), revisionId: stamp().uuid() };
      });
      return { Statement: JSON.stringify(statement), RevisionId: revisionId };
    },

    async RemoveLayerVersionPermission(input, ctx) {
      const ref = refOf(input, "RemoveLayerVersionPermission", ctx);
      await layers.change(ref, missing(ref), (version) => {
        const policy = statementRemoved(version.policy, input.StatementId);
        requireRevision(version, input.RevisionId);
        return { ...version, policy, revisionId: stamp().uuid() };
      });
      return {};
    },

    async GetLayerVersionPolicy(input, ctx) {
      const ref = refOf(input, "GetLayerVersionPolicy", ctx);
      const version = await layers.get(ref);
      if (!version) throw missing(ref)();
      requirePolicy(version.policy);
      return { Policy: policyText(version.policy), RevisionId: version.revisionId };
    },
  };
}

function refOf({ LayerName, VersionNumber }: Named, action: string, caller: Caller): LayerVersionRef {
  const id = parseLayerName(LayerName, caller);
  requireOwnLayer(id, action, caller);
  return { id, number: VersionNumber };
}

function missing(ref: LayerVersionRef): () => Error {
  return () => resourceNotFound(`Layer version ${layerVersionArn(ref)} does not exist.`);
}

function requireRevision({ revisionId }: LayerVersion, wanted: string | undefined): void {
  requireHolderRevision({ revisionId, readWith: "GetLayerPolicy" }, wanted);
}
