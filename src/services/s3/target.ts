/** Events of other services become objects: a function's destination, a delivery stream's batch. */
import type { Target } from "../../events/ports.ts";
import type { Buckets } from "./buckets.ts";
import { bucketOfArn } from "./domain/bucket-name.ts";
import { defaultAlgorithm } from "./domain/checksum.ts";
import { standard } from "./domain/object.ts";
import { accessDenied, noSuchBucket } from "./errors.ts";
import type { S3Parts } from "./parts.ts";
import { receive } from "./receiving.ts";
import { checkKey } from "./request.ts";

export function createTarget({ buckets, files, objects, random, store }: S3Parts): Target {
  return {
    async deliver(arn, { body: bytes, objectKey }, ctx) {
      const bucket = await bucketAt(buckets, arn);
      // The sender's role would decide; here everybody of one account may do everything in it.
      if (bucket.value.account !== ctx.account) throw accessDenied();
      const key = objectKey ?? random.uuid();
      checkKey(key);
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
