/**
 * The form of `models/<service>.json` and `models/constraints/<service>.json`: what the tools in `tools/` write and
 * `model-load.ts` reads. The first file holds what the SDK package knows, the second what botocore adds to it.
 *
 * Never read by anything else: everybody else sees the resolved shapes of `model.ts`.
 */
import type { Constraint, HttpTrait, ProtocolId, ScalarKind, Traits } from "./model.ts";

export interface ServiceJson {
  readonly generator: string;
  /** "@aws-sdk/client-lambda 3.1162.0". */
  readonly source: string;
  readonly serviceId: string;
  readonly apiVersion: string;
  readonly signingName: string;
  readonly endpointPrefix: string;
  readonly targetPrefix: string;
  readonly protocols: readonly ProtocolId[];
  readonly xmlNamespace?: string;
  readonly queryCompatible?: true;
  readonly operations: Readonly<Record<string, OperationJson>>;
  readonly shapes: Readonly<Record<string, ShapeJson>>;
}

export interface OperationJson {
  readonly http?: readonly [method: HttpTrait["method"], uri: HttpTrait["uri"], status: HttpTrait["status"]];
  readonly input: TypeName;
  readonly output: TypeName;
  readonly noAuth?: true;
  readonly hostPrefix?: string;
}

/** A builtin type ("string", "number", "blob-stream", "string[]", "{string}", …), else a key of `shapes`. */
export type TypeName = string;

export type ShapeJson = StructureJson | ListJson | MapJson | SimpleJson;

export interface StructureJson {
  readonly kind: "structure" | "union" | "error";
  /** In the model's order; the first `required` of them are required. */
  readonly members: Readonly<Record<string, MemberJson>>;
  readonly required?: number;
  /** Errors. */
  readonly fault?: "client" | "server";
  readonly status?: number;
  readonly queryCode?: string;
  readonly traits?: Traits;
}

export interface ListJson {
  readonly kind: "list";
  readonly element: MemberJson;
  readonly traits?: Traits;
}

export interface MapJson {
  readonly kind: "map";
  readonly key: MemberJson;
  readonly value: MemberJson;
  readonly traits?: Traits;
}

export interface SimpleJson {
  readonly kind: "simple";
  readonly type: TypeName;
  readonly traits?: Traits;
}

/** Just the type where the member has nothing of its own. */
export type MemberJson = TypeName | BoundMemberJson;

/** At most one of the bindings; in the body without one. */
export interface BoundMemberJson {
  readonly type: TypeName;
  readonly jsonName?: string;
  readonly label?: "plain" | "greedy";
  readonly query?: string;
  readonly queryParams?: true;
  readonly header?: string;
  readonly prefixHeaders?: string;
  readonly payload?: true;
  readonly status?: true;
  readonly traits?: Traits;
}

export interface ConstraintsJson {
  readonly generator: string;
  /** "botocore 1.43.11 lambda/2015-03-31". */
  readonly source: string;
  /** Constrained types by name: named shapes of the model, and botocore's names of the SDK's anonymous ones. */
  readonly types: Readonly<Record<string, ConstraintTypeJson>>;
  /** The type of a member that the SDK leaves anonymous: by structure, then by member. */
  readonly members: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Names of error shapes, by operation. */
  readonly errors: Readonly<Record<string, readonly string[]>>;
}

export interface ConstraintTypeJson extends Constraint {
  /** Numbers: the SDK has only "number". */
  readonly kind?: ScalarKind;
  /** Lists and maps: types of what they hold. */
  readonly element?: string;
  readonly key?: string;
}
