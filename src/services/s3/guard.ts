/**
 * Who may do what: asks `domain/access.ts` before each operation. Wraps the operations, so that none can forget to ask.
 * Where signatures are verified that is everybody's case, also who owns the bucket (an explicit denial holds for them);
 * without, other accounts' only.
 */
import { deletedKeysMax } from "../../limits.ts";
import { AwsError } from "../../wire/aws-error.ts";
import type { AnyOperation, Context, NotImplemented } from "../service.ts";
import type { Clock } from "../../base/clock.ts";
import type { Bucket, Buckets } from "./buckets.ts";
import { type Decision, decision, policyActions, type Who } from "./domain/access.ts";
import { type Asked, type Need, needsOf } from "./domain/actions.ts";
import { ownershipOf } from "./domain/acl.ts";
import { bucketArn } from "./domain/bucket.ts";
import type { ObjectVersion, Tags } from "./domain/object.ts";
import { contextOf } from "./domain/request-context.ts";
import { headerTags } from "./domain/tagging.ts";
import { accessDenied, invalidRequest, methodNotAllowed } from "./errors.ts";
import type { Objects } from "./objects.ts";
import { checkKey } from "./request.ts";

interface Deps {
  readonly buckets: Buckets;
  readonly objects: Objects;
  readonly clock: Clock;
  readonly secure: boolean;
}

type Operations = Readonly<Record<string, unknown>>;

/** The same operations, each after a look at who asks, and for what. */
export function guarded<T extends Operations>(guard: Guard, operations: T): T {
  const wrapped = Object.entries(operations).map(([name, operation]) => {
    const known = operation as AnyOperation | NotImplemented;
    if (typeof known !== "function") return [name, known];
    const run = known as (input: Asked, ctx: Context) => Promise<object>;
    if (name === "DeleteObjects") return [name, guard.deletion(run)];
    const first = async (input: Asked, ctx: Context) => {
      if (input.Key !== undefined) checkKey(input.Key);
      await guard.admit(name, input, ctx);
      return run(input, ctx);
    };
    return [name, first];
  });
  return Object.fromEntries(wrapped) as T;
}

interface Deletion extends Asked {
  readonly Delete?: { readonly Objects?: readonly { readonly Key: string; readonly VersionId?: string }[] };
}

