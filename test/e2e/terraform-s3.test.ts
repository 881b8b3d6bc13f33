/**
 * Terraform with a bucket and what hangs on one: applied, nothing to do, changed, nothing to do, destroyed. Without lifecycle
 * rules: the provider watches those for minutes, whatever the answer.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startTerraform } from "../harness/terraform.ts";

function program(seconds: number, content: string): string {
  return `
resource "aws_s3_bucket" "b" {
  bucket        = "terraform-bucket"
  force_destroy = true
  tags          = { team = "a" }
}

resource "aws_s3_bucket_versioning" "b" {
  bucket = aws_s3_bucket.b.id
  versioning_configuration { status = "Enabled" }
}

resource "aws_s3_bucket_cors_configuration" "b" {
  bucket = aws_s3_bucket.b.id
  cors_rule {
    allowed_methods = ["GET"]
    allowed_origins = ["https://a.test"]
    max_age_seconds = ${seconds}
  }
}

resource "aws_s3_bucket_public_access_block" "b" {
  bucket                  = aws_s3_bucket.b.id
  block_public_acls       = true
  block_public_policy     = false
  ignore_public_acls      = true
  restrict_public_buckets = false
}

resource "aws_s3_bucket_policy" "b" {
  bucket = aws_s3_bucket.b.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow", Principal = "*", Action = "s3:GetObject", Resource = "\${aws_s3_bucket.b.arn}/*"
    }]
  })
  depends_on = [aws_s3_bucket_public_access_block.b]
}

resource "aws_s3_bucket_server_side_encryption_configuration" "b" {
  bucket = aws_s3_bucket.b.id
  rule {
    apply_server_side_encryption_by_default { sse_algorithm = "AES256" }
  }
}

resource "aws_s3_bucket_website_configuration" "b" {
  bucket = aws_s3_bucket.b.id
  index_document { suffix = "index.html" }
}

resource "aws_s3_bucket_notification" "b" {
  bucket      = aws_s3_bucket.b.id
  eventbridge = true
}

resource "aws_s3_object" "o" {
  bucket  = aws_s3_bucket.b.id
  key     = "dir/a.txt"
  content = "${content}"
  tags    = { kind = "text" }
}
`;
}

test("Terraform: a bucket with everything on it", async (t) => {
  if (process.env["LAMBDAD_TEST_TERRAFORM"] !== "all") {
    return t.skip("the provider waits for two minutes: LAMBDAD_TEST_TERRAFORM=all runs it");
  }
  const terraform = await startTerraform(t);
  if (!terraform) return;
  terraform.write(program(1, "one"));
  await terraform.run("init", "-input=false", "-no-color");
  await terraform.apply();
  await terraform.expectNoChange();
  const first = await terraform.attribute("aws_s3_object.o", "version_id");
  terraform.write(program(2, "two"));
  await terraform.expectChange();
  await terraform.apply();
  await terraform.expectNoChange();
  assert.notEqual(await terraform.attribute("aws_s3_object.o", "version_id"), first);
  await terraform.destroy();
});
