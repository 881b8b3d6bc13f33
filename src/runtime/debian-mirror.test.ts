import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { debianMirror } from "./debian-mirror.ts";

const fallback = "http://deb.debian.org/debian";

const machines: Readonly<
  Record<string, { readonly files: Readonly<Record<string, string>>; readonly mirror: string }>
> = {
  "no apt": { files: {}, mirror: fallback },
  "one line": {
    files: { "sources.list": "deb http://mirror.example/debian bookworm main\n" },
    mirror: "http://mirror.example/debian",
  },
  "options, comments and sources": {
    files: {
      "sources.list": `
# deb http://commented.example/debian bookworm main
deb-src http://sources.example/debian bookworm main
 deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] https://mirror.example/debian/ bookworm main`,
    },
    mirror: "https://mirror.example/debian",
  },
  "security updates and others' packages": {
    files: {
      "sources.list":
        "deb http://a.example/debian-security bookworm-security main\ndeb https://b.example/node_20.x nodistro main\n",
    },
    mirror: fallback,
  },
  "stanzas, of which some are off": {
    files: {
      "sources.list.d/a.sources": `Types: deb
URIs: http://off.example/debian
Suites: bookworm
Enabled: no

Types: deb-src
URIs: http://sources.example/debian
Suites: bookworm

# URIs: http://commented.example/debian
Types: deb deb-src
URIs:
 https://first.example/ubuntu
 https://second.example/debian
Suites: bookworm bookworm-updates
Components: main
`,
    },
    mirror: "https://second.example/debian",
  },
  "the list goes before the folder": {
    files: {
      "sources.list.d/a.list": "deb http://second.example/debian bookworm main\n",
      "sources.list": "deb http://first.example/debian bookworm main\n",
    },
    mirror: "http://first.example/debian",
  },
  "a list of mirrors is not one": {
    files: { "sources.list": "deb mirror+file:/etc/apt/mirrors/debian bookworm main\n" },
    mirror: fallback,
  },
};

for (const [name, { files, mirror }] of Object.entries(machines)) {
  test(`Debian's mirror is the one that apt uses: ${name}`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "lambdad-apt-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    assert.equal(await debianMirror(folder), mirror);
  });
}
