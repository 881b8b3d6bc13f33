/** `--inspect` of deploy and invoke: opens a debugger's port for a function and says how to get there. */
import type { Client } from "./client.ts";
import { CommandError, bold, note } from "./output.ts";

/** `--inspect` alone is `true`: the port that debuggers look at first. */
export type InspectOption = number | true | undefined;

const usualPorts = { python: 5678, node: 9229 };

export interface Inspected {
  readonly name: string;
  readonly runtime: string;
  readonly inspect: number | true;
  /** The function is not loaded before the debugger is there. */
  readonly wait: boolean;
}

export async function openInspection(
  client: Client,
  { name, runtime, inspect, wait }: Inspected,
): Promise<void> {
  const isPython = runtime.startsWith("python");
  if (!isPython && !runtime.startsWith("nodejs")) {
    throw new CommandError(
      `${name} runs on ${runtime}, whose debuggers lambdad does not know`,
      "--inspect is for Node and Python.",
    );
  }
  const wanted = inspect === true ? usualPorts[isPython ? "python" : "node"] : inspect;
  const { port } = await client.admin<{ port: number }>("environments/inspect", {
    function: name,
    port: wanted,
    wait,
  });
  const how = isPython ? "attach debugpy" : "open chrome://inspect, or attach your editor";
  note(`${bold(name)}: debugger at 127.0.0.1:${port} (${how}); the function's timeout is suspended`);
  if (wait) note("The function is loaded when a debugger is there.");
}

export async function closeInspection(client: Client, name: string): Promise<void> {
  await client.admin("environments/inspect", { function: name, close: true });
}
