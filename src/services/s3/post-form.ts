/**
 * A browser's upload by form: the fields before the file are read, the policy among them is verified, then the file
 * streams to the disk like any other body. Source: map-sqs-sns-s3 3.15.
 */
import type { Context, UploadedForm, UploadRoute, WebResponse } from "../service.ts";
import { escapeText } from "../../wire/xml.ts";
import type { Bucket } from "./buckets.ts";
import { checkWriteForm } from "./domain/conditions.ts";
import { claimOf } from "./domain/checksum.ts";
import { checkPolicy, readPolicy, sizeRange } from "./domain/post-policy.ts";
import { lockOfHeaders } from "./domain/object-lock.ts";
import { objectTags } from "./domain/tagging.ts";
import { accessDenied, entityTooLarge, entityTooSmall, invalidArgument, malformedXml } from "./errors.ts";
import { type FormFile, FormReader } from "./form-reader.ts";
import type { S3Parts } from "./parts.ts";
import { receive } from "./receiving.ts";
import { causeOf, checkKey, descriptionOf } from "./request.ts";
import type { Guard } from "./guard.ts";
import { checksumToWire, quoted } from "./to-wire.ts";
import { orMalformedXml } from "../../wire/s3-words.ts";
import { parseXml } from "../../wire/xml.ts";

type Fields = ReadonlyMap<string, string>;

export function createUpload(parts: S3Parts & { readonly guard: Guard }): UploadRoute {
  const { buckets, clock, files, guard, objects, store } = parts;
  return async (form, ctx) => {
    const bucket = await buckets.require({ Bucket: form.bucket }, ctx);
    const reader = new FormReader(form.body, ctx.http?.headers["content-type"] ?? "");
    try {
      return await take(reader, bucket, form, ctx);
    } finally {
      await reader.close();
    }
  };

  async function take(
    reader: FormReader,
    bucket: Bucket,
    form: UploadedForm,
    ctx: Context,
  ): Promise<WebResponse> {
    const { fields, file } = await reader.untilFile();
    const key = keyOf(fields, file);
    checkKey(key);
    const policy = authorised(form, fields);
    if (!policy && form.isVerified && !(await guard.isPublic(bucket, "s3:PutObject", key, ctx)))
      throw accessDenied();
    const document = policy === undefined ? undefined : readPolicy(policy);
    if (document)
      checkPolicy(document, { ...Object.fromEntries(fields), bucket: form.bucket, key }, clock.now());
    const range = document && sizeRange(document);

    const headers = headersOf(fields);
    // The request's own headers are the form's, not the file's.
    const description = descriptionOf(headers, bucket.value, { account: ctx.account });
    const conditions = { ifNoneMatch: fields.get("if-none-match") };
    checkWriteForm(conditions);
    const tagging = fields.get("tagging");
    const tags = tagging === undefined ? {} : objectTags(tagsIn(tagging));
    const lock = lockOfHeaders({}, bucket.value, clock.now());
    const claim = claimOf(checksumFields(fields), undefined);
    const expected = { claim, md5: fields.get("content-md5"), sizeBytes: undefined };
    return receive(files, withinRange(file.bytes, range), expected, async (received) => {
      await reader.end();
      const { body, sizeBytes, etag, checksum } = received;
      if (range && sizeBytes < range.min) {
        throw entityTooSmall({ ProposedSize: sizeBytes, MinSizeAllowed: range.min });
      }
      const placed = await objects.place(
        bucket,
        key,
        {
          ...description,
          ...{ body, sizeBytes, etag, tags, lock },
          checksum: { algorithm: claim.algorithm, value: checksum, type: "FULL_OBJECT" },
        },
        {
          conditions,
          event: "ObjectCreated:Post",
          by: causeOf(ctx, "POST Object"),
          writes: body.kind === "file" ? [store.files.put([body.file], 1)] : [],
        },
      );
      const sums = Object.entries(checksumToWire(placed.version)).map(([name, value]) => [
        `x-amz-checksum-${name.slice("Checksum".length).toLowerCase()}`,
        value,
      ]);
      const more = {
        ...Object.fromEntries(sums),
        ...(placed.versionId !== undefined && { "x-amz-version-id": placed.versionId }),
      } as Record<string, string>;
      return answer(fields, { bucket: form.bucket, key, etag }, ctx, more);
    });
  }
}

/** The policy, base64, once its signature is known to be right; undefined: nobody has signed. */
function authorised(form: UploadedForm, fields: Fields): string | undefined {
  const policy = fields.get("policy");
  const isNewer = [...fields.keys()].some((name) => /^x-amz-(signature|credential|algorithm)$/.test(name));
  const isOlder = !isNewer && (fields.has("awsaccesskeyid") || fields.has("signature"));
  if (policy === undefined && !isNewer && !isOlder) return undefined;
  for (const name of isOlder ? olderFields : newerFields) {
    if (fields.has(name)) continue;
    // Without signatures to verify a form may do with less.
    if (!form.isVerified && name !== "policy") continue;
    throw missingField(shownNames[name] ?? name);
  }
  if (!form.isVerified) return policy;
  const signature = fields.get(isOlder ? "signature" : "x-amz-signature") ?? "";
  const signed = isOlder
    ? { accessKey: fields.get("awsaccesskeyid") ?? "", signature }
    : { credential: fields.get("x-amz-credential") ?? "", signature };
  form.verify(policy ?? "", signed);
  return policy;
}

