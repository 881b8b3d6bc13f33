#!/bin/sh
# Orders on a bus: a rule sends the large ones to a function, another one all of them to a queue, in words of its own. An
# archive keeps them, and plays them again.
set -eu
cd "$(dirname "$0")"
. ../shell.sh
bus=orders

step "A bus with an archive"
for rule in large all; do
  aws events remove-targets --event-bus-name $bus --rule $rule --ids one >/dev/null 2>&1 || true
  aws events delete-rule --event-bus-name $bus --name $rule 2>/dev/null || true
done
aws events delete-archive --archive-name orders-kept 2>/dev/null || true
aws events delete-event-bus --name $bus 2>/dev/null || true
aws events create-event-bus --name $bus --query EventBusArn --output text
aws events create-archive --archive-name orders-kept --event-source-arn "$(arn events event-bus/$bus)" \
  --query ArchiveArn --output text

step "Orders of 100 euros and more go to a function"
rm -f large.zip
zip -q large.zip index.mjs
function_of large-orders nodejs24.x index.handler large.zip
rm large.zip
large=$(aws events put-rule --event-bus-name $bus --name large \
  --event-pattern '{"source":["shop"],"detail":{"euros":[{"numeric":[">=",100]}]}}' --query RuleArn --output text)
aws lambda add-permission --function-name large-orders --statement-id events --action lambda:InvokeFunction \
  --principal events.amazonaws.com --source-arn "$large" --output text >/dev/null
aws events put-targets --event-bus-name $bus --rule large \
  --targets "Id=one,Arn=$(arn lambda function:large-orders)" --query FailedEntryCount --output text

step "All go to a queue, in one line each"
all=$(aws events put-rule --event-bus-name $bus --name all --event-pattern '{"source":["shop"]}' \
  --query RuleArn --output text)
policy='{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"events.amazonaws.com\"},\"Action\":\"sqs:SendMessage\",\"Resource\":\"'$(arn sqs orders-seen)'\",\"Condition\":{\"ArnEquals\":{\"aws:SourceArn\":\"'$all'\"}}}]}'
seen=$(queue_of orders-seen --attributes '{"Policy":"'"$policy"'"}')
aws events put-targets --event-bus-name $bus --rule all --targets '[{
  "Id": "one", "Arn": "'"$(arn sqs orders-seen)"'",
  "InputTransformer": {"InputPathsMap": {"who": "$.detail.who", "euros": "$.detail.euros"},
    "InputTemplate": "\"<who> pays <euros> euros\""}
}]' --query FailedEntryCount --output text

step "Three orders"
begun=$(date +%s)
aws events put-events --query FailedEntryCount --output text --entries '[
  {"EventBusName":"orders","Source":"shop","DetailType":"Order","Detail":"{\"who\":\"Ada\",\"euros\":20}"},
  {"EventBusName":"orders","Source":"shop","DetailType":"Order","Detail":"{\"who\":\"Bob\",\"euros\":100}"},
  {"EventBusName":"orders","Source":"shop","DetailType":"Order","Detail":"{\"who\":\"Eve\",\"euros\":500}"}
]'
wait_until 20 holds "$seen" 3 || fail "the queue should have three, it has $(messages_in "$seen")"
aws sqs receive-message --queue-url "$seen" --max-number-of-messages 10 --query 'Messages[].Body' --output text |
  tr '\t' '\n'

said() {
  aws logs filter-log-events --log-group-name /aws/lambda/large-orders --start-time "${begun}000" \
    --filter-pattern "\"$1\"" --query 'events[].message' --output text 2>/dev/null | tr '\t' '\n' | grep euros
}
said_twice() { [ "$(said "$1" | wc -l)" -eq 2 ]; }
wait_until 20 said_twice live || fail "the function should have seen two orders: $(said live)"
said live

step "Once more, from the archive, for the function only"
replay=again-$begun
aws events start-replay --replay-name "$replay" --event-source-arn "$(arn events archive/orders-kept)" \
  --event-start-time "$begun" --event-end-time "$(($(date +%s) + 1))" \
  --destination "Arn=$(arn events event-bus/$bus),FilterArns=$large" --query State --output text
wait_until 60 said_twice replayed || fail "the function should have seen two orders again: $(said replayed)"
said replayed
printf '\nthree orders to the queue, two to the function, and those two once more\n'
