/**
 * Chooses the driver: the best that works on this machine, or the one that was asked for, or none where `secure` asks for
 * more than the machine gives. "Works" is tried, not guessed: a sandbox is started before the driver is handed out.
 */
import type { Clock } from "../base/clock.ts";
import { describeError, type Logger } from "../base/logger.ts";
import { createBubblewrapDriver } from "./bubblewrap/bubblewrap.ts";
import { type Driver, DriverError, type DriverName, type Guarantees, type SandboxSpec } from "./driver.ts";
import { createProcessDriver } from "./process/process.ts";
import { safe } from "./safe.ts";

export interface SelectOptions {
  readonly isolation: "auto" | "process" | "bubblewrap";
  /** Refuse a driver that does not give all three guarantees. */
  readonly secure: boolean;
  /** Tells data directories on one machine apart: `[a-z0-9]{1,32}`, for instance a hash of the directory's path. */
  readonly instance: string;
  /** For what the driver keeps while it lives; emptied at the start. As root below /run, else in the data directory. */
  readonly stageDir: string;
  /** For what functions write to /tmp: its own, on a file system with room; emptied at the start. */
  readonly diskDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

const instancePattern = /^[a-z0-9]{1,32}$/;

/** Throws `DriverError` "unavailable" when what was asked for cannot be had. Swept and ready for `create`. */
export async function createDriver(options: SelectOptions): Promise<Driver> {
  if (!instancePattern.test(options.instance)) {
    throw new DriverError("spec", "an instance's name is 1 to 32 of a-z and 0-9");
  }
  const driver = safe(await chooseDriver(options), options.logger);
  const { separated, limited, networked, missing } = driver.guarantees;
  if (options.secure && !(separated && limited && networked)) {
    await driver.close();
    throw new DriverError("unavailable", `this machine gives no full sandbox: ${missing.join(" ")}`);
  }
  for (const sentence of missing) options.logger.warn(sentence);
  return driver;
}

async function chooseDriver(options: SelectOptions): Promise<Driver> {
  if (options.isolation === "process") return processDriver(options);
  try {
    return await tried(await createBubblewrapDriver(options), options.logger);
  } catch (error) {
    if (options.isolation === "bubblewrap") throw error;
    options.logger.warn("FUNCTIONS RUN WITHOUT A SANDBOX: bubblewrap does not work here", { error });
    return processDriver(options, hint(error));
  }
}

async function processDriver(options: SelectOptions, why?: string): Promise<Driver> {
  const driver = createProcessDriver(options);
  if (why === undefined) return driver;
  const guarantees = { ...driver.guarantees, missing: [why, ...driver.guarantees.missing] };
  return { ...driver, guarantees };
}

/** Starts one sandbox. Closes the driver and throws "unavailable" when that fails. */
async function tried(driver: Driver, logger: Logger): Promise<Driver> {
  try {
    await driver.sweep();
    const sandbox = await driver.create(trial);
    for (const stream of [sandbox.stdout, sandbox.stderr, sandbox.frames]) stream.resume();
    const exit = await sandbox.exited;
    // Nobody waits for it; `close` does.
    sandbox.destroy().catch((error: unknown) => logger.warn("the trial sandbox stays", { error }));
    if (exit.kind !== "code" || exit.code !== 0) {
      throw new DriverError("unavailable", `a sandbox was started and ended with ${JSON.stringify(exit)}`);
    }
    return driver;
  } catch (cause) {
    await driver.close();
    throw new DriverError("unavailable", `no sandbox can be started: ${describeError(cause)}`, { cause });
  }
}

const trial: SandboxSpec = {
  id: "trial",
  argv: ["/bin/sh", "-c", ":"],
  env: {},
  cwd: "/",
  mounts: [],
  memoryMb: 128,
  cpus: 1,
  processesMax: 16,
  openFilesMax: 64,
  tmpBytesMax: 1024 * 1024,
  network: "outside",
};

/** What to do about a failure, where its text gives it away. */
function hint(error: unknown): string {
  const said = describeError(error);
  const known = hints.find(({ pattern }) => pattern.test(said));
  return `${said}.${known ? ` ${known.cure}` : ""}`;
}

const hints: readonly { readonly pattern: RegExp; readonly cure: string }[] = [
  {
    pattern: /setting up uid map: Permission denied|loopback: Failed RTM_NEWADDR/,
    cure:
      "AppArmor keeps unprivileged users from making namespaces: sysctl kernel.apparmor_restrict_unprivileged_userns=0, " +
      "or install a profile for bwrap (apt-get install apparmor-profiles).",
  },
  {
    pattern: /No permissions to creat(e|ing) (a )?new namespace|Creating new namespace failed/i,
    cure: "User namespaces are switched off: sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000.",
  },
];

export interface IsolationProbe extends Guarantees {
  readonly driver: DriverName;
}

/**
 * For `lambdad doctor`: which driver would be chosen here, and what keeps it from being a full sandbox. Give it an
 * instance and a directory of its own: it sweeps them, and a lambdad may be running.
 */
export async function probeIsolation(
  options: Omit<SelectOptions, "isolation" | "secure">,
): Promise<IsolationProbe> {
  const driver = await createDriver({ ...options, isolation: "auto", secure: false });
  try {
    return { driver: driver.name, ...driver.guarantees };
  } finally {
    await driver.close();
  }
}
