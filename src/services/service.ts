/**
 * The contract between the platform and an AWS service, in full. Services never import each other: they meet through
 * `ctx.call`, `ctx.deliver` and `source` (ADR 5).
 *
 * What a service needs for life (clock, random, store, logger, the invoker) goes to its `createX(deps)`; what belongs
 * to one request is in `ctx`.
 */
import type { Target } from "../events/ports.ts";
import type { Identity } from "../wire/identity.ts";

export interface Service {
  /** The folder's name and the SDK client's without "client-". */
  readonly name: string;
  /** Every operation of the model: a handler, or `notImplemented("why")`. */
  readonly operations: Operations;
  /** Takes events of other services: `events/ports.ts`. */
  readonly target?: Target;
  /** Plain HTTP it serves beside its API: code downloads, function URLs. */
  readonly web?: WebRoute;
  /** Takes what browsers post as a form to a bucket. */
  readonly upload?: UploadRoute;
  /** Which pages of other origins may call it; without it the gateway's own rule holds for all its requests. */
  readonly origins?: OriginRules;
  /** Decides itself, per resource, what callers may do who have not signed. Else nothing, where signatures are verified. */
  readonly admitsAnonymous?: boolean;
  /** Background work; must be resumable after a crash. Called once, before requests are served. */
  start?(): Promise<Stop>;
}

export type Stop = () => Promise<void>;

export interface Context {
  /** 12 digits. */
  readonly account: string;
  readonly region: string;
  readonly identity: Identity;
  readonly requestId: string;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
  /** `X-Amzn-Trace-Id` as received. */
  readonly trace: string | undefined;
  /** How the caller reached us, without a trailing slash: "http://127.0.0.1:4566". For URLs in answers. */
  readonly endpoint: string;
  /** The request as it came over HTTP; undefined where another service calls. */
  readonly http?: HttpFacts | undefined;
  /** Runs another service's operation with this caller's identity, without HTTP. */
  call(service: string, operation: string, input: object): Promise<Record<string, unknown>>;
}

/** What an operation may look at where the model has no member for it. */
export interface HttpFacts {
  /** As received: percent-encoded, without the query string. */
  readonly path: string;
  /** As received, without "?". */
  readonly query: string;
  /** Lower-case names; repeated headers joined with ",". */
  readonly headers: Readonly<Record<string, string>>;
  readonly remoteAddress: string;
}

export type Operation<I, O> = (input: I, ctx: Context) => Promise<O>;
/** An operation of which the compiler no longer knows the types. */
export type AnyOperation = Operation<never, object>;

export interface NotImplemented {
  /** What is missing, one clause: "layers are not there yet". Goes to the caller and into the parity table. */
  readonly notImplemented: string;
}

export type Operations = Readonly<Record<string, AnyOperation | NotImplemented>>;

export function notImplemented(why: string): NotImplemented {
  return { notImplemented: why };
}

/** The same reason for several operations. */
export function allNotImplemented<const Name extends string>(
  why: string,
  names: readonly Name[],
): Readonly<Record<Name, NotImplemented>> {
  return Object.fromEntries(names.map((name) => [name, { notImplemented: why }])) as Record<
    Name,
    NotImplemented
  >;
}

/**
 * Types of all operations of an SDK client package, by `import type`:
 * `const operations: OperationsOf<typeof import("@aws-sdk/client-sts")> = { … }` fails to compile when one is missing,
 * misnamed, or takes or answers the wrong members. Nothing of the SDK is there at run time.
 */
export type OperationsOf<Client> = {
  readonly [K in keyof Client as OperationName<K>]: InputOutputOf<Client[K]> extends [infer I, infer O]
    ? Operation<InputOf<I>, OutputOf<O>> | NotImplemented
    : never;
};

/** Input of one operation: `InputFor<typeof import("@aws-sdk/client-lambda"), "Invoke">`. */
export type InputFor<Client, Name extends string> = `${Name}Command` extends keyof Client
  ? InputOutputOf<Client[`${Name}Command`]> extends [infer I, unknown]
    ? InputOf<I>
    : never
  : never;
export type OutputFor<Client, Name extends string> = `${Name}Command` extends keyof Client
  ? InputOutputOf<Client[`${Name}Command`]> extends [unknown, infer O]
    ? OutputOf<O>
    : never
  : never;

type OperationName<K> = K extends `${infer N}Command` ? (N extends "" | "$" | "__" ? never : N) : never;
type InputOutputOf<C> = C extends abstract new (...args: never[]) => infer Command
  ? Command extends { readonly input: infer I; resolveMiddleware: (...args: never[]) => infer H }
    ? H extends (...args: never[]) => Promise<{ output: infer O }>
      ? [I, O]
      : never
    : never
  : never;
/** The validator has run: required members are there. */
type InputOf<I> = { [K in keyof I]: WireIn<Exclude<I[K], undefined>> };
type OutputOf<O> = { [K in keyof Omit<O, "$metadata">]: WireOut<O[K]> };
type WireIn<V> = ArrayBuffer extends V ? Uint8Array : V;
/** A structure without required members takes bytes, too, as far as types go. */
type WireOut<V> =
  Record<string, never> extends V
    ? V
    : Uint8Array extends V
      ? Uint8Array
      : V extends Uint8Array
        ? Uint8Array
        : V;

/** A plain HTTP request that no AWS protocol claims. Answers undefined to decline. */
export type WebRoute = (request: WebRequest) => Promise<WebResponse | undefined>;

/** Throws what the caller is to be told. */
export type UploadRoute = (form: UploadedForm, ctx: Context) => Promise<WebResponse>;

export interface UploadedForm {
  /** Percent-decoded. */
  readonly bucket: string;
  /** multipart/form-data as it arrives. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Whether signatures are verified at all. If so: throws AWS's error unless `signature` is that of `text`. */
  readonly isVerified: boolean;
  verify(text: string, signed: FormSignature): void;
}

/** Of version 4, or of version 2. */
export type FormSignature =
  | { readonly credential: string; readonly signature: string }
  | { readonly accessKey: string; readonly signature: string };

export interface OriginRules {
  /** Answers a browser's question whether it may call; undefined: it does not ask for this service. */
  preflight(request: PageRequest): Promise<WebResponse | undefined>;
  /** Headers of an answer that let a page read it; undefined: the page may not. */
  allow(request: PageRequest): Promise<Record<string, string> | undefined>;
}

/** With an `origin` among its headers. */
export interface PageRequest {
  readonly method: string;
  /** Percent-encoded. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** `bucket.s3.localhost`: then the path has the key only. */
  readonly bucketInHost: string | undefined;
  readonly requestId: string;
}

export interface WebRequest {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly remoteAddress: string;
  readonly requestId: string;
  /**
   * Who has signed the request as one to this service, in this region if it is named; undefined when it carries no
   * signature. Throws AWS's error for one that is wrong, where signatures are verified.
   */
  signer(serviceName: string, region?: string): Identity | undefined;
}

export interface WebResponse {
  readonly status: number;
  readonly headers: Record<string, string | string[]>;
  readonly body?: Uint8Array | string | AsyncIterable<Uint8Array>;
}

/** In whose name a service calls another one when no request has caused it: a schedule, a rule. */
export interface ServiceCaller {
  readonly account: string;
  readonly region: string;
  /** "scheduler.amazonaws.com". */
  readonly principal: string;
}

/** Runs an operation as `Context.call` does, for work that no request is waiting for. */
export type ServiceCall = (
  caller: ServiceCaller,
  service: string,
  operation: string,
  input: object,
) => Promise<Record<string, unknown>>;
