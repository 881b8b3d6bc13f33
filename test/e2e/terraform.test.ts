/** Terraform with the AWS provider, from a local mirror: apply, an empty plan, a change, an empty plan, destroy. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { mustRun, run, works } from "../harness/command.ts";
import { startServer } from "../harness/server.ts";
import { zipOf } from "../harness/zip.ts";

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

function program(endpoint: string, memory: number): string {
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
  endpoints {
    lambda = "${endpoint}"
    sts    = "${endpoint}"
    iam    = "${endpoint}"
  }
}
resource "aws_lambda_function" "echo" {
  function_name    = "tf-echo"
  role             = "arn:aws:iam::000000000000:role/any"
  runtime          = "nodejs22.x"
  handler          = "index.handler"
  filename         = "code.zip"
  source_code_hash = filebase64sha256("code.zip")
  memory_size      = ${memory}
  timeout          = 10
  publish          = true
  description      = "made by Terraform"
  environment {
    variables = { STAGE = "test" }
  }
  ephemeral_storage { size = 1024 }
  tags = { team = "spine" }
}
resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.echo.function_name
  function_version = aws_lambda_function.echo.version
}
output "arn" { value = aws_lambda_alias.live.arn }
`;
}

test(
  "terraform applies, plans nothing, changes, plans nothing and destroys a function with an alias",
  { timeout: 300_000 },
  async (t) => {
    if (!works("terraform", ["version"])) return t.skip("no terraform on PATH");
    const mirror = findMirror();
    if (!mirror) return t.skip("no local mirror of the AWS provider; set TF_PLUGIN_MIRROR to one");
    const folder = mkdtempSync(join(tmpdir(), "lambdad-tf-"));
    const server = await startServer();
    try {
      writeFileSync(
        join(folder, "code.zip"),
        await zipOf({ "index.js": "exports.handler = async (event) => event;\n" }),
      );
      writeFileSync(
        join(folder, "mirror.tfrc"),
        `provider_installation {\n  filesystem_mirror { path = "${mirror}" }\n}\n`,
      );
      const options = {
        cwd: folder,
        timeoutMs: 240_000,
        env: {
          ...server.env,
          TF_CLI_CONFIG_FILE: join(folder, "mirror.tfrc"),
          TF_IN_AUTOMATION: "1",
          CHECKPOINT_DISABLE: "1",
        },
      };
      const terraform = (...args: string[]) => mustRun("terraform", args, options);
      /** 0: nothing to do, 2: there is. */
      const plan = async () => {
        const { code, stdout, stderr } = await run(
          "terraform",
          ["plan", "-detailed-exitcode", "-no-color"],
          options,
        );
        assert([0, 2].includes(code), stderr);
        return { isEmpty: code === 0, stdout };
      };

      writeFileSync(join(folder, "main.tf"), program(server.url, 128));
      await terraform("init", "-no-color");
      await terraform("apply", "-auto-approve", "-no-color");
      const afterApply = await plan();
      assert.equal(afterApply.isEmpty, true, afterApply.stdout);
      assert.match(
        await terraform("output", "-raw", "arn"),
        /^arn:aws:lambda:us-east-1:000000000000:function:tf-echo:live$/,
      );

      writeFileSync(join(folder, "main.tf"), program(server.url, 256));
      assert.equal((await plan()).isEmpty, false);
      await terraform("apply", "-auto-approve", "-no-color");
      const afterChange = await plan();
      assert.equal(afterChange.isEmpty, true, afterChange.stdout);
      await terraform("destroy", "-auto-approve", "-no-color");
      assert.doesNotMatch(await terraform("show", "-no-color"), /tf-echo/);
    } finally {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
