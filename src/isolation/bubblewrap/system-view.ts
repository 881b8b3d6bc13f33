/**
 * What of this machine every sandbox sees: found once, when the driver starts. `/etc` is not the machine's but one that
 * lambdad writes: users and hosts of its own, and copies of what programs need (certificates, the linker's cache, names
 * of services). Keys and passwords of the machine are never among it.
 */
import { cpSync, existsSync, lstatSync, mkdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { insideUser, type SystemView } from "./arguments.ts";

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

const copiedFromEtc = [
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
  readonly resolvers: readonly string[];
  /** /etc/resolv.conf as it is, where the network is shared with the machine. */
  readonly sharesNetwork: boolean;
  readonly canDisableUserNamespaces: boolean;
}

export function buildSystemView(options: ViewOptions): SystemView {
  writeEtc(options);
  const present = systemDirectories.filter((path) => existsSync(path));
  const isLink = (path: string) => lstatSync(path).isSymbolicLink();
  return {
    directories: present.filter((path) => !isLink(path)),
    links: present.filter(isLink).map((path) => ({ path, to: readlinkSync(path) })),
    etc: options.etc,
    maskedFiles: procFiles.map((name) => `/proc/${name}`).filter((path) => existsSync(path)),
    maskedDirectories: procDirectories.map((name) => `/proc/${name}`).filter((path) => existsSync(path)),
    canDisableUserNamespaces: options.canDisableUserNamespaces,
  };
}

function writeEtc({ etc, resolvers, sharesNetwork }: ViewOptions): void {
  rmSync(etc, { recursive: true, force: true });
  mkdirSync(etc, { recursive: true, mode: 0o755 });
  for (const name of copiedFromEtc) copyIfThere(join("/etc", name), join(etc, name));
  const { name, uid, gid } = insideUser;
  const files = {
    passwd: `root:x:0:0:root:/:/sbin/nologin\n${name}:x:${uid}:${gid}::/home/${name}:/sbin/nologin\n`,
    group: `root:x:0:\n${name}:x:${gid}:\n`,
    hosts: "127.0.0.1 localhost localhost.localdomain\n",
    hostname: "localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
    "resolv.conf": resolvers.map((server) => `nameserver ${server}\n`).join(""),
  };
  for (const [file, content] of Object.entries(files))
    writeFileSync(join(etc, file), content, { mode: 0o644 });
  if (sharesNetwork) copyIfThere("/etc/resolv.conf", join(etc, "resolv.conf"));
}

/** A file that cannot be copied is one that sandboxes do without. */
function copyIfThere(from: string, to: string): void {
  try {
    mkdirSync(dirname(to), { recursive: true, mode: 0o755 });
    cpSync(from, to, { recursive: true, verbatimSymlinks: true, dereference: from === "/etc/resolv.conf" });
  } catch {
    // what sandboxes do without
  }
}
