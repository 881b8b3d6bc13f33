/**
 * Keeps what lambdad itself inherited, and its priority, from the sandboxes. Node marks inherited file descriptors close-on-exec only up to
 * the first gap above 15, so a shell or a service supervisor can hand one through lambdad into a program. Such a
 * descriptor cannot be closed in the child from here, but it can be replaced: by /dev/null.
 */
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { atUsualPriority } from "../base/priority.ts";

const closeOnExec = 0o2000000; // O_CLOEXEC, in the octal flags of /proc/self/fdinfo

/** Descriptors above standard error that a child of this process would get. */
function inheritedDescriptors(): readonly number[] {
  return listDescriptors().filter((fd) => {
    try {
      const flags = /^flags:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "0";
      return fd > 2 && (Number.parseInt(flags, 8) & closeOnExec) === 0;
    } catch {
      return false; // the descriptor of the listing itself
    }
  });
}

function listDescriptors(): readonly number[] {
  try {
    return readdirSync("/proc/self/fd").map(Number);
  } catch {
    return []; // no /proc: not Linux
  }
}

type Stdio = readonly ("ignore" | "pipe" | number)[];

/** What this process was started with does not change, and looking at each descriptor takes longer than most starts. */
let inherited: readonly number[] | undefined;

/** Runs `start` with `stdio` and, for each inherited descriptor beyond it, /dev/null. */
export function withSealedStdio<T>(stdio: Stdio, start: (sealed: ("ignore" | "pipe" | number)[]) => T): T {
  inherited ??= inheritedDescriptors();
  const beyond = inherited.filter((fd) => fd >= stdio.length);
  if (beyond.length === 0) return atUsualPriority(() => start([...stdio]));
  const nowhere = openSync("/dev/null", "r+");
  try {
    const sealed = [...stdio];
    for (const fd of beyond) {
      while (sealed.length < fd) sealed.push("ignore");
      sealed[fd] = nowhere;
    }
    return atUsualPriority(() => start(sealed));
  } finally {
    closeSync(nowhere);
  }
}
