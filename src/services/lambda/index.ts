/**
 * AWS Lambda's API, put together: records of functions in the store, activation behind the caller's back, invocations
 * through the invoker. Operations are grouped by what they are about, one file each in `operations/`.
 */
import { arch } from "node:os";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { Random } from "../../base/random.ts";
import type { AsyncEvents } from "../../events/async/event.ts";
import type { MappedFunctions } from "../../events/mapping/port.ts";
import type { Target } from "../../events/ports.ts";
import type { Invoker } from "../../invoke/contract.ts";
import type { Catalog, CodeMounts, VersionSpec } from "../../runtime/contract.ts";
import type { Store } from "../../store/store.ts";
import type { Service, WebRoute } from "../service.ts";
import { Activation } from "./activation.ts";
import { createAsyncFunctions, createSubmit, createTarget } from "./async.ts";
import { createCodeDownloads } from "./code-location.ts";
import { lambdaCollections } from "./collections.ts";
import { CodeStore } from "./code-store.ts";
import { CodeUsage } from "./code-usage.ts";
import { Layers } from "./layer-store.ts";
import type { LambdaOperations } from "./operation-types.ts";
import { CodeSigningConfigs } from "./code-signing-store.ts";
import { createAliasOperations } from "./operations/aliases.ts";
import { createCodeSigningOperations } from "./operations/code-signing.ts";
import { createConcurrencyOperations } from "./operations/concurrency.ts";
import { createEventInvokeOperations } from "./operations/event-invoke.ts";
import { createFunctionUrlOperations } from "./operations/function-urls.ts";
import { createMappingOperations } from "./operations/mappings.ts";
import { createProvisionedOperations } from "./operations/provisioned.ts";
import { createFunctionOperations } from "./operations/functions.ts";
import { createInvokeOperations } from "./operations/invoke.ts";
import { createLayerPermissionOperations } from "./operations/layer-permissions.ts";
import { createLayerOperations } from "./operations/layers.ts";
import { notYet } from "./operations/not-yet.ts";
import { createPermissionOperations } from "./operations/permissions.ts";
import { createResourcePolicyOperations } from "./operations/resource-policies.ts";
import { createRuntimeManagementOperations } from "./operations/runtime-management.ts";
import { createTagOperations } from "./operations/tags.ts";
import { createUpdateOperations } from "./operations/updates.ts";
import { createVersionOperations } from "./operations/versions.ts";
import { createLoopbackNames } from "./loopback-names.ts";
import { createMappedFunctions } from "./mapped-functions.ts";
import type { LambdaParts } from "./parts.ts";
import { Mappings } from "./mapping-store.ts";
import { Provisioning } from "./provisioning.ts";
import { createRecursion } from "./recursion.ts";
import { Snapshots } from "./snapshots.ts";
import { Functions } from "./store.ts";
import { createTargets } from "./targets.ts";
import { createUrlRoute } from "./url-route.ts";

export interface LambdaDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly invoker: Invoker;
  /** Told of each version that may be invoked soon. */
  readonly expect?: (spec: VersionSpec) => void;
  /** The queue of asynchronous events. */
  readonly events: AsyncEvents;
  readonly codeMounts: CodeMounts;
  readonly catalog: Pick<Catalog, "list" | "plan">;
  /** Of each account in each region. */
  readonly codeStorageBytesMax: number;
  /** This machine's resolver. Undefined: it knows names below `localhost`. */
  readonly lookUp?: (name: string) => Promise<unknown>;
}

export interface LambdaService extends Service {
  readonly operations: LambdaOperations;
  readonly target: Target;
  /** For the pollers of event source mappings. */
  readonly mapped: MappedFunctions;
}

export function createLambda(deps: LambdaDeps): LambdaService {
  const { clock, random } = deps;
  const stamp = () => ({ nowMs: clock.now(), uuid: () => random.uuid() });
  const collections = lambdaCollections(deps.store);
  const functions = new Functions(deps.store, collections);
  const mappings = new Mappings({ ...deps, ...collections });
  const provisioning = new Provisioning({ ...deps, functions });
  const targets = createTargets({ functions, clock, random });
  const codeSigning = new CodeSigningConfigs(deps.store, collections.codeSigning);
  const layers = new Layers(deps.store, collections);
  const codeStore = new CodeStore({ ...deps, collections });
  const codeUsage = new CodeUsage({ functions, collections, codeStorageBytesMax: deps.codeStorageBytesMax });
  const activation = new Activation({ ...deps, functions, codeStore, stamp });
  const snapshots = new Snapshots({ ...deps, functions, stamp });
  const machine = arch() === "arm64" ? "arm64" : "x86_64";
  const recursion = createRecursion(deps);
  const hasLoopbackNames = createLoopbackNames({ clock, lookUp: deps.lookUp });
  const submit = createSubmit({ ...deps, functions, targets });
  const parts: LambdaParts = {
    ...deps,
    functions,
    targets,
    recursion,
    submit,
    codeSigning,
    provisioning,
    mappings,
    layers,
    codeStore,
    codeUsage,
    activation,
    hasLoopbackNames,
    machine,
    stamp,
  };

  const operations: LambdaOperations = {
    ...createFunctionOperations(parts),
    ...createUpdateOperations(parts),
    ...createVersionOperations(parts),
    ...createAliasOperations(parts),
    ...createInvokeOperations(parts),
    ...createPermissionOperations(parts),
    ...createResourcePolicyOperations(parts),
    ...createLayerOperations(parts),
    ...createLayerPermissionOperations(parts),
    ...createConcurrencyOperations(parts),
    ...createTagOperations(parts),
    ...createEventInvokeOperations(parts),
    ...createFunctionUrlOperations(parts),
    ...createCodeSigningOperations(parts),
    ...createRuntimeManagementOperations(parts),
    ...createProvisionedOperations(parts),
    ...createMappingOperations(parts),
    ...notYet,
  };

  return {
    name: "lambda",
    operations,
    target: createTarget({ ...parts, logger: deps.logger }, submit),
    mapped: createMappedFunctions(parts),
    web: firstToAnswer(
      createCodeDownloads({ clock, codeStore }),
      createUrlRoute({ ...parts, logger: deps.logger, urls: collections.urls }),
    ),
    async start() {
      activation.resume();
      snapshots.resume();
      await provisioning.resume();
      await mappings.resume();
      const stopEvents = await deps.events.work(createAsyncFunctions(parts, recursion));
      return async () => {
        await stopEvents();
        await Promise.all([activation.stop(), snapshots.stop()]);
        await mappings.stop();
        functions.close();
      };
    },
  };
}

function firstToAnswer(...routes: readonly WebRoute[]): WebRoute {
  return async (request) => {
    for (const route of routes) {
      const response = await route(request);
      if (response) return response;
    }
    return undefined;
  };
}
