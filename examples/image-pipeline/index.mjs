/** Makes a thumbnail of each picture that comes into the bucket, beside it, and says so to a topic. */
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import sharp from "sharp";

const s3 = new S3Client();
const sns = new SNSClient();

export const handler = async ({ Records }) => {
  for (const { s3: where } of Records) {
    const Bucket = where.bucket.name;
    const Key = decodeURIComponent(where.object.key.replaceAll("+", " "));
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
    const { data, info } = await sharp(await Body.transformToByteArray())
      .resize(160)
      .jpeg()
      .toBuffer({ resolveWithObject: true });
    const made = Key.replace(/^uploads\//, "thumbnails/");
    await s3.send(new PutObjectCommand({ Bucket, Key: made, Body: data, ContentType: "image/jpeg" }));
    await sns.send(
      new PublishCommand({
        TopicArn: process.env.TOPIC_ARN,
        Subject: "a thumbnail",
        Message: JSON.stringify({ of: Key, is: made, width: info.width, height: info.height }),
      }),
    );
  }
};
