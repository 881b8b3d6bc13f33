/**
 * Brings batches of telemetry to a listener in a sandbox: an HTTP request each, or lines over one TCP connection.
 *
 * The listener is the function's, and may do its worst: an attempt is bounded in time, answers are not read beyond their
 * status, redirects are not followed. It connects to the address that it is given and to nothing else.
 */
import type { Socket } from "node:net";
import { connect } from "node:net";
import type { Clock } from "../base/clock.ts";
import { request } from "../base/http.ts";
import { telemetryDeliveryMs } from "../limits.ts";
import type { Destination } from "./telemetry-subscription.ts";

/** Where a sandbox's listeners are, seen from lambdad. */
export interface SandboxAddress {
  readonly host: string;
  /** The address to come from: the only one that the sandbox can answer. Undefined: any. */
  readonly localAddress: string | undefined;
}

export interface Sender {
  /** Rejects when it did not arrive, or nobody knows. */
  send(address: SandboxAddress, records: readonly string[]): Promise<void>;
  /** Cuts what is open, at once. */
  close(): void;
}

export function createSender(destination: Destination, clock: Clock): Sender {
  return destination.protocol === "HTTP" ? httpSender(destination, clock) : tcpSender(destination, clock);
}

function httpSender(
  { port, path, method }: Destination & { readonly protocol: "HTTP" },
  clock: Clock,
): Sender {
  let open: { destroy(error?: Error): unknown } | undefined;

  return {
    send({ host, localAddress }, records) {
      const body = Buffer.from(`[${records.join(",")}]`);
      const headers = {
        Host: `sandbox.localdomain:${port}`,
        "Content-Type": "application/json",
        "Content-Length": body.length,
      };
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const attempt = request({ host, port, path, method, localAddress, headers, agent: false });
      open = attempt;
      const timer = clock.after(telemetryDeliveryMs, () => attempt.destroy(new Error("no answer in time")));
      attempt.on("response", (response) => {
        const { statusCode = 0 } = response;
        response.on("error", () => undefined);
        attempt.destroy();
        if (statusCode >= 200 && statusCode < 300) resolve();
        else reject(new Error(`status ${statusCode}`));
      });
      attempt.on("error", reject);
      attempt.on("close", () => reject(new Error("the connection was closed")));
      attempt.end(body);
      return promise.finally(() => timer.cancel());
    },
    close: () => open?.destroy(),
  };
}

function tcpSender({ port }: Destination & { readonly protocol: "TCP" }, clock: Clock): Sender {
  let socket: Socket | undefined;

  function open({ host, localAddress }: SandboxAddress): Socket {
    const opened = connect({ host, port, ...(localAddress !== undefined && { localAddress }) });
    opened.on("error", () => undefined);
    opened.on("close", () => {
      if (socket === opened) socket = undefined;
    });
    opened.resume(); // what it says is dropped
    return opened;
  }

  return {
    send(address, records) {
      socket ??= open(address);
      const used = socket;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const timer = clock.after(telemetryDeliveryMs, () => used.destroy());
      const lost = () => reject(new Error("the connection was closed"));
      used.once("close", lost);
      used.write(`${records.join("\n")}\n`, (error) => (error ? reject(error) : resolve()));
      return promise.finally(() => {
        timer.cancel();
        used.off("close", lost);
      });
    },
    close: () => void socket?.destroy(),
  };
}
