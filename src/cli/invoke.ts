/** `lambdad invoke NAME`: runs a function; its result goes to standard output, its log to standard error. */
import { readFileSync } from "node:fs";
import type { Client } from "./client.ts";
import type { InspectOption } from "./inspect.ts";
import { closeInspection, openInspection } from "./inspect.ts";
import { CommandError, dim, note, print, red } from "./output.ts";

export interface InvokeOptions {
  readonly payload?: string;
  readonly qualifier?: string;
  readonly quiet?: boolean;
  /** In an environment that has never run. */
  readonly cold?: boolean;
  readonly inspect?: InspectOption;
}

/** Answers the exit code: 1 when the function failed. */
export async function invoke(client: Client, name: string, options: InvokeOptions): Promise<number> {
  if (options.cold) await client.admin("environments/recycle", { function: name });
  if (options.inspect === undefined) return run(client, name, options);
  const { Runtime: runtime } = await client.lambda<{ Runtime: string }>(
    "GET",
    `/2015-03-31/functions/${encodeURIComponent(name)}/configuration`,
  );
  await openInspection(client, { name, runtime, inspect: options.inspect, wait: true });
  try {
    return await run(client, name, options);
  } finally {
    await closeInspection(client, name);
  }
}

async function run(client: Client, name: string, options: InvokeOptions): Promise<number> {
  const query = options.qualifier ? `?Qualifier=${encodeURIComponent(options.qualifier)}` : "";
  const answer = await client.send({
    service: "lambda",
    method: "POST",
    path: `/2015-03-31/functions/${encodeURIComponent(name)}/invocations${query}`,
    headers: { "content-type": "application/json", "x-amz-log-type": "Tail" },
    body: payloadOf(options.payload),
  });
  const log = Buffer.from(answer.headers.get("x-amz-log-result") ?? "", "base64").toString();
  if (!options.quiet) note(dim(log.trimEnd()));
  print(Buffer.from(answer.body).toString());
  const failure = answer.headers.get("x-amz-function-error");
  if (failure) note(red(`the function failed (${failure})`));
  return failure ? 1 : 0;
}

/** JSON as it is, `@file`, or `-` for standard input. */
function payloadOf(payload = "{}"): string {
  if (payload === "-") return readFileSync(0, "utf8");
  if (!payload.startsWith("@")) return payload;
  try {
    return readFileSync(payload.slice(1), "utf8");
  } catch (error) {
    throw new CommandError(`cannot read the payload file ${payload.slice(1)}`, undefined, { cause: error });
  }
}
