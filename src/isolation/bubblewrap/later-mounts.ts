/**
 * Mounts that come into a sandbox while its program runs. A slot that is made for it has a mount namespace of its own, in
 * which the placeholders lie on a small shared tmpfs; bubblewrap binds them into the sandbox, which so becomes a slave of
 * that tmpfs. A helper, root and outside of everything the sandbox has, waits in the slot: what it mounts over a
 * placeholder, the kernel propagates into the sandbox, with the flags of its source. All of it is held by the slot's
 * processes alone, so that nothing has to be undone. The helper ends with its one order, or when lambdad does.
 */
import type { Writable } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import { sandboxSpecialiseTimeoutMs } from "../../limits.ts";
import { DriverError, type Mount, type SandboxSpec } from "../driver.ts";
import { limit } from "./sandbox.ts";
import type { Slot } from "./slots.ts";
import type { Stage } from "./stage.ts";

export interface LaterMounts {
  /** On the host an empty directory, in each slot its tmpfs. */
  readonly directory: string;
  /** Of the sandbox: directories within no other placeholder. */
  readonly outer: readonly string[];
  readonly inner: readonly string[];
  /** What the sandbox mounts at its start; the sources are there in the slot only. */
  readonly mounts: readonly Mount[];
}

/** `placeholders`: outermost first. */
export function laterMounts(directory: string, placeholders: readonly string[]): LaterMounts {
  const isInner = (path: string) => placeholders.some((other) => path.startsWith(`${other}/`));
  const outer = placeholders.filter((path) => !isInner(path));
  return {
    directory,
    outer,
    inner: placeholders.filter(isInner),
    mounts: outer.map((target) => ({ source: directory + target, target })),
  };
}

/** What stands before the change of user on the slot's command line. */
export function laterMountsCommand(
  { directory, outer, inner }: LaterMounts,
  owner: { readonly uid: number; readonly gid: number },
): readonly string[] {
  const script = ["sh", "-c", laterScript, "later", directory, `${owner.uid}:${owner.gid}`];
  const namespace = ["unshare", "--mount", "--propagation", "slave", "--"];
  return [...namespace, ...script, ...outer, "-", ...inner, "--"];
}

/**
 * As root, with control groups joined. Makes the placeholders, leaves the helper behind, and becomes what stands behind
 * "--". The helper reads, from descriptor 7, a source and its target on a line each, and "." at the end; it says on
 * descriptor 6 how it went. Inner placeholders that were not covered go: a sandbox that is made at once has none.
 * Arguments: directory, owner, outer placeholders, "-", inner placeholders, "--", program …
 */
const laterScript = `
set -eu
directory=$1 owner=$2
shift 2
mount -t tmpfs -o size=64k,mode=755 later "$directory"
while [ "$1" != - ]; do
  mkdir -p "$directory$1"
  shift
done
shift
inner=
while [ "$1" != -- ]; do
  mkdir -p "$directory$1"
  inner="$inner $directory$1"
  shift
done
shift
chown -R "$owner" "$directory"
mount --make-shared "$directory"
lay() {
  while IFS= read -r source && [ "$source" != . ]; do
    IFS= read -r target
    mount --bind "$source" "$directory$target" || return
  done
  [ "$source" = . ]
}
(
  set +e
  if lay; then
    rmdir $inner
    echo '{"mounted":true}' >&6
  else
    echo '{"mounted":false}' >&6
  fi
) <&7 >/dev/null 2>&1 3>&- 4>&- 5>&- 7>&- &
exec "$@" 7>&-
`;

export interface SpecialiseOptions {
  readonly stage: Stage;
  readonly clock: Clock;
}

/** `spec`: as it is to be from now on; of its mounts, those to be added. */
export async function specialise(
  slot: Slot,
  spec: Pick<SandboxSpec, "mounts" | "memoryMb" | "cpus" | "processesMax">,
  { stage, clock }: SpecialiseOptions,
): Promise<void> {
  limit(slot, spec);
  if (!slot.mounts) throw new DriverError("spec", "this sandbox has no placeholders");
  await order(slot.mounts, spec.mounts, stage);
  await slot.status.mounted(clock, sandboxSpecialiseTimeoutMs);
}

async function order(helper: Writable, mounts: readonly Mount[], stage: Stage): Promise<void> {
  const lines: string[] = [];
  for (const { source, target } of mounts) lines.push(await stage.placeReadOnly(source), target);
  if (lines.some((line) => line.includes("\n"))) throw new DriverError("spec", "a mount has a line break");
  helper.end([...lines, ".", ""].join("\n"));
}
