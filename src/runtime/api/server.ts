/**
 * Where the Runtime API listens. Each environment has a Unix socket of its own, in a directory that is mounted into its
 * sandbox, and a TCP address. Sandboxes with an address of their own share one TCP listener, and the address they come
 * from says which environment is meant; sandboxes on the host's loopback get a port each.
 *
 * Never serves a connection that it cannot attribute to exactly one living environment (D1).
 */
import { chmod, mkdir, rm } from "node:fs/promises";
import type { Server, Socket } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Clock, Timer } from "../../base/clock.ts";
import { invariant } from "../../base/invariant.ts";
import type { Logger } from "../../base/logger.ts";
import type { Mount } from "../../isolation/driver.ts";
import {
  earlyPeerMs,
  earlyPeersMax,
  runtimeApiConnectionsMax,
  runtimeApiHeldBytesMax,
  runtimeApiPort,
  socketPathBytesMax,
} from "../../limits.ts";
import type { Serve } from "./connection.ts";
import { Budget, serveConnection } from "./connection.ts";
import { createRouter } from "./router.ts";
import type { RuntimePort } from "./runtime-port.ts";

export interface RuntimeApiDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** For the sockets' directories; emptied at the start. Short: a socket's path has at most 107 bytes. */
  readonly dir: string;
  /** `Driver.hostAddress`. */
  readonly hostAddress: string;
  /** `Driver.guarantees.networked`: sandboxes have addresses of their own. */
  readonly networked: boolean;
}

export interface RuntimeApi {
  /**
   * Opens the Runtime API for one sandbox. `id`: `[a-z0-9-]{1,40}`, unique among the open ones, hard to guess. Without a
   * port nobody is served before `assign`.
   */
  open(id: string, port?: RuntimePort): Promise<RuntimeEndpoint>;
  /** Closes everything that is open. Idempotent. */
  close(): Promise<void>;
}

/** One sandbox's Runtime API. */
export interface RuntimeEndpoint {
  /** "host:port", for AWS_LAMBDA_RUNTIME_API. */
  readonly authority: string;
  /** The directory with the socket. */
  readonly mount: Mount;
  /** The socket's path as seen through `mount`. */
  readonly socketPath: string;
  /** Once, where it was opened without: whose it is from now on. */
  assign(port: RuntimePort): void;
  /** The sandbox's own address is known. Its connections may have come before. */
  admit(address: string): void;
  /**
   * Cuts every connection, now; resolves when nothing is left. `gone`: when its programs are; until then what they still
   * send is refused, and does not wait for who has their address next. Idempotent. Never rejects.
   */
  close(gone?: Promise<unknown>): Promise<void>;
}

const mountTarget = "/run/lambdad";
const socketName = "s";

/** Throws when `dir` is too long, cannot be written, or `hostAddress` cannot be listened on. */
export async function createRuntimeApi(deps: RuntimeApiDeps): Promise<RuntimeApi> {
  const idBytes = 40;
  if (Buffer.byteLength(deps.dir) + idBytes + socketName.length + 2 > socketPathBytesMax) {
    throw new Error(
      `${deps.dir} is too long: a Unix socket's path has at most ${socketPathBytesMax} bytes, ` +
        `so that ${socketPathBytesMax - idBytes - socketName.length - 2} are left for the directory`,
    );
  }
  await rm(deps.dir, { recursive: true, force: true });
  // Names in it cannot be listed, and are hard to guess: other users of this machine find no socket.
  await mkdir(deps.dir, { recursive: true, mode: 0o711 });
  const peers = deps.networked ? new Peers(deps) : undefined;
  const sharedPort = peers && (await listenShared(peers.server, deps.hostAddress));
  const open = new Set<OpenEndpoint>();

  return {
    async open(id, port) {
      const endpoint = new OpenEndpoint({ ...deps, id, peers, onClosed: () => open.delete(endpoint) });
      if (port) endpoint.assign(port);
      open.add(endpoint);
      await endpoint.listen(sharedPort);
      return endpoint;
    },
    async close() {
      await Promise.all([...open].map((endpoint) => endpoint.close()));
      await peers?.close();
      await rm(deps.dir, { recursive: true, force: true });
    },
  };
}

interface EndpointDeps extends RuntimeApiDeps {
  readonly id: string;
  readonly peers: Peers | undefined;
  readonly onClosed: () => void;
}

class OpenEndpoint implements RuntimeEndpoint {
  readonly mount: Mount;
  readonly socketPath = `${mountTarget}/${socketName}`;
  authority = "";
  readonly #deps: EndpointDeps;
  #serve: Serve | undefined;
  readonly #budget = new Budget(runtimeApiHeldBytesMax);
  readonly #sockets = new Set<Socket>();
  readonly #servers: Server[] = [];
  #address: string | undefined;
  #closed: Promise<void> | undefined;

  constructor(deps: EndpointDeps) {
    this.#deps = deps;
    this.mount = { source: join(deps.dir, deps.id), target: mountTarget };
  }

