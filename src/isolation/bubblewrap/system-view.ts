/**
 * What of this machine every sandbox sees: found once, when the driver starts. `/etc` is not the machine's but one that
 * lambdad writes: users and hosts of its own, copies of files that programs need (the linker's cache, names of services),
 * and places for directories of the machine's (certificates). Keys and passwords of the machine are never among it.
 */
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { insideUser, type SystemView } from "./arguments.ts";
import { hosts } from "./own-name.ts";

const systemDirectories = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/** Docker's list of what a container must not read in /proc, as far as a plain user could. */
const procFiles = [
  "interrupts",
  "kcore",
  "keys",
  "latency_stats",
  "sched_debug",
  "timer_list",
  "timer_stats",
];
const procDirectories = ["acpi", "asound", "scsi"];

/** Files and links are copied, directories shown: hundreds of certificates would take longer than all else. */
const takenFromEtc = [
  ...[
    "alternatives",
    "ca-certificates.conf",
    "crypto-policies",
    "gai.conf",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
  ],
  ...[
    "localtime",
    "mime.types",
    "pki/ca-trust/extracted",
    "pki/tls/cert.pem",
    "pki/tls/certs",
    "pki/tls/openssl.cnf",
  ],
  ...["protocols", "services", "ssl/cert.pem", "ssl/certs", "ssl/openssl.cnf", "timezone"],
];

export interface ViewOptions {
  /** Where to write /etc. */
  readonly etc: string;
  /** What sandboxes have as /tmp, each slot its own; undefined: memory. */
  readonly tmp: string | undefined;
  readonly resolvers: readonly string[];
  /** /etc/resolv.conf as it is, where the network is shared with the machine. */
  readonly sharesNetwork: boolean;
  readonly canDisableUserNamespaces: boolean;
}

export function buildSystemView(options: ViewOptions): SystemView {
  const etcDirectories = writeEtc(options);
  return {
    ...tree(""),
    etc: options.etc,
    tmp: options.tmp,
    etcMounts: etcDirectories.map((path) => ({ source: path, target: path })),
    maskedFiles: procFiles.map((name) => `/proc/${name}`).filter((path) => existsSync(path)),
    maskedDirectories: procDirectories.map((name) => `/proc/${name}`).filter((path) => existsSync(path)),
    canDisableUserNamespaces: options.canDisableUserNamespaces,
  };
}

/** The same for a sandbox that lives in a root file system of its own, `root` being where bubblewrap finds it. */
export function systemViewIn(root: string, machine: SystemView): SystemView {
  const etcMounts = writtenFiles.map((name) => ({ source: join(machine.etc, name), target: `/etc/${name}` }));
  return { ...machine, ...tree(root), etc: join(root, "etc"), etcMounts };
}

function tree(root: string): Pick<SystemView, "root" | "directories" | "links" | "shell"> {
  const present = systemDirectories.filter((path) => existsSync(root + path));
  const isLink = (path: string) => lstatSync(root + path).isSymbolicLink();
  return {
    root,
    directories: present.filter((path) => !isLink(path)),
    links: present.filter(isLink).map((path) => ({ path, to: readlinkSync(root + path) })),
    shell: bashAsShell(root),
  };
}

/** Where /bin/sh is Debian's dash; what other links lead to may be more than a shell. */
function bashAsShell(root: string): SystemView["shell"] {
  try {
    const [shell, bash] = [realpathSync(`${root}/bin/sh`), realpathSync(`${root}/bin/bash`)];
    const isInside = shell.startsWith(`${root}/`) && bash.startsWith(`${root}/`);
    return isInside && basename(shell) === "dash"
      ? { source: bash, target: shell.slice(root.length) }
      : undefined;
  } catch {
    return undefined;
  }
}

/** What lambdad writes itself: a root file system has these files too, for its sandboxes to be shown ours instead. */
export const writtenFiles = ["passwd", "group", "hosts", "hostname", "nsswitch.conf", "resolv.conf"] as const;

/** Answers the directories of the machine that are to be shown in it. */
function writeEtc({ etc, resolvers, sharesNetwork }: ViewOptions): readonly string[] {
  rmSync(etc, { recursive: true, force: true });
  mkdirSync(etc, { recursive: true, mode: 0o755 });
  const directories = [...takenFromEtc, ...javaSettings()].filter((path) =>
    takeFromEtc(join("/etc", path), join(etc, path)),
  );
  const { name, uid, gid } = insideUser;
  const files: Record<(typeof writtenFiles)[number], string> = {
    passwd: `root:x:0:0:root:/:/sbin/nologin\n${name}:x:${uid}:${gid}::/home/${name}:/sbin/nologin\n`,
    group: `root:x:0:\n${name}:x:${gid}:\n`,
    hosts: hosts("127.0.0.1"),
    hostname: "localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
    "resolv.conf": sharesNetwork
      ? readOr("/etc/resolv.conf")
      : resolvers.map((server) => `nameserver ${server}\n`).join(""),
  };
  for (const [file, content] of Object.entries(files))
    writeFileSync(join(etc, file), content, { mode: 0o644 });
  return directories.map((path) => join("/etc", path));
}

/** Debian's Java has its settings here. What is for managing it from outside may hold passwords. */
function javaSettings(): readonly string[] {
  const packages = readdirSync("/etc").filter((name) => /^java-\d+-openjdk$/.test(name));
  const paths = packages.flatMap((name) => readdirSync(join("/etc", name)).map((file) => join(name, file)));
  return paths.filter((path) => basename(path) !== "management");
}

/** True for a directory, of which only the place is made. What cannot be taken is what sandboxes do without. */
function takeFromEtc(from: string, to: string): boolean {
  try {
    const entry = lstatSync(from);
    mkdirSync(dirname(to), { recursive: true, mode: 0o755 });
    if (entry.isSymbolicLink()) symlinkSync(readlinkSync(from), to);
    else if (entry.isFile()) copyFileSync(from, to);
    else if (entry.isDirectory() && othersRead(from)) mkdirSync(to, { recursive: true, mode: 0o755 });
    else return false;
    return entry.isDirectory();
  } catch {
    return false;
  }
}

const othersEnter = 0o001;
const othersList = 0o005;

/** As the unprivileged user who will show it has to. */
function othersRead(directory: string): boolean {
  if ((statSync(directory).mode & othersList) !== othersList) return false;
  for (let above = dirname(directory); above !== "/"; above = dirname(above)) {
    if ((statSync(above).mode & othersEnter) === 0) return false;
  }
  return true;
}

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
