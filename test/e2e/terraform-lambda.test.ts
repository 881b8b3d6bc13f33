/**
 * Terraform and what hangs on a function: layers, their permissions, and the function's own. An account is named by its
 * root's ARN, as AWS shows it: for a bare number the provider plans a replacement each time, against AWS, too.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { startTerraform } from "../harness/terraform.ts";
import { zipOf } from "../harness/zip.ts";

interface Wish {
  readonly layers: string;
  readonly sourceArn: string;
  readonly principal: string;
}

function withLayers({ layers, sourceArn, principal }: Wish): string {
  return `
resource "aws_lambda_layer_version" "words" {
  layer_name               = "tf-words"
  filename                 = "words.zip"
  source_code_hash         = filebase64sha256("words.zip")
  description              = "made by Terraform"
  license_info             = "MIT"
  compatible_runtimes      = ["nodejs22.x", "nodejs20.x"]
  compatible_architectures = ["x86_64"]
}
resource "aws_lambda_layer_version" "more" {
  layer_name = "tf-more"
  filename   = "more.zip"
}
resource "aws_lambda_layer_version_permission" "shared" {
  layer_name     = aws_lambda_layer_version.words.layer_name
  version_number = aws_lambda_layer_version.words.version
  statement_id   = "shared"
  action         = "lambda:GetLayerVersion"
  principal      = "${principal}"
}
resource "aws_lambda_function" "speaker" {
  function_name    = "tf-speaker"
  role             = "arn:aws:iam::000000000000:role/any"
  runtime          = "nodejs22.x"
  handler          = "index.handler"
  filename         = "code.zip"
  source_code_hash = filebase64sha256("code.zip")
  timeout          = 20
  publish          = true
  layers           = [${layers}]
}
resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.speaker.function_name
  function_version = aws_lambda_function.speaker.version
}
resource "aws_lambda_permission" "bucket" {
  statement_id   = "bucket"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.speaker.function_name
  principal      = "s3.amazonaws.com"
  source_arn     = "${sourceArn}"
  source_account = "000000000000"
}
resource "aws_lambda_permission" "account" {
  statement_id  = "account"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.speaker.function_name
  qualifier     = aws_lambda_alias.live.name
  principal     = "arn:aws:iam::111122223333:root"
}
resource "aws_lambda_permission" "url" {
  statement_id           = "url"
  action                 = "lambda:InvokeFunctionUrl"
  function_name          = aws_lambda_function.speaker.function_name
  principal              = "*"
  function_url_auth_type = "NONE"
}
`;
}

test(
  "terraform applies, plans nothing, changes, plans nothing and destroys layers and permissions",
  { timeout: 300_000 },
  async (t) => {
    const terraform = await startTerraform(t);
    if (!terraform) return;
    const { folder, server } = terraform;
    const write = async (name: string, sources: Record<string, string>) =>
      writeFileSync(join(folder, name), await zipOf(sources));
    await write("code.zip", { "index.js": 'exports.handler = async () => require("words");\n' });
    await write("words.zip", { "nodejs/node_modules/words/index.js": 'module.exports = "words";\n' });
    await write("more.zip", { "nodejs/node_modules/words/index.js": 'module.exports = "more";\n' });
    const client = new LambdaClient({
      endpoint: server.url,
      region: "us-east-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    });
    const said = async () => {
      const { Payload } = await client.send(new InvokeCommand({ FunctionName: "tf-speaker" }));
      return Buffer.from(Payload ?? []).toString();
    };
    const words = "aws_lambda_layer_version.words.arn";
    const more = "aws_lambda_layer_version.more.arn";

    terraform.write(
      withLayers({ layers: `${words}, ${more}`, sourceArn: "arn:aws:s3:::one", principal: "111122223333" }),
    );
    await terraform.run("init", "-no-color");
    await terraform.apply();
    await terraform.expectNoChange();
    assert.equal(await said(), '"more"');

    await write("words.zip", { "nodejs/node_modules/words/index.js": 'module.exports = "new words";\n' });
    terraform.write(
      withLayers({ layers: `${more}, ${words}`, sourceArn: "arn:aws:s3:::two", principal: "*" }),
    );
    await terraform.expectChange();
    await terraform.apply();
    await terraform.expectNoChange();
    assert.equal(await said(), '"new words"');

    await terraform.destroy();
    assert.doesNotMatch(await terraform.run("show", "-no-color"), /tf-/);
  },
);
