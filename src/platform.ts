/**
 * Builds lambdad, layer by layer, with plain calls: reading it from top to bottom explains the process. Also the library's
 * entry: `start(config)` gives a running platform, `stop()` takes it down in the opposite order.
 */
import { createHash } from "node:crypto";
import { lookup } from "node:dns/promises";
import { chmod, mkdir, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "./base/clock.ts";
import { systemDisk } from "./base/disk.ts";
import { createLogger } from "./base/logger.ts";
import { createMetrics } from "./base/metrics.ts";
import { systemRandom } from "./base/random.ts";
import { Undo } from "./base/undo.ts";
import type { Config } from "./config.ts";
import { resolveConfig } from "./config.ts";
import { AsyncQueue } from "./events/async/queue.ts";
import { trailedEvents } from "./events/async/trailed-events.ts";
import { verdict } from "./events/async/verdict.ts";
import { createDeliver } from "./events/deliver.ts";
import { createOutgoing } from "./events/outgoing.ts";
import { pollMappings } from "./events/mapping/pollers.ts";
import { Trail, trailed } from "./events/trail.ts";
import { createAdmin } from "./gateway/admin.ts";
import { asyncRoutes } from "./gateway/admin-async.ts";
import { environmentRoutes } from "./gateway/admin-environments.ts";
import { eventRoutes } from "./gateway/admin-events.ts";
import { outboxRoutes } from "./gateway/admin-outbox.ts";
import { createGateway, type Gateway } from "./gateway/http.ts";
import { createPipeline } from "./gateway/pipeline.ts";
import { createServiceCall } from "./gateway/service-call.ts";
import { Admission } from "./invoke/admission.ts";
import { createInvoker } from "./invoke/invoker.ts";
import { Pool } from "./invoke/pool.ts";
import type { Driver, Guarantees } from "./isolation/driver.ts";
import { createMachineRoom } from "./isolation/machine-room.ts";
import { createMachineTime } from "./isolation/machine-time.ts";
import { createDriver } from "./isolation/select.ts";
import {
  codeStorageBytesMax,
  environmentIdleMs,
  environmentsMax,
  environmentWaitersMax,
  environmentWaitersPerVersionMax,
  environmentWaitMsMax,
  memoryExpectedMb,
  scalingMs,
  settlePatienceMs,
  snapshotsMax,
  startingEnvironmentsMax,
  saturatedStartsMin,
  warmMemoryMb,
  warmMemoryShare,
} from "./limits.ts";
import { createRuntimeApi } from "./runtime/api/server.ts";
import { createCatalog } from "./runtime/catalog.ts";
import { createCodeMounts } from "./runtime/code-mount.ts";
import type { Catalog, VersionSpec } from "./runtime/contract.ts";
import { startEnvironment } from "./runtime/environment.ts";
import { Inspections } from "./runtime/inspection.ts";
import { bootWaiting } from "./runtime/waiting-runtime.ts";
import { createPlainStarts } from "./runtime/plain-starts.ts";
import { createWarmPool } from "./runtime/warm-pool.ts";
import { createLogs, type LogsService } from "./services/cloudwatch-logs/index.ts";
import { createHttp } from "./services/eventbridge/http-client.ts";
import { createEventBridge } from "./services/eventbridge/index.ts";
import { createLambda } from "./services/lambda/index.ts";
import { createScheduler } from "./services/scheduler/index.ts";
import type { Service } from "./services/service.ts";
import { createHttpPost } from "./services/sns/http-post.ts";
import { createSns } from "./services/sns/index.ts";
import { createS3 } from "./services/s3/index.ts";
import { createSqs } from "./services/sqs/index.ts";
import { createSts, openTemporaryCredentials } from "./services/sts/index.ts";
import { lockDataDir } from "./store/lock.ts";
import { openSqliteStore } from "./store/sqlite/sqlite-store.ts";
import { version } from "./version.ts";
import type { TemporaryCredentials } from "./wire/temporary-credentials.ts";

export type { Config } from "./config.ts";

export interface Platform {
  /** "http://127.0.0.1:4566". */
  readonly url: string;
  readonly isolation: { readonly name: Driver["name"]; readonly guarantees: Guarantees };
  readonly catalog: Catalog;
  /** Finishes what runs (up to `stopGraceMs`), destroys every sandbox, closes the store. Idempotent. */
  stop(): Promise<void>;
}

/** How long requests and invocations that run may go on when the platform stops, ms. */
const stopGraceMs = 5000;

/** Every address of this machine. */
const wildcards = new Set(["0.0.0.0", "::"]);

/** What is missing in `given` comes from the environment and the defaults. Throws with a clear message when it cannot start. */
export async function start(given: Partial<Config> = {}): Promise<Platform> {
  const undo = new Undo();
  try {
    return await build(resolveConfig(given), undo);
  } catch (error) {
    await undo.all();
    throw error;
  }
}

async function build(config: Config, undo: Undo): Promise<Platform> {
  const ground = await openGround(config, undo);
  const runtimes = await createRuntimes(ground);
  const { clock, random, store, logger, metrics, driver } = ground;
  // Logs take the lines that functions print: they are there before the engine.
  const logs = createLogs({ clock, random, store, logger, metrics });
  await begin(logs, undo);
  const functionKeys = { accessKeyId: `ASIA${random.hex(8).toUpperCase()}`, secretAccessKey: random.hex(20) };
  // Known when we listen.
  const addresses: Addresses = { everywhere: "", functions: "" };
  const engine = createEngine(ground, { ...runtimes, logs, functionKeys, addresses });
  const temporary = await openTemporaryCredentials(store, random);
  const parts = createServices(ground, { ...runtimes, ...engine, logs, addresses, temporary });
  const gateway = createFrontDoor(ground, { ...engine, ...parts, functionKeys, temporary });
  await listen(ground, gateway, addresses);

  // What was left undone is taken up: functions that run for it may call us at once, and wait until we are open.
  const { lambda, sqs, sns, s3, eventbridge, scheduler, trail } = parts;
  for (const service of [lambda, sqs, sns, s3, eventbridge, scheduler]) await begin(service, undo);
  sns.open();
  undo.add(() => gateway.close(stopGraceMs));
  undo.add(() => sqs.endWaits());
  undo.add(() => trail.endWaits());
  gateway.open();
  const sourceOf = (arn: string) => (arn.split(":")[2] === "sqs" ? sqs.source : undefined);
  undo.add(await pollMappings({ clock, logger, metrics, functions: lambda.mapped, trail, sourceOf }));

  return {
    url: addresses.everywhere,
    isolation: { name: driver.name, guarantees: driver.guarantees },
    catalog: runtimes.catalog,
    stop: () => undo.all(),
  };
}

type Ground = Awaited<ReturnType<typeof openGround>>;

/** The data directory, what is durable in it, and sandboxes: the two take their time side by side. */
async function openGround(config: Config, undo: Undo) {
  if (config.secure && (config.accessKey === undefined || config.secretKey === undefined)) {
    throw new Error(
      "--secure lets nobody in without LAMBDAD_ACCESS_KEY_ID and LAMBDAD_SECRET_ACCESS_KEY: set both",
    );
  }
  const clock = systemClock;
  const random = systemRandom;
  const metrics = createMetrics();
  const write = (line: string) => void process.stderr.write(line);
  const logger = createLogger({ clock, level: config.logLevel, format: config.logFormat, write });
  await mkdir(config.dataDir, { recursive: true });
  undo.add(await lockDataDir(config.dataDir));
  const instance = createHash("sha256").update(config.dataDir).digest("hex").slice(0, 8);
  const runDir = join(process.getuid?.() === 0 ? "/run" : tmpdir(), `lambdad-${instance}`);
  await mkdir(runDir, { recursive: true });
  await chmod(runDir, 0o711);
  undo.add(() => rm(runDir, { recursive: true, force: true }));
  const [opened, created] = await Promise.allSettled([
    openSqliteStore({ dir: join(config.dataDir, "store"), clock, logger }),
    createDriver({
      ...config,
      instance,
      stageDir: join(runDir, "stage"),
      diskDir: join(config.dataDir, "tmp"),
      clock,
      logger,
    }),
  ]);
  if (opened.status === "fulfilled") undo.add(() => opened.value.close());
  if (created.status === "fulfilled") undo.add(() => created.value.close());
  if (opened.status === "rejected") throw opened.reason;
  if (created.status === "rejected") throw created.reason;
  return { config, undo, clock, random, metrics, logger, runDir, store: opened.value, driver: created.value };
}

type Runtimes = Awaited<ReturnType<typeof createRuntimes>>;

/** Runtimes, code, and the API between them and us. */
async function createRuntimes({ config, undo, clock, random, logger, runDir, store, driver }: Ground) {
  const catalog = createCatalog({
    dataDir: config.dataDir,
    path: config.path,
    home: config.home,
    env: config.environment,
    logger,
    onProgress: (message) => logger.info(message),
  });
  const codeMounts = await createCodeMounts({
    blobs: store.blobs,
    dir: join(config.dataDir, "code"),
    random,
    logger,
  });
  const api = await createRuntimeApi({
    clock,
    logger,
    dir: join(runDir, "api"),
    hostAddress: driver.hostAddress,
    networked: driver.guarantees.networked,
  });
  undo.add(() => api.close());
  return { catalog, codeMounts, api };
}

/** Where everybody reaches us, and where functions do. */
interface Addresses {
  everywhere: string;
  functions: string;
}

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

type EngineParts = Runtimes & {
  readonly logs: LogsService;
  readonly functionKeys: Keys;
  readonly addresses: Addresses;
};
type Engine = ReturnType<typeof createEngine>;

/** Runs functions: who may, in which environment, started when. */
function createEngine(ground: Ground, parts: EngineParts) {
  const { config, undo, clock, random, metrics, logger, driver } = ground;
  const { catalog, codeMounts, api, logs, functionKeys, addresses } = parts;
  const machineRoom = createMachineRoom(clock);
  const machineTime = createMachineTime(clock, () => driver.cpuUsec?.());
  const { environmentStartsPer10Seconds: starts } = config;
  const admission = new Admission(
    {
      waitingPerVersionMax: environmentWaitersPerVersionMax,
      waitingMax: environmentWaitersMax,
      memoryReserveMb: config.memoryReserveMb,
      memoryExpectedMb,
      saturatedStartsCpusMax: Math.max(saturatedStartsMin, availableParallelism()),
      scaling: starts === Infinity ? undefined : { capacity: starts, perSecond: (starts * 1000) / scalingMs },
    },
    { ...machineRoom, ...machineTime },
  );
  const plainStarts = createPlainStarts(clock, (count) => driver.expect?.(count));
  const warm =
    driver.createWaiting && config.warmPool > 0
      ? createWarmPool({
          ...{ clock, random, logger, catalog, count: config.warmPool },
          boot: (shape, id) =>
            bootWaiting({ clock, driver, api, network: config.network, path: config.path }, shape, id),
          isQuiet: () => pool.starting === 0,
          room: () =>
            Math.floor(
              ((machineRoom.freeMemoryMb() - config.memoryReserveMb) * warmMemoryShare) / warmMemoryMb,
            ),
          onPlain: (key) => plainStarts.expect(key),
        })
      : undefined;
  if (warm) {
    undo.add(() => warm.close());
    metrics.gauge("lambdad_warm_runtimes", "Runtimes that wait for a function", () => warm.size);
  }
  const inspections = new Inspections({ logger, driver });
  undo.add(() => inspections.closeAll());
  const pool: Pool = new Pool({
    clock,
    logger,
    admission,
    endSpares: () => warm?.shed(),
    startEnvironment(spec) {
      plainStarts.started(spec.key);
      const deps = {
        clock,
        random,
        logger,
        driver,
        catalog,
        codeMounts,
        api,
        warm,
        logs: logs.sink,
        network: config.network,
        streamBytesPerSecond: config.streamBytesPerSecond,
        endpointUrl: addresses.functions,
        credentials: (account: string) => ({
          // Without --secure, an access key of 12 digits is the account that it acts for.
          accessKeyId: config.secure ? functionKeys.accessKeyId : account,
          secretAccessKey: functionKeys.secretAccessKey,
          sessionToken: "lambdad",
        }),
      };
      const inspected = inspections.begin(spec);
      if (!inspected) return startEnvironment(deps, spec);
      return startEnvironment({ ...deps, driver: inspected.driver, warm: undefined }, inspected.spec);
    },
    limits: {
      environmentsMax,
      startingMax: startingEnvironmentsMax,
      snapshotsMax,
      idleMs: environmentIdleMs,
      settlePatienceMs,
      waitMsMax: environmentWaitMsMax,
    },
  });
  const requestsPerSecond = config.requestsPerConcurrency;
  const invoker = createInvoker({ clock, logger, metrics, pool, admission, requestsPerSecond });
  undo.add(() => invoker.stop(stopGraceMs));
  const expect = (spec: VersionSpec) => (warm ? warm.expect(spec) : plainStarts.expect(spec.key));
  return { invoker, inspections, expect };
}

type ServiceParts = Pick<Runtimes, "catalog" | "codeMounts"> &
  Pick<Engine, "invoker" | "expect"> & {
    readonly logs: LogsService;
    readonly addresses: Addresses;
    readonly temporary: TemporaryCredentials;
  };
type Services = ReturnType<typeof createServices>;

/** They meet through `deliver` and `call` only. */
function createServices(ground: Ground, parts: ServiceParts) {
  const { config, clock, random, metrics, logger, store } = ground;
  const { catalog, codeMounts, invoker, expect, logs, addresses, temporary } = parts;
  const services: Service[] = [];
  const trail = new Trail(clock);
  const deliver = trailed(
    createDeliver(() => services),
    trail,
  );
  const { asyncRetryDelaysMs: retryDelaysMs } = config;
  const events = new AsyncQueue({ clock, random, store, logger, metrics, deliver, retryDelaysMs, verdict });
  const lambda = createLambda({
    codeStorageBytesMax,
    clock,
    random,
    store,
    logger,
    metrics,
    invoker,
    expect,
    events: trailedEvents(events, { clock, trail }),
    codeMounts,
    catalog,
    lookUp: (name) => lookup(name),
  });
  const sqs = createSqs({ clock, random, store, logger, metrics });
  const urls = { everywhere: () => addresses.everywhere, functions: () => addresses.functions };
  const outgoing = createOutgoing(config);
  const post = createHttpPost(outgoing);
  const sns = createSns({ clock, random, store, logger, metrics, trail, deliver, post, urls });
  const call = createServiceCall({ services: () => services, random, endpoint: urls.everywhere });
  const eventbridge = createEventBridge({
    ...{ clock, random, store, logger, metrics, trail, deliver, call },
    http: createHttp(outgoing),
  });
  const names = () => services.map(({ name }) => name);
  const caller = { deliver, call, services: names };
  const scheduler = createScheduler({ clock, random, store, logger, metrics, ...caller });
  const s3 = createS3({
    ...{ clock, random, store, logger, metrics, deliver },
    disk: systemDisk,
    dir: join(config.dataDir, "objects"),
    secure: config.secure,
  });
  const sts = createSts({ clock, temporary, secure: config.secure });
  services.push(lambda, logs, sts, sqs, sns, eventbridge, scheduler, s3);
  return { services, events, trail, lambda, sqs, sns, s3, eventbridge, scheduler };
}

type DoorParts = Pick<Engine, "invoker" | "inspections"> &
  Pick<Services, "services" | "events" | "trail" | "sns"> & {
    readonly functionKeys: Keys;
    readonly temporary: TemporaryCredentials;
  };

function createFrontDoor(ground: Ground, parts: DoorParts): Gateway {
  const { config, undo, clock, random, metrics, logger, driver } = ground;
  const { services, events, trail, sns, invoker, inspections, functionKeys, temporary } = parts;
  const admin = createAdmin({
    version,
    isolation: driver.name,
    services: services.map(({ name }) => name),
    metrics,
    routes: [
      ...asyncRoutes(events),
      // Whoever has a debugger's port runs code in the function.
      ...environmentRoutes({ invoker, inspections: config.secure ? undefined : inspections }),
      ...eventRoutes(trail),
      ...outboxRoutes(sns.mails),
    ],
  });
  const keyStore = (accessKey: string) => {
    if (accessKey === functionKeys.accessKeyId) return functionKeys.secretAccessKey;
    return accessKey === config.accessKey ? config.secretKey : undefined;
  };
  const keys = { keyStore, temporary };
  const pipeline = createPipeline({ ...config, ...keys, services, admin, clock, random, logger, metrics });
  const gateway = createGateway({ pipeline, clock, logger, metrics });
  // Where the rest fails; in a stop in good order it is closed before the services are.
  undo.add(() => gateway.close(0));
  return gateway;
}

/** Requests wait until the gateway is opened. */
async function listen({ config, driver }: Ground, gateway: Gateway, addresses: Addresses): Promise<void> {
  const { port, url } = await gateway
    .listen({ host: config.host, port: config.port, admin: true })
    .catch((error: unknown) => Promise.reject(listenError(config, error)));
  addresses.everywhere = url;
  addresses.functions = url;
  let hostPort = port;
  if (driver.guarantees.networked) {
    // Sandboxes have a network of their own, on which we have an address; there without admin routes. Where we listen
    // on all addresses, the port is taken on that one too.
    const sandboxPort = wildcards.has(config.host) ? 0 : port;
    const inside = await gateway.listen({ host: driver.hostAddress, port: sandboxPort, admin: false });
    addresses.functions = inside.url;
    hostPort = inside.port;
  }
  driver.warm?.({ port, hostPort });
}

function listenError({ host, port }: Config, cause: unknown): Error {
  const { code } = cause as NodeJS.ErrnoException;
  const advice = "choose another with --port, or stop what uses it";
  if (code === "EADDRINUSE") return new Error(`port ${port} of ${host} is taken: ${advice}`, { cause });
  if (code === "EACCES") return new Error(`port ${port} of ${host} may not be used: ${advice}`, { cause });
  return new Error(`cannot listen on ${host}, port ${port}`, { cause });
}

async function begin(service: Service, undo: Undo): Promise<void> {
  const stop = await service.start?.();
  if (stop) undo.add(stop);
}
