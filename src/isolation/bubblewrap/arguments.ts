/**
 * From a sandbox's spec to bubblewrap's arguments: what the program sees of the machine, decided in one place. Pure.
 * The root is an empty tmpfs that ends up read-only; only what is named here is in it. Of the machine, or of a
 * root file system of the runtime's own: programs and libraries; besides a few device nodes, and an `/etc` that lambdad
 * wrote.
 */
import type { Mount, SandboxSpec } from "../driver.ts";

/** The user inside, as on AWS. */
export const insideUser = { name: "sbx_user1051", uid: 993, gid: 990 } as const;

export interface SystemView {
  /** Where the directories are on the host: "" for the machine's own. */
  readonly root: string;
  /** `/bin`, `/lib`, …: links into /usr where the distribution has merged them, else directories. */
  readonly directories: readonly string[];
  readonly links: readonly { readonly path: string; readonly to: string }[];
  /** What a sandbox has as /tmp, its own in each slot; undefined: memory. */
  readonly tmp: string | undefined;
  /** lambdad's own version of /etc, or that of the root file system; on the host. */
  readonly etc: string;
  /** What is shown in it from elsewhere. */
  readonly etcMounts: readonly Mount[];
  /** bash in the place of another shell: /bin/sh is bash on AWS, and scripts rely on it. */
  readonly shell: Mount | undefined;
  /** Files of /proc that tell about the machine, and directories likewise. */
  readonly maskedFiles: readonly string[];
  readonly maskedDirectories: readonly string[];
  readonly canDisableUserNamespaces: boolean;
}

export interface BubblewrapArguments {
  /** For `--args`, off the command line: other users of the machine can read command lines, and these have secrets. */
  readonly hidden: readonly string[];
  /** The command line. */
  readonly visible: readonly string[];
}

export const descriptors = { frames: 3, hidden: 4, seccomp: 5, status: 6, mounts: 7 } as const;

const devices = ["null", "zero", "full", "random", "urandom"];
const deviceLinks = [
  ["/proc/self/fd", "/dev/fd"],
  ["/proc/self/fd/0", "/dev/stdin"],
  ["/proc/self/fd/1", "/dev/stdout"],
  ["/proc/self/fd/2", "/dev/stderr"],
] as const;

/** `sourceOf` says where an unprivileged process finds a mount's source. */
export function bubblewrapArguments(
  spec: SandboxSpec,
  system: SystemView,
  sourceOf: (source: string) => string,
): BubblewrapArguments {
  const hidden = [
    ...["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"],
    ...(system.canDisableUserNamespaces ? ["--disable-userns"] : []),
    ...["--uid", String(insideUser.uid), "--gid", String(insideUser.gid), "--hostname", "localhost"],
    ...["--die-with-parent", "--new-session", "--cap-drop", "ALL"],
    ...rootTree(system),
    ...deviceTree(),
    ...(system.tmp === undefined
      ? ["--size", String(spec.tmpBytesMax), "--perms", "1777", "--tmpfs", "/tmp"]
      : ["--bind", system.tmp, "/tmp"]),
    ...mountTree(spec, sourceOf),
    ...["--remount-ro", "/dev", "--remount-ro", "/"],
    ...["--chdir", spec.cwd, "--clearenv"],
    ...Object.entries(spec.env).flatMap(([name, value]) => ["--setenv", name, value]),
  ];
  const visible = [
    ...["--args", String(descriptors.hidden), "--seccomp", String(descriptors.seccomp)],
    ...["--json-status-fd", String(descriptors.status), "--", ...spec.argv],
  ];
  return { hidden, visible };
}

function rootTree(system: SystemView): readonly string[] {
  return [
    ...system.directories.flatMap((path) => ["--ro-bind", system.root + path, path]),
    ...system.links.flatMap(({ path, to }) => ["--symlink", to, path]),
    ...(system.shell === undefined ? [] : ["--ro-bind", system.shell.source, system.shell.target]),
    ...["--ro-bind", system.etc, "/etc", "--proc", "/proc"],
    ...system.etcMounts.flatMap(({ source, target }) => ["--ro-bind", source, target]),
    ...system.maskedFiles.flatMap((path) => ["--ro-bind", "/dev/null", path]),
    ...system.maskedDirectories.flatMap((path) => ["--tmpfs", path, "--remount-ro", path]),
    ...["/var", "/var/task", "/opt"].flatMap((path) => ["--perms", "0755", "--dir", path]),
  ];
}

/** Without /dev/shm, as on AWS, and without terminals. */
function deviceTree(): readonly string[] {
  return [
    ...["--perms", "0755", "--tmpfs", "/dev"],
    ...devices.flatMap((name) => ["--dev-bind", `/dev/${name}`, `/dev/${name}`]),
    ...deviceLinks.flatMap(([to, path]) => ["--symlink", to, path]),
  ];
}

/** Outer targets first, so that an inner one lies on top of it. */
function mountTree(spec: SandboxSpec, sourceOf: (source: string) => string): readonly string[] {
  const sorted = spec.mounts.toSorted((a, b) => a.target.length - b.target.length);
  return sorted.flatMap(({ source, target }) => ["--ro-bind", sourceOf(source), target]);
}
