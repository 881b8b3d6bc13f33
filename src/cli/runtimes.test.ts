import assert from "node:assert/strict";
import { test } from "node:test";
import { RuntimeUnavailable, type RuntimeEntry } from "../runtime/contract.ts";
import { installRuntime } from "./runtimes.ts";

const entries: readonly RuntimeEntry[] = [
  { id: "java21", status: "installable", description: "Java 21", hint: "Install it so." },
  { id: "python3.12", status: "ready", description: "Python 3.12.1 at /usr/bin/python3.12", hint: undefined },
  { id: "nodejs22.x", status: "fetchable", description: "Node.js 22", hint: "It is fetched when needed." },
  { id: "dotnet8", status: "missing", description: ".NET", hint: "It brings itself." },
];

test("what cannot be installed is refused with the other way to it", async () => {
  const roots = {
    installed: async () => undefined,
    install: () => Promise.reject(new RuntimeUnavailable("No root file system.")),
  };
  const table: Readonly<Record<string, string>> = {
    java21: "No root file system.",
    "python3.12":
      "No root file system.\npython3.12 needs none: it is ready (Python 3.12.1 at /usr/bin/python3.12).",
    "nodejs22.x": "No root file system.\nIt is fetched when needed.",
    dotnet8: "No root file system.\nIt brings itself.",
    cobol: "No root file system.\ncobol is not a runtime identifier of AWS Lambda: lambdad runtimes --all",
  };
  for (const [id, message] of Object.entries(table)) {
    await assert.rejects(installRuntime(roots, { list: async () => entries }, id), { message });
  }
});
