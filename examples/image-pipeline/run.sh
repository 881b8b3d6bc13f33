#!/bin/sh
# A picture goes to S3; S3 tells a function; it puts a thumbnail beside it and publishes that to a topic.
set -eu
cd "$(dirname "$0")"
. ../shell.sh
bucket=pictures
key="uploads/a bridge.jpg"

step "The function, with its native dependency"
npm install --omit=dev --no-audit --no-fund --no-package-lock --silent
rm -f pipeline.zip
zip -q -r -y pipeline.zip index.mjs package.json node_modules

step "A bucket, a topic, and a queue that hears what the topic is told"
if aws s3api head-bucket --bucket $bucket 2>/dev/null; then
  aws s3 rm "s3://$bucket" --recursive >/dev/null
else
  aws s3api create-bucket --bucket $bucket --query Location --output text
fi
topic=$(aws sns create-topic --name thumbnails --query TopicArn --output text)
policy='{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"sns.amazonaws.com\"},\"Action\":\"sqs:SendMessage\",\"Resource\":\"'$(arn sqs thumbnails-heard)'\",\"Condition\":{\"ArnEquals\":{\"aws:SourceArn\":\"'$topic'\"}}}]}'
heard=$(queue_of thumbnails-heard --attributes '{"Policy":"'"$policy"'"}')
aws sns subscribe --topic-arn "$topic" --protocol sqs --notification-endpoint "$(arn sqs thumbnails-heard)" \
  --attributes RawMessageDelivery=true --query SubscriptionArn --output text

step "S3 may invoke the function, and is told to for what comes to uploads/"
function_of thumbnailer nodejs24.x index.handler pipeline.zip --memory-size 512 --timeout 30 \
  --environment "Variables={TOPIC_ARN=$topic}"
aws lambda add-permission --function-name thumbnailer --statement-id s3 --action lambda:InvokeFunction \
  --principal s3.amazonaws.com --source-arn "arn:aws:s3:::$bucket" --source-account 000000000000 --output text >/dev/null
aws s3api put-bucket-notification-configuration --bucket $bucket --notification-configuration '{
  "LambdaFunctionConfigurations": [{
    "LambdaFunctionArn": "'"$(arn lambda function:thumbnailer)"'", "Events": ["s3:ObjectCreated:*"],
    "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "uploads/"}]}}
  }]
}'

step "A picture of 640 by 480 goes up"
node -e 'process.stdout.write(Buffer.from(require("../thumbnail/event.json").image, "base64"))' >photo.jpg
aws s3 cp photo.jpg "s3://$bucket/$key" --no-progress

there() { aws s3api head-object --bucket $bucket --key "thumbnails/a bridge.jpg" >/dev/null 2>&1; }
wait_until 30 there || fail "no thumbnail came: npx lambdad logs thumbnailer"
wait_until 10 holds "$heard" 1 || fail "the topic was not told"

step "What is in the bucket, and what the topic was told"
aws s3 ls "s3://$bucket" --recursive
told=$(aws sqs receive-message --queue-url "$heard" --query 'Messages[0].Body' --output text)
echo "$told"
aws s3 cp "s3://$bucket/thumbnails/a bridge.jpg" thumbnail.jpg --no-progress >/dev/null
[ "$told" = '{"of":"uploads/a bridge.jpg","is":"thumbnails/a bridge.jpg","width":160,"height":120}' ] ||
  fail "the topic was told something else"
[ "$(od -An -tx1 -N3 thumbnail.jpg)" = " ff d8 ff" ] || fail "the thumbnail is no JPEG"
printf '\nthe thumbnail is examples/image-pipeline/thumbnail.jpg\n'
