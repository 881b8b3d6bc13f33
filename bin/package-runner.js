/**
 * Ends this process, by SIGTERM to itself, when the npm, npx, yarn or pnpm that started it is gone. They leave what they
 * started behind when they are killed, and npm also at a SIGTERM: whoever stopped them believes that lambdad has stopped.
 *
 * A package runner is known by the variable that it sets for what it starts. Without it nobody is watched: a shell or a
 * service's supervisor may go and lambdad stay. Plain JavaScript for any Node >= 18.
 */
import { readFileSync } from "node:fs";

const variable = "npm_lifecycle_event";
const lookEveryMs = 1000;

export function endWithPackageRunner() {
  if (process.env[variable] === undefined) return;
  // The runner mostly starts a shell that starts us: all between it and us, and itself, have to stay.
  const ancestors = [process.ppid];
  while (isStartedByRunner(ancestors.at(-1))) ancestors.push(parentOf(ancestors.at(-1)));
  const parents = () => [process.ppid, ...ancestors.slice(0, -1).map(parentOf)];
  const timer = setInterval(() => {
    if (parents().every((pid, at) => pid === ancestors[at])) return;
    clearInterval(timer);
    process.kill(process.pid, "SIGTERM");
  }, lookEveryMs);
  timer.unref();
}

function isStartedByRunner(pid) {
  return proc(pid, "environ").includes(`\0${variable}=`);
}

/** The field behind the state, which is behind the name in parentheses: proc_pid_stat(5). */
function parentOf(pid) {
  return Number(/\) \S (\d+) [^)]*$/.exec(proc(pid, "stat"))?.[1]);
}

/** Empty where there is no such process, or no such file system: then only the parent is watched. */
function proc(pid, file) {
  try {
    return `\0${readFileSync(`/proc/${pid}/${file}`, "latin1")}`;
  } catch {
    return "";
  }
}
