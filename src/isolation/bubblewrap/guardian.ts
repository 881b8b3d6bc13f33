/**
 * D4's second line. Sandboxes are bound to die with lambdad, but bubblewrap arms that binding step by step, and a crash
 * between two steps of a start can orphan a sandbox. So each driver has a guardian: a shell that sleeps until its input
 * ends, which only lambdad's end can do, and then kills what is left in the control groups of that very run.
 */
import { spawn } from "node:child_process";
import { toolEnv } from "../command.ts";
import { DriverError } from "../driver.ts";
import { reaped } from "../exit.ts";
import { withSealedStdio } from "../inherited.ts";

/**
 * Arguments: directory of control groups, beginning of the names of this run's groups (a successor's have another). A
 * sandbox's first process is in the list, and takes the others with it; so few rounds do. Ten seconds bound it.
 */
const guardScript = `
trap '' INT TERM HUP
while read -r _; do :; done
round=0 left=yes
while [ -n "$left" ] && [ "$round" -lt 200 ]; do
  left= round=$((round + 1))
  for group in "$1/$2"*; do
    while read -r pid; do
      left=yes
      kill -9 "$pid"
    done <"$group/cgroup.procs"
  done
  if [ -n "$left" ]; then sleep 0.05; fi
done
`;

export interface Guardian {
  /** Resolves when it has gone. Everything else must have been destroyed before. */
  close(): Promise<void>;
}

export function startGuardian(groups: string, namesBegin: string): Guardian {
  const child = withSealedStdio(["pipe", "ignore", "ignore"], (stdio) =>
    // A group of its own: a Ctrl-C at the terminal is meant for lambdad.
    spawn("sh", ["-c", guardScript, "guard", groups, namesBegin], {
      stdio,
      env: toolEnv,
      cwd: "/",
      detached: true,
    }),
  );
  const { stdin } = child;
  if (!stdin) throw new DriverError("launch", "the guardian has no input");
  stdin.on("error", () => {}); // it went first; the next crash is without it
  child.unref();
  const gone = reaped(child);
  return {
    async close() {
      child.ref();
      stdin.end();
      await gone;
    },
  };
}
