/**
 * What of this machine every sandbox sees: found once, when the driver starts. `/etc` is not the machine's but one that
 * lambdad writes: users and hosts of its own, and copies of what programs need (certificates, the linker's cache, names
 * of services). Keys and passwords of the machine are never among it.
 */
import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../command.ts";
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

export async function buildSystemView(options: ViewOptions): Promise<SystemView> {
  await writeEtc(options);
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

async function writeEtc({ etc, resolvers, sharesNetwork }: ViewOptions): Promise<void> {
  rmSync(etc, { recursive: true, force: true });
  mkdirSync(etc, { recursive: true, mode: 0o755 });
  await copyFromEtc(etc);
  const { name, uid, gid } = insideUser;
  const files = {
    passwd: `root:x:0:0:root:/:/sbin/nologin\n${name}:x:${uid}:${gid}::/home/${name}:/sbin/nologin\n`,
    group: `root:x:0:\n${name}:x:${gid}:\n`,
    hosts: "127.0.0.1 localhost localhost.localdomain\n",
    hostname: "localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
    "resolv.conf": sharesNetwork
      ? readOr("/etc/resolv.conf")
      : resolvers.map((server) => `nameserver ${server}\n`).join(""),
  };
  for (const [file, content] of Object.entries(files))
    writeFileSync(join(etc, file), content, { mode: 0o644 });
}

/** Some four hundred files, mostly certificates: one `cp` for all. Arguments: where to, names in /etc. */
const copyScript = `
cd /etc
to=$1
shift
exec cp -R -P -p --parents -- "$@" "$to"
`;

async function copyFromEtc(etc: string): Promise<void> {
  const there = copiedFromEtc.filter((name) => existsSync(join("/etc", name)));
  if (there.length === 0) return;
  // What cannot be copied is what sandboxes do without.
  await run("launch", ["sh", "-c", copyScript, "copy", etc, ...there]).catch(() => {});
}

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
