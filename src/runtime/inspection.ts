/**
 * Debuggers for functions: while an inspection is open, environments of its function start with the Node inspector (or
 * debugpy) listening, and with timeouts that nobody reaches at a breakpoint, in INIT neither; a port of this machine leads to the one that
 * started last. Kept in memory only: a restart of lambdad closes them all.
 *
 * The port is bound to the loopback alone: whoever reaches it runs code in the function.
 */
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import type { Logger } from "../base/logger.ts";
import type { Driver } from "../isolation/driver.ts";
import { inspectedTimeoutMs } from "../limits.ts";
import type { VersionSpec } from "./contract.ts";

export interface InspectionOrder {
  /** Name, in whatever account and region, or ARN of the function. */
  readonly functionName: string;
  /** Of 127.0.0.1; 0: any free one. */
  readonly port: number;
  /** The runtime waits for the debugger before it loads the function. */
  readonly waits: boolean;
}

interface Inspection extends InspectionOrder {
  readonly server: Server;
  readonly clients: Set<Socket>;
  /** On which debuggers listen inside. */
  readonly insidePort: number;
  /** Of the newest environment; undefined: none has started yet. */
  host: string | undefined;
}

/** What environments are started with. */
interface Start {
  readonly driver: Driver;
  readonly spec: VersionSpec;
}

/** Inside a sandbox with a network of its own; elsewhere it is a free port of the machine. */
const debuggerPort = 9229;

export class Inspections {
  readonly #logger: Logger;
  readonly #driver: Driver;
  readonly #open = new Map<string, Inspection>();

  constructor({ logger, driver }: { readonly logger: Logger; readonly driver: Driver }) {
    this.#logger = logger;
    this.#driver = driver;
  }

  /** Answers the port. One that is open for the function already is closed. */
  async open(order: InspectionOrder): Promise<number> {
    await this.close(order.functionName);
    const clients = new Set<Socket>();
    const server = createServer((client) => {
      clients.add(client);
      client.on("close", () => clients.delete(client));
      forward(client, inspection, this.#driver.hostAddress);
    });
    const insidePort = this.#driver.guarantees.networked ? debuggerPort : await freePort();
    const inspection: Inspection = { ...order, server, clients, insidePort, host: undefined };
    server.listen(order.port, "127.0.0.1");
    await once(server, "listening");
    this.#open.set(order.functionName, inspection);
    const { port } = server.address() as AddressInfo;
    this.#logger.info("a function may be debugged", { function: order.functionName, port });
    return port;
  }

  async close(functionName: string): Promise<void> {
    const inspection = this.#open.get(functionName);
    if (!inspection) return;
    this.#open.delete(functionName);
    for (const client of inspection.clients) client.destroy();
    inspection.server.close();
    await once(inspection.server, "close");
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((name) => this.close(name)));
  }

  /** Undefined: nobody wants to look into this function. */
  begin(spec: VersionSpec): Start | undefined {
    const inspection = this.#of(spec.functionArn);
    if (!inspection) return undefined;
    const driver = this.#driver;
    const host = driver.guarantees.networked ? "0.0.0.0" : "127.0.0.1";
    return {
      spec: inspected(spec, `${host}:${inspection.insidePort}`, inspection.waits),
      driver: {
        ...driver,
        // A debugger wants its answers between invocations, too.
        guarantees: { ...driver.guarantees, freezes: false },
        async create(sandboxSpec) {
          const sandbox = await driver.create(sandboxSpec);
          inspection.host = sandbox.address ?? "127.0.0.1";
          return sandbox;
        },
      },
    };
  }

  #of(functionArn: string): Inspection | undefined {
    return this.#open.get(functionArn) ?? this.#open.get(functionArn.split(":")[6] ?? "");
  }
}

function inspected(spec: VersionSpec, address: string, waits: boolean): VersionSpec {
  const variables = { ...spec.variables };
  if (spec.runtime.startsWith("nodejs")) {
    // Node 18 can only wait by stopping in its first line.
    const waiting = spec.runtime === "nodejs18.x" ? "--inspect-brk" : "--inspect-wait";
    const flag = waits ? waiting : "--inspect";
    variables["NODE_OPTIONS"] = [variables["NODE_OPTIONS"], `${flag}=${address}`].filter(Boolean).join(" ");
  } else if (spec.runtime.startsWith("python")) {
    variables["_LAMBDAD_DEBUGPY"] = waits ? `${address}:wait` : address;
  }
  return { ...spec, variables, timeoutMs: inspectedTimeoutMs, initTimeoutMs: inspectedTimeoutMs };
}

/** From the address that sandboxes may answer to. */
function forward(client: Socket, { host, insidePort }: Inspection, localAddress: string): void {
  if (host === undefined) return void client.destroy();
  const upstream = connect({ host, port: insidePort, localAddress });
  for (const [one, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    one.on("error", () => other.destroy());
    one.on("close", () => other.destroy());
    one.pipe(other);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
