/**
 * Terraform with the AWS provider from a local mirror, against a lambdad of its own, in a folder of its own. Skips the
 * test where either is missing.
 */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { mustRun, run, works } from "./command.ts";
import type { RunningServer } from "./server.ts";
import { startServer } from "./server.ts";

export interface Terraform {
  readonly server: RunningServer;
  /** For the files that programs name: packages of code. */
  readonly folder: string;
  /** Replaces the program; the provider's part is added. */
  write(program: string): void;
  run(...args: string[]): Promise<string>;
  apply(): Promise<void>;
  /** What the state has of a resource. */
  attribute(address: string, name: string): Promise<string>;
  /** Fails unless a plan has nothing to do. */
  expectNoChange(): Promise<void>;
  expectChange(): Promise<void>;
  destroy(): Promise<void>;
}

interface State {
  readonly values: {
    readonly root_module: {
      readonly resources: readonly {
        readonly address: string;
        readonly values: Readonly<Record<string, unknown>>;
      }[];
    };
  };
}

export async function startTerraform(t: TestContext): Promise<Terraform | undefined> {
  if (!works("terraform", ["version"])) {
    t.skip("no terraform on PATH");
    return undefined;
  }
  const mirror = findMirror();
  if (!mirror) {
    t.skip("no local mirror of the AWS provider; set TF_PLUGIN_MIRROR to one");
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), "lambdad-tf-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const server = await startServer();
  t.after(() => server.stop());
  const configuration = join(folder, "mirror.tfrc");
  writeFileSync(configuration, `provider_installation {\n  filesystem_mirror { path = "${mirror}" }\n}\n`);
  const env = {
    ...server.env,
    TF_CLI_CONFIG_FILE: configuration,
    TF_IN_AUTOMATION: "1",
    CHECKPOINT_DISABLE: "1",
  };
  const options = { cwd: folder, timeoutMs: 240_000, env };
  const runs = (...args: string[]) => mustRun("terraform", args, options);

  async function expectPlan(expected: number): Promise<void> {
    const args = ["plan", "-detailed-exitcode", "-no-color"];
    const { code, stdout, stderr } = await run("terraform", args, options);
    assert.equal(code, expected, stdout + stderr);
  }

  return {
    server,
    folder,
    write: (program) => writeFileSync(join(folder, "main.tf"), provider(server.url) + program),
    run: runs,
    async apply() {
      await runs("apply", "-auto-approve", "-no-color");
    },
    async attribute(address, name) {
      const { values } = JSON.parse(await runs("show", "-json")) as State;
      const found = values.root_module.resources.find((resource) => resource.address === address);
      return String(found?.values[name]);
    },
    expectNoChange: () => expectPlan(0),
    expectChange: () => expectPlan(2),
    async destroy() {
      await runs("destroy", "-auto-approve", "-no-color");
    },
  };
}

/** A folder with a mirror of the provider: `TF_PLUGIN_MIRROR`, or one below the folders where optional software lies. */
function findMirror(): string | undefined {
  const below = (folder: string) =>
    existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  const candidates = [
    process.env["TF_PLUGIN_MIRROR"],
    ...below("/opt"),
    ...below("/usr/local/share/terraform"),
  ];
  return candidates.find(
    (folder) => folder && existsSync(join(folder, "registry.terraform.io/hashicorp/aws")),
  );
}

function provider(endpoint: string): string {
  return `
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  s3_use_path_style           = true
  endpoints {
    lambda = "${endpoint}"
    sts    = "${endpoint}"
    iam    = "${endpoint}"
    sqs    = "${endpoint}"
    s3     = "${endpoint}"
  }
}
`;
}
