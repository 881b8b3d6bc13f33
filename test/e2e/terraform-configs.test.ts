/**
 * Terraform with everything that hangs on a function beside its code: applied, nothing to do, changed, nothing to do,
 * imported, destroyed.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startTerraform } from "../harness/terraform.ts";
import { zipOf } from "../harness/zip.ts";

interface Values {
  readonly memory: number;
  readonly weight: number;
  readonly authType: string;
  readonly retries: number;
  readonly provisioned: number;
  readonly policy: string;
  readonly updateRuntimeOn: string;
  readonly recursion: string;
  readonly logLevel: string;
  readonly batchSize: number;
  readonly deadLetters: string;
}

const before: Values = {
  memory: 128,
  weight: 0.25,
  authType: "NONE",
  retries: 1,
  provisioned: 1,
  policy: "Warn",
  updateRuntimeOn: "FunctionUpdate",
  recursion: "Allow",
  logLevel: "DEBUG",
  batchSize: 5,
  deadLetters: "corpses",
};

const after: Values = {
  memory: 192,
  weight: 0.5,
  authType: "AWS_IAM",
  retries: 0,
  provisioned: 2,
  policy: "Enforce",
  updateRuntimeOn: "Auto",
  recursion: "Terminate",
  logLevel: "WARN",
  batchSize: 7,
  deadLetters: "jobs",
};

/** `Enforce` would refuse the function's own code, so its configuration stands alone. */
function program(values: Values): string {
  return `
resource "aws_lambda_code_signing_config" "lenient" {
  description = "lets everything pass"
  allowed_publishers {
    signing_profile_version_arns = ["arn:aws:signer:us-east-1:000000000000:/signing-profiles/mine/0123456789"]
  }
  policies { untrusted_artifact_on_deployment = "Warn" }
  tags = { team = "control" }
}
resource "aws_lambda_code_signing_config" "alone" {
  allowed_publishers {
    signing_profile_version_arns = ["arn:aws:signer:us-east-1:000000000000:/signing-profiles/mine/0123456789"]
  }
  policies { untrusted_artifact_on_deployment = "${values.policy}" }
}
resource "aws_sqs_queue" "jobs" {
  name                       = "tf-jobs"
  visibility_timeout_seconds = 30
}
resource "aws_sqs_queue" "corpses" {
  name = "tf-corpses"
}
resource "aws_lambda_event_source_mapping" "jobs" {
  event_source_arn        = aws_sqs_queue.jobs.arn
  function_name           = aws_lambda_function.all.arn
  batch_size              = ${values.batchSize}
  function_response_types = ["ReportBatchItemFailures"]
  filter_criteria {
    filter { pattern = jsonencode({ body = { kind = ["thumb"] } }) }
  }
  scaling_config { maximum_concurrency = 2 }
  tags = { team = "control" }
}
resource "aws_lambda_function" "sink" {
  function_name = "tf-sink"
  role          = "arn:aws:iam::000000000000:role/any"
  runtime       = "nodejs22.x"
  handler       = "index.handler"
  filename      = "code.zip"
}
resource "aws_lambda_function" "all" {
  function_name                  = "tf-all"
  role                           = "arn:aws:iam::000000000000:role/any"
  runtime                        = "nodejs22.x"
  handler                        = "index.handler"
  filename                       = "code.zip"
  source_code_hash               = filebase64sha256("code.zip")
  code_signing_config_arn        = aws_lambda_code_signing_config.lenient.arn
  memory_size                    = ${values.memory}
  timeout                        = 10
  publish                        = true
  description                    = "with many arguments"
  package_type                   = "Zip"
  reserved_concurrent_executions = 20
  environment {
    variables = { STAGE = "test" }
  }
  ephemeral_storage { size = 1024 }
  dead_letter_config { target_arn = aws_sqs_queue.${values.deadLetters}.arn }
  tracing_config { mode = "Active" }
  logging_config {
    log_format            = "JSON"
    log_group             = "/tf/all"
    application_log_level = "${values.logLevel}"
    system_log_level      = "WARN"
  }
  tags = { team = "control" }
}
resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.all.function_name
  function_version = "1"
}
resource "aws_lambda_alias" "weighted" {
  name             = "weighted"
  function_name    = aws_lambda_function.all.function_name
  function_version = "1"
${
  values === before
    ? ""
    : `  routing_config { additional_version_weights = { "2" = ${values.weight} } }
  depends_on = [aws_lambda_function.all]`
}
}
resource "aws_lambda_function_url" "plain" {
  function_name      = aws_lambda_function.all.function_name
  authorization_type = "${values.authType}"
}
resource "aws_lambda_function_url" "live" {
  function_name      = aws_lambda_function.all.function_name
  qualifier          = aws_lambda_alias.live.name
  authorization_type = "NONE"
  invoke_mode        = "BUFFERED"
  cors {
    allow_credentials = true
    allow_origins     = ["https://example.com"]
    allow_methods     = ["GET", "POST"]
    allow_headers     = ["x-one"]
    expose_headers    = ["x-two"]
    max_age           = 60
  }
}
resource "aws_lambda_function_event_invoke_config" "live" {
  function_name                = aws_lambda_function.all.function_name
  qualifier                    = aws_lambda_alias.live.name
  maximum_retry_attempts       = ${values.retries}
  maximum_event_age_in_seconds = 120
  destination_config {
    on_failure { destination = aws_lambda_function.sink.arn }
  }
}
resource "aws_lambda_provisioned_concurrency_config" "live" {
  function_name                     = aws_lambda_function.all.function_name
  qualifier                         = aws_lambda_alias.live.name
  provisioned_concurrent_executions = ${values.provisioned}
}
resource "aws_lambda_runtime_management_config" "latest" {
  function_name     = aws_lambda_function.all.function_name
  qualifier         = "$LATEST"
  update_runtime_on = "${values.updateRuntimeOn}"
}
resource "aws_lambda_function_recursion_config" "all" {
  function_name  = aws_lambda_function.all.function_name
  recursive_loop = "${values.recursion}"
}
`;
}

const imports: readonly (readonly [address: string, id: string])[] = [
  ["aws_lambda_function_url.live", "tf-all/live"],
  ["aws_lambda_function_event_invoke_config.live", "tf-all:live"],
  ["aws_lambda_provisioned_concurrency_config.live", "tf-all,live"],
  ["aws_lambda_alias.weighted", "tf-all/weighted"],
  ["aws_lambda_function_recursion_config.all", "tf-all"],
  ["aws_lambda_runtime_management_config.latest", "tf-all,$LATEST"],
];

test(
  "terraform applies, plans nothing, changes, plans nothing, imports and destroys every setting of a function",
  { timeout: 600_000 },
  async (t) => {
    const terraform = await startTerraform(t);
    if (!terraform) return;
    const code = await zipOf({ "index.js": "exports.handler = async (event) => event;\n" });
    writeFileSync(join(terraform.folder, "code.zip"), code);

    terraform.write(program(before));
    await terraform.run("init", "-no-color");
    await terraform.apply();
    await terraform.expectNoChange();

    terraform.write(program(after));
    await terraform.expectChange();
    await terraform.apply();
    await terraform.expectNoChange();

    const mapping = "aws_lambda_event_source_mapping.jobs";
    const uuid = await terraform.attribute(mapping, "uuid");
    for (const [address, id] of [...imports, [mapping, uuid] as const]) {
      await terraform.run("state", "rm", address);
      await terraform.run("import", "-no-color", address, id);
    }
    await terraform.expectNoChange();

    await terraform.destroy();
    assert.doesNotMatch(await terraform.run("show", "-no-color"), /tf-all/);
  },
);
