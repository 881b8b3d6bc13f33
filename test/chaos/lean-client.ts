/**
 * POSTs over connections that are kept, one request under way on each, as many as there are requests at once. Parses no
 * more of an answer than its status, headers and Content-Length, so that it takes little of the machine that it loads.
 */
import { connect, type Socket } from "node:net";

export interface Answer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Less than servers keep idle connections: one that is being closed is not to be used. */
const idleMsMax = 2000;

export class LeanClient {
  readonly #port: number;
  /** The one used last is the last. */
  readonly #idle: Connection[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  /** Rejects when the connection ends first. */
  async post(path: string, body: string): Promise<Answer> {
    const connection = this.#take();
    const head = `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1:${this.#port}\r\n`;
    const answer = await connection.ask(
      `${head}content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
    this.#idle.push(connection);
    return answer;
  }

  close(): void {
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  #take(): Connection {
    const connection = this.#idle.pop();
    if (connection?.isFresh) return connection;
    connection?.close();
    // Those below have been idle for longer still.
    this.close();
    return new Connection(this.#port);
  }
}

class Connection {
  readonly #socket: Socket;
  #received = "";
  /** Of the whole answer; -1: its head is not there yet. */
  #expected = -1;
  #idleSinceMs = 0;
  #asked: PromiseWithResolvers<Answer> | undefined;

  constructor(port: number) {
    // Bytes as characters, so that lengths agree.
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true }).setEncoding("latin1");
    this.#socket.on("data", (text: string) => this.#receive(text));
    this.#socket.on("error", () => undefined); // followed by "close"
    this.#socket.on("close", () => this.#asked?.reject(new Error("the connection was closed")));
  }

  get isFresh(): boolean {
    return this.#socket.writable && performance.now() - this.#idleSinceMs < idleMsMax;
  }

  ask(request: string): Promise<Answer> {
    this.#asked = Promise.withResolvers();
    this.#socket.write(request);
    return this.#asked.promise;
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(text: string): void {
    this.#received += text;
    if (this.#expected < 0) {
      const end = this.#received.indexOf("\r\n\r\n");
      if (end < 0) return;
      const length = /\r\ncontent-length: *(\d+)/i.exec(this.#received)?.[1];
      if (length === undefined) return void this.#socket.destroy();
      this.#expected = end + 4 + Number(length);
    }
    if (this.#received.length < this.#expected) return;
    const answer = parsed(this.#received);
    this.#received = "";
    this.#expected = -1;
    this.#idleSinceMs = performance.now();
    const asked = this.#asked;
    this.#asked = undefined;
    asked?.resolve(answer);
  }
}

function parsed(text: string): Answer {
  const end = text.indexOf("\r\n\r\n");
  const [statusLine = "", ...lines] = text.slice(0, end).split("\r\n");
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const body = Buffer.from(text.slice(end + 4), "latin1").toString();
  return { status: Number(statusLine.slice(9, 12)), headers, body };
}
