/**
 * An error as an AWS service answers it. Services make them in their `errors.ts`; `gateway/dispatch.ts` turns them into
 * a response in the caller's protocol. The status comes from the service's model where it names the error, else from
 * `status`, else 400 (500 for fault "server").
 */

export interface AwsErrorOptions extends ErrorOptions {
  /** HTTP status where the model does not know the error, or AWS differs from its model. */
  readonly status?: number;
  /** Further members of the error's body: `Type`, `Reason`, … */
  readonly members?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly fault?: "client" | "server";
  /** What services that once spoke awsQuery say there instead: another code, another text. */
  readonly query?: QueryWords;
}

export interface QueryWords {
  /** Where the model does not know the error; also in the header `x-amzn-query-error`. */
  readonly code?: string;
  readonly message?: string;
}

export class AwsError extends Error {
  override name = "AwsError";
  /** `ResourceNotFoundException`, … */
  readonly code: string;
  readonly status: number | undefined;
  readonly members: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly fault: "client" | "server";
  readonly query: QueryWords;

  constructor(code: string, message: string, options: AwsErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.status = options.status;
    this.members = options.members ?? {};
    this.headers = options.headers ?? {};
    this.query = options.query ?? {};
    this.fault = options.fault ?? ((options.status ?? 400) >= 500 ? "server" : "client");
  }
}
