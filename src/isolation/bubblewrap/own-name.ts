/**
 * `sandbox.localdomain`, as AWS has it: the name under which programs in a sandbox listen for telemetry, and under which
 * it is sent to them. Where sandboxes have addresses of their own it is that address, so each has an /etc/hosts of its own.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SystemView } from "./arguments.ts";

export const hosts = (address: string): string =>
  `127.0.0.1 localhost localhost.localdomain\n${address} sandbox.localdomain sandbox\n`;

/** `directory`: for these files, one an address, made when it is used first. */
export function withOwnName(system: SystemView, address: string | undefined, directory: string): SystemView {
  if (address === undefined) return system;
  const source = join(directory, address);
  if (!existsSync(source)) {
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    writeFileSync(source, hosts(address), { mode: 0o644 });
  }
  return { ...system, etcMounts: [...system.etcMounts, { source, target: "/etc/hosts" }] };
}
