/** What Lambda's operations work with: made once in `index.ts`, handed to each file of operations. */
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { AsyncEvents } from "../../events/async/event.ts";
import type { Invoker } from "../../invoke/contract.ts";
import type { Catalog, CodeMounts } from "../../runtime/contract.ts";
import type { CodeSigningConfigs } from "./code-signing-store.ts";
import type { Submit } from "./async.ts";
import type { Activation } from "./activation.ts";
import type { CodeStore } from "./code-store.ts";
import type { CodeUsage } from "./code-usage.ts";
import type { Architecture } from "./domain/function.ts";
import type { Stamp } from "./domain/lifecycle.ts";
import type { Layers } from "./layer-store.ts";
import type { Recursion } from "./recursion.ts";
import type { Functions } from "./store.ts";
import type { Mappings } from "./mapping-store.ts";
import type { Provisioning } from "./provisioning.ts";
import type { Targets } from "./targets.ts";

export interface LambdaParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly functions: Functions;
  readonly targets: Targets;
  readonly provisioning: Provisioning;
  readonly mappings: Mappings;
  readonly codeSigning: CodeSigningConfigs;
  readonly layers: Layers;
  readonly codeStore: CodeStore;
  readonly codeUsage: CodeUsage;
  readonly codeMounts: CodeMounts;
  readonly catalog: Pick<Catalog, "list" | "plan">;
  readonly invoker: Invoker;
  readonly events: AsyncEvents;
  readonly submit: Submit;
  readonly recursion: Recursion;
  readonly activation: Activation;
  readonly hasLoopbackNames: () => Promise<boolean>;
  /** What this machine runs. */
  readonly machine: Architecture;
  readonly stamp: () => Stamp;
}
