/** Events of other services become objects: a function's destination, a delivery stream's batch. */
import { admits } from "../../events/admission.ts";
import type { Target } from "../../events/ports.ts";
import type { Buckets } from "./buckets.ts";
import { keptPolicy } from "./domain/bucket-policy.ts";
import { bucketOfArn } from "./domain/bucket-name.ts";
import { defaultAlgorithm } from "./domain/checksum.ts";
import { standard } from "./domain/object.ts";
import { accessDenied, noSuchBucket } from "./errors.ts";
import type { S3Parts } from "./parts.ts";
import { receive } from "./receiving.ts";
import { checkKey } from "./request.ts";

export function createTarget({ buckets, files, logger, objects, random, store }: S3Parts): Target {
  return {
    async deliver(arn, { body: bytes, objectKey }, ctx) {
      const bucket = await bucketAt(buckets, arn);
      const key = objectKey ?? random.uuid();
      checkKey(key);
      const { policy } = bucket.value.settings;
      const document = policy === undefined ? undefined : keptPolicy(policy);
      const owner = bucket.value.account;
      if (!admits(document, { action: "s3:PutObject", resource: `${arn}/${key}`, owner }, ctx)) {
        logger.warn("a bucket's policy lacks a permission", {
          bucket: arn,
          missing: `Allow s3:PutObject to ${ctx.principal}`,
          from: ctx.sourceArn,
        });
        throw accessDenied();
      }
      const expected = {
        claim: { algorithm: defaultAlgorithm, value: undefined, isNamed: false },
        md5: undefined,
        sizeBytes: bytes.length,
      };
      await receive(files, [bytes], expected, async ({ body, sizeBytes, etag, checksum }) =>
        objects.place(
          bucket,
          key,
          {
            headers: { "content-type": "application/json" },
            metadata: {},
            storageClass: standard,
            body,
            sizeBytes,
            etag,
            checksum: { algorithm: defaultAlgorithm, value: checksum, type: "FULL_OBJECT" },
            tags: {},
            lock: {},
          },
          {
            conditions: {},
            event: "ObjectCreated:Put",
            by: {
              requester: ctx.principal,
              requestId: random.uuid(),
              reason: "PutObject",
              ...(ctx.traceHeader !== "" && { trace: ctx.traceHeader }),
            },
            writes: body.kind === "file" ? [store.files.put([body.file], 1)] : [],
          },
        ),
      );
    },
  };
}

async function bucketAt(buckets: Buckets, arn: string) {
  const name = bucketOfArn(arn) ?? "";
  const bucket = await buckets.find(name);
  if (!bucket) throw noSuchBucket(name);
  return buckets.again(bucket);
}