const newerFields = ["policy", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"];
const olderFields = ["policy", "awsaccesskeyid", "signature"];

const shownNames: Readonly<Record<string, string>> = {
  awsaccesskeyid: "AWSAccessKeyId",
  signature: "Signature",
  "x-amz-algorithm": "X-Amz-Algorithm",
  "x-amz-credential": "X-Amz-Credential",
  "x-amz-date": "X-Amz-Date",
  "x-amz-signature": "X-Amz-Signature",
};

function keyOf(fields: Fields, { fileName }: FormFile): string {
  const key = fields.get("key");
  if (key === undefined || key === "") throw missingField("key");
  return key.replaceAll("${filename}", fileName);
}

function missingField(name: string) {
  const text = `Bucket POST must contain a field named '${name}'.  If it is specified, please check the order of the fields.`;
  return invalidArgument(text, name, "");
}

function headersOf(fields: Fields) {
  const metadata = [...fields].filter(([name]) => name.startsWith("x-amz-meta-"));
  const expires = fields.get("expires");
  return {
    ACL: fields.get("acl"),
    CacheControl: fields.get("cache-control"),
    ContentDisposition: fields.get("content-disposition"),
    ContentEncoding: fields.get("content-encoding"),
    ContentLanguage: fields.get("content-language"),
    ContentType: fields.get("content-type"),
    ...(expires !== undefined && { Expires: new Date(expires) }),
    Metadata: Object.fromEntries(metadata.map(([name, value]) => [name.slice("x-amz-meta-".length), value])),
    StorageClass: fields.get("x-amz-storage-class"),
    WebsiteRedirectLocation: fields.get("x-amz-website-redirect-location"),
    ServerSideEncryption: fields.get("x-amz-server-side-encryption"),
    SSECustomerAlgorithm: fields.get("x-amz-server-side-encryption-customer-algorithm"),
    SSEKMSKeyId: fields.get("x-amz-server-side-encryption-aws-kms-key-id"),
  };
}

function checksumFields(fields: Fields): object {
  const found = [...fields].filter(
    ([name]) => name.startsWith("x-amz-checksum-") && !/-(algorithm|type|mode)$/.test(name),
  );
  return Object.fromEntries(
    found.map(([name, value]) => [`Checksum${name.slice("x-amz-checksum-".length).toUpperCase()}`, value]),
  );
}

/** `<Tagging><TagSet><Tag><Key>…` */
function tagsIn(xml: string): { Key: string | undefined; Value: string | undefined }[] {
  const set = orMalformedXml(() => parseXml(xml)).children.find(({ localName }) => localName === "TagSet");
  if (!set) throw malformedXml();
  return set.children.map(({ children }) => ({
    Key: children.find(({ localName }) => localName === "Key")?.text,
    Value: children.find(({ localName }) => localName === "Value")?.text,
  }));
}

async function* withinRange(
  bytes: AsyncIterable<Uint8Array>,
  range: { readonly max: number } | undefined,
): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of bytes) {
    size += chunk.length;
    if (range && size > range.max) throw entityTooLarge(size, range.max);
    yield chunk;
  }
}

function answer(
  fields: Fields,
  { bucket, key, etag }: { readonly bucket: string; readonly key: string; readonly etag: string },
  ctx: Context,
  more: Record<string, string>,
): WebResponse {
  const path = encodeURIComponent(key).replaceAll("%2F", "/");
  const location = `${ctx.endpoint}/${bucket}/${path}`;
  const headers = { ...more, etag: quoted(etag), location, "x-amz-server-side-encryption": "AES256" };
  const redirect = fields.get("success_action_redirect") ?? fields.get("redirect");
  if (redirect !== undefined && URL.canParse(redirect)) {
    const target = new URL(redirect);
    target.search += `${target.search === "" ? "?" : "&"}bucket=${bucket}&key=${encodeURIComponent(key)}&etag=%22${etag}%22`;
    return { status: 303, headers: { ...headers, location: target.href } };
  }
  const status = fields.get("success_action_status");
  if (status === "200") return { status: 200, headers };
  if (status !== "201") return { status: 204, headers };
  const members = { Location: location, Bucket: bucket, Key: key, ETag: quoted(etag) };
  const content = Object.entries(members).map(([name, value]) => `<${name}>${escapeText(value)}</${name}>`);
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse>${content.join("")}</PostResponse>`;
  return { status: 201, headers: { ...headers, "content-type": "application/xml" }, body };
}
