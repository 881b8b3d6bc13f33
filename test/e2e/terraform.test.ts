/** Terraform's first steps: apply, an empty plan, a change, an empty plan, destroy. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startTerraform } from "../harness/terraform.ts";
import { zipOf } from "../harness/zip.ts";

function program(memory: number): string {
  return `
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
    const terraform = await startTerraform(t);
    if (!terraform) return;
    writeFileSync(
      join(terraform.folder, "code.zip"),
      await zipOf({ "index.js": "exports.handler = async (event) => event;\n" }),
    );
    terraform.write(program(128));
    await terraform.run("init", "-no-color");
    await terraform.apply();
    await terraform.expectNoChange();
    assert.match(
      await terraform.run("output", "-raw", "arn"),
      /^arn:aws:lambda:us-east-1:000000000000:function:tf-echo:live$/,
    );

    terraform.write(program(256));
    await terraform.expectChange();
    await terraform.apply();
    await terraform.expectNoChange();
    await terraform.destroy();
    assert.doesNotMatch(await terraform.run("show", "-no-color"), /tf-echo/);
  },
);
