/** `lambdad async list|redrive|purge`: looks at the queue of asynchronous events of a running lambdad, and acts on it. */
import type { Clock } from "../base/clock.ts";
import type { ListedEvent } from "../gateway/admin-async.ts";
import type { Client } from "./client.ts";
import { bold, dim, note, print, red, table } from "./output.ts";

export async function list(
  client: Client,
  clock: Clock,
  name: string | undefined,
  options: { readonly json?: boolean },
): Promise<void> {
  const query = name === undefined ? "" : `?function=${encodeURIComponent(name)}`;
  const answer = await send(client, "GET", `/_lambdad/async${query}`);
  const { events, failed } = answer as { events: ListedEvent[]; failed: ListedEvent[] };
  const all = [...events, ...failed];
  if (options.json) {
    for (const event of all) print(JSON.stringify(event));
    return;
  }
  if (all.length === 0) return note(dim("no asynchronous events"));
  const head = ["STATE", "FUNCTION", "AGE", "ATTEMPTS", "NEXT", "REQUEST"].map((cell) => bold(cell));
  print(table([head, ...all.map((event) => rowOf(event, clock.now()))]));
}

export async function redrive(client: Client, name: string): Promise<void> {
  const { count } = await act(client, "redrive", { function: name });
  note(`${count} failed events of ${name} wait again`);
}

export async function purge(
  client: Client,
  name: string,
  { failed = false }: { readonly failed?: boolean },
): Promise<void> {
  const { count } = await act(client, "purge", { function: name, failed });
  note(`${count} events of ${name} removed`);
}

function rowOf(event: ListedEvent, nowMs: number): string[] {
  const { state, functionArn, qualifier, acceptedAtMs, invocations, requestId } = event;
  const name = functionArn.split(":").at(-1) ?? functionArn;
  return [
    state === "failed" ? red(state) : state,
    qualifier === undefined ? name : `${name}:${qualifier}`,
    duration(nowMs - acceptedAtMs),
    String(invocations),
    nextOf(event, nowMs),
    requestId,
  ];
}

function nextOf({ state, reason, step, dueAtMs }: ListedEvent, nowMs: number): string {
  if (state === "failed") return reason ?? "";
  const what = step === "invoke" ? "invoke" : `tell ${step}`;
  if (state === "running") return what;
  return dueAtMs > nowMs ? `${what} in ${duration(dueAtMs - nowMs)}` : `${what} now`;
}

function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes}m` : `${Math.round(minutes / 60)}h`;
}

async function act(client: Client, verb: string, order: object): Promise<{ count: number }> {
  return (await send(client, "POST", `/_lambdad/async/${verb}`, order)) as { count: number };
}

async function send(client: Client, method: string, path: string, body?: object): Promise<unknown> {
  const answer = await client.send({
    service: "lambda",
    method,
    path,
    headers: { "content-type": "application/json" },
    ...(body && { body: JSON.stringify(body) }),
  });
  return JSON.parse(Buffer.from(answer.body).toString());
}