  async listen(sharedPort: number | undefined): Promise<void> {
    // Not synchronously: where this is a disk, a journal may be in the way for milliseconds.
    await mkdir(this.mount.source);
    await chmod(this.mount.source, 0o755);
    const path = join(this.mount.source, socketName);
    await this.#listen({ path, readableAll: true, writableAll: true });
    const port = sharedPort ?? (await this.#listen({ host: this.#deps.hostAddress, port: 0 }));
    this.authority = `${this.#deps.hostAddress}:${port}`;
  }

  async #listen(where: object): Promise<number> {
    const server = newServer(this.#deps.logger, (socket) => this.adopt(socket));
    this.#servers.push(server);
    return listening(server, where);
  }

  assign(port: RuntimePort): void {
    invariant(!this.#serve, "I3: a Runtime API serves one environment");
    this.#serve = createRouter(port);
  }

  admit(address: string): void {
    this.#address = address;
    this.#deps.peers?.admit(address, this);
  }

  /** Serves a connection that is known to be this sandbox's. */
  adopt(socket: Socket): void {
    const serve = this.#serve;
    if (!serve || this.#closed || this.#sockets.size >= runtimeApiConnectionsMax) {
      return void socket.destroy();
    }
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    const onFault = (error: unknown) =>
      this.#deps.logger.error("a request of a runtime could not be served", {
        environment: this.#deps.id,
        error,
      });
    serveConnection(socket, serve, { budget: this.#budget, onFault });
  }

  close(gone: Promise<unknown> = Promise.resolve()): Promise<void> {
    this.#closed ??= this.#close(gone);
    return this.#closed;
  }

  async #close(gone: Promise<unknown>): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.allSettled([gone, ...this.#servers.map(closing)]);
    if (this.#address !== undefined) this.#deps.peers?.dismiss(this.#address, this);
    try {
      await rm(this.mount.source, { recursive: true, force: true });
    } catch (error) {
      this.#deps.logger.error("a Runtime API socket was not removed", { path: this.mount.source, error });
    }
    this.#deps.onClosed();
  }
}

/** The shared TCP listener, and who is behind each address. */
class Peers {
  readonly server: Server;
  readonly #deps: RuntimeApiDeps;
  readonly #endpointByAddress = new Map<string, OpenEndpoint>();
  /**
   * A program may connect before its driver has told us its address. Such connections wait, unread, for a moment; few,
   * and only from the sandboxes' network, since the listener is bound to our address on it.
   */
  readonly #early = new Map<Socket, Timer>();

  constructor(deps: RuntimeApiDeps) {
    this.#deps = deps;
    this.server = newServer(deps.logger, (socket) => this.#arrive(socket));
  }

  admit(address: string, endpoint: OpenEndpoint): void {
    this.#endpointByAddress.set(address, endpoint);
    for (const socket of this.#early.keys())
      if (socket.remoteAddress === address) this.#release(socket, endpoint);
  }

  dismiss(address: string, endpoint: OpenEndpoint): void {
    if (this.#endpointByAddress.get(address) === endpoint) this.#endpointByAddress.delete(address);
  }

  async close(): Promise<void> {
    for (const socket of this.#early.keys()) socket.destroy();
    await closing(this.server);
  }

  #arrive(socket: Socket): void {
    const endpoint = this.#endpointByAddress.get(socket.remoteAddress ?? "");
    if (endpoint) return endpoint.adopt(socket);
    if (this.#early.size >= earlyPeersMax) return void socket.destroy();
    socket.on("error", () => socket.destroy());
    socket.once("close", () => this.#forget(socket));
    this.#early.set(
      socket,
      this.#deps.clock.after(earlyPeerMs, () => {
        this.#deps.logger.warn("a connection from no known sandbox was refused by the Runtime API", {
          from: socket.remoteAddress,
        });
        socket.destroy();
      }),
    );
  }

  #release(socket: Socket, endpoint: OpenEndpoint): void {
    this.#forget(socket);
    endpoint.adopt(socket);
  }

  #forget(socket: Socket): void {
    this.#early.get(socket)?.cancel();
    this.#early.delete(socket);
  }
}

function newServer(logger: Logger, onConnection: (socket: Socket) => void): Server {
  // Half-open, so that a client which stops in the middle of a body can still be told so.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, onConnection);
  // Out of file descriptors, for one; it goes on accepting.
  server.on("error", (error) => logger.error("the Runtime API could not accept a connection", { error }));
  return server;
}

/** AWS's port if it is free, else any. */
async function listenShared(server: Server, host: string): Promise<number> {
  try {
    return await listening(server, { host, port: runtimeApiPort });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    return listening(server, { host, port: 0 });
  }
}

/** Answers the port, 0 for a path. */
function listening(server: Server, where: object): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, () => {
      server.off("error", reject);
      const address = server.address();
      resolve(typeof address === "object" && address ? address.port : 0);
    });
  });
}

function closing(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