export class Guard {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Throws AccessDenied. */
  async admit(name: string, input: Asked, ctx: Context): Promise<void> {
    const who = this.#who(ctx);
    if (who === "everybody") return;
    // A new bucket is nobody's yet; without any the operation is about oneself.
    if (input.Bucket === undefined || name === "CreateBucket") {
      if (who.kind === "anonymous") throw accessDenied();
      return;
    }
    if (who.kind === "anonymous") refuseOverrides(name, ctx);
    const needs = needsOf(name, input);
    if (needs.length === 0 && !(await this.#isOwn(input.Bucket, who))) throw accessDenied();
    for (const need of needs) await this.#require(need, input, who, ctx);
  }

  /** Each key is let go or not, one by one. */
  deletion(run: (input: Asked, ctx: Context) => Promise<object>) {
    return async (input: Deletion, ctx: Context): Promise<object> => {
      const who = this.#who(ctx);
      const bucket = await this.#find(input.Bucket);
      const listed = input.Delete?.Objects ?? [];
      if (who === "everybody" || !bucket || this.#isFree(bucket, who)) return run(input, ctx);
      // The operation refuses these, whoever asks.
      if (listed.length === 0 || listed.length > deletedKeysMax) return run(input, ctx);
      const refused: object[] = [];
      const admitted: (typeof listed)[number][] = [];
      for (const entry of listed) {
        const { Key, VersionId } = entry;
        const of = { ...input, Key, ...(VersionId !== undefined && { VersionId }) };
        const needs = needsOf("DeleteObject", of);
        const decisions = await Promise.all(needs.map((need) => this.#decide(bucket, need, of, who, ctx)));
        if (decisions.every(({ decision: decided }) => decided === "allowed")) admitted.push(entry);
        else refused.push({ Key, ...(VersionId !== undefined && { VersionId }), ...denial });
      }
      if (admitted.length === 0 && who.kind === "anonymous") throw accessDenied();
      if (admitted.length === 0) return { Errors: refused };
      const answer = await run({ ...input, Delete: { ...input.Delete, Objects: admitted } } as Asked, ctx);
      if (refused.length === 0) return answer;
      const { Errors = [] } = answer as { readonly Errors?: readonly object[] };
      return { ...answer, Errors: [...Errors, ...refused] };
    };
  }

  /** May who has not signed? For websites and forms. */
  async isPublic(bucket: Bucket, action: string, key: string | undefined, ctx: Facts): Promise<boolean> {
    const need = { action, bucket: bucket.value.name, key, isNew: action === "s3:PutObject" };
    const { decision: decided } = await this.#decide(bucket, need, {}, { kind: "anonymous" }, ctx);
    return decided === "allowed";
  }

  #who({ account, http, identity }: Context): Who | "everybody" {
    if (http !== undefined && identity.signed === "none") {
      return this.#deps.secure ? { kind: "anonymous" } : "everybody";
    }
    return { kind: "account", account, arn: identity.principalArn };
  }

  async #require(need: Need, input: Asked, who: Who, ctx: Context): Promise<void> {
    const bucket = await this.#find(need.bucket);
    if (!bucket) return; // the operation says that there is none
    const isOwner = who.kind === "account" && who.account === bucket.value.account;
    const { object, decision: decided } = await this.#decide(bucket, need, input, who, ctx);
    if (decided === "denied" && isOwner) throw explicitlyDenied(need, bucket, ctx);
    if (decided !== "denied" && !isOwner && !object && isRead(need.action)) {
      // Who may list may learn what is not there, and nobody else.
      const listing = { action: "s3:ListBucket", bucket: need.bucket };
      if ((await this.#decide(bucket, listing, input, who, ctx)).decision === "allowed") return;
      throw accessDenied();
    }
    if (decided !== "allowed") throw accessDenied();
    if (policyActions.has(need.action) && !isOwner) throw methodNotAllowed("GET", "BUCKETPOLICY");
  }

  async #decide(
    bucket: Bucket,
    need: Need,
    input: Asked,
    who: Who,
    ctx: Facts,
  ): Promise<{ readonly decision: Decision; readonly object: ObjectVersion | undefined }> {
    const { account } = bucket.value;
    if (this.#isFree(bucket, who)) return { decision: "allowed", object: undefined };
    const object = need.key === undefined ? undefined : await this.#object(bucket, need.key, need.versionId);
    const context = contextOf({
      http: ctx.http,
      signed: ctx.identity?.signed ?? "none",
      nowMs: this.#deps.clock.now(),
      account,
      asked: input,
      requestTags: tagsOf(input),
      existingTags: object?.tags,
    });
    const { action, isNew, key } = need;
    return { decision: decision(bucket.value, object, { who, action, key, isNew, context }), object };
  }

  /**
   * Whoever owns a bucket and all that is in it; where signatures are verified a policy could still say no. Without,
   * everybody is that owner, and nobody is to lock themselves out.
   */
  #isFree({ value: bucket }: Bucket, who: Who): boolean {
    const isOwner = who.kind === "account" && who.account === bucket.account;
    if (!isOwner || !this.#deps.secure) return isOwner;
    return bucket.settings.policy === undefined && ownershipOf(bucket) === "BucketOwnerEnforced";
  }

  async #object(bucket: Bucket, key: string, versionId: string | undefined) {
    try {
      const version = await this.#deps.objects.version(bucket, key, versionId);
      return version.kind === "object" ? version : undefined;
    } catch (error) {
      if (error instanceof AwsError) return undefined;
      throw error;
    }
  }

  async #find(name: string | undefined): Promise<Bucket | undefined> {
    return name === undefined ? undefined : this.#deps.buckets.find(name);
  }

  async #isOwn(name: string, who: Who): Promise<boolean> {
    const bucket = await this.#find(name);
    return !bucket || (who.kind === "account" && who.account === bucket.value.account);
  }
}

/** What conditions can ask of a request, where there is one. */
type Facts = Pick<Context, "http"> & Partial<Pick<Context, "identity">>;

const denial = { Code: "AccessDenied", Message: "Access Denied" };

function isRead(action: string): boolean {
  return action === "s3:GetObject" || action === "s3:GetObjectVersion";
}

/** Of a header, or of a body; what cannot be read as tags the operation refuses. */
function tagsOf({ Tagging: given }: Asked): Tags | undefined {
  if (typeof given === "object") {
    const { TagSet = [] } = given as { readonly TagSet?: readonly { Key?: string; Value?: string }[] };
    return Object.fromEntries(TagSet.map(({ Key = "", Value = "" }) => [Key, Value]));
  }
  if (given === undefined) return undefined;
  try {
    return headerTags(given);
  } catch {
    return undefined;
  }
}

function refuseOverrides(name: string, { http }: Context): void {
  if ((name !== "GetObject" && name !== "HeadObject") || !http) return;
  if (!/(?:^|&)response-/.test(http.query)) return;
  throw invalidRequest("Request specific response headers cannot be used for anonymous GET requests.");
}

function explicitlyDenied({ action, key }: Need, { value: bucket }: Bucket, ctx: Context) {
  const resource = key === undefined ? bucketArn(bucket) : `${bucketArn(bucket)}/${key}`;
  return accessDenied(
    `User: ${ctx.identity.principalArn} is not authorized to perform: ${action} on resource: "${resource}" with an ` +
      "explicit deny in a resource-based policy",
  );
}
