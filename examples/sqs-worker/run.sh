#!/bin/sh
# Ten orders, two of which nobody can work off: eight are done, two end in the dead-letter queue.
set -eu
cd "$(dirname "$0")"
. ../shell.sh

step "Two queues: what fails three times in orders goes to orders-dead"
dead=$(queue_of orders-dead)
redrive='{\"deadLetterTargetArn\":\"'$(arn sqs orders-dead)'\",\"maxReceiveCount\":\"3\"}'
orders=$(queue_of orders --attributes '{"VisibilityTimeout":"1","RedrivePolicy":"'"$redrive"'"}')
echo "$orders" "$dead"

step "A worker, and a mapping that gives it batches of up to five"
rm -f worker.zip
zip -q worker.zip index.mjs
function_of order-worker nodejs24.x index.handler worker.zip --timeout 1
aws lambda create-event-source-mapping --function-name order-worker --event-source-arn "$(arn sqs orders)" \
  --batch-size 5 --function-response-types ReportBatchItemFailures --query UUID --output text >mapping.txt

step "Ten orders, the fourth and the ninth of them nonsense"
for order in 1 2 3 4 5 6 7 8 9 10; do
  case $order in 4 | 9) euros=-1 ;; *) euros=$((order * 10)) ;; esac
  aws sqs send-message --queue-url "$orders" --message-body "{\"order\":$order,\"euros\":$euros}" \
    --query MessageId --output text
done

wait_until 60 holds "$dead" 2 || fail "two orders should be in orders-dead, there are $(messages_in "$dead")"
[ "$(messages_in "$orders")" = 0 ] || fail "the queue should be empty"

step "What the worker said"
done_orders() {
  aws logs filter-log-events --log-group-name /aws/lambda/order-worker --filter-pattern '"euros"' \
    --query 'events[].message' --output text | tr '\t' '\n' | grep -o 'order [0-9]*: .*' | sort -t' ' -k2 -n
}
eight_done() { [ "$(done_orders | wc -l)" -eq 8 ]; }
wait_until 10 eight_done || fail "eight orders should be done: $(done_orders)"
done_orders

step "In the dead-letter queue"
aws sqs receive-message --queue-url "$dead" --max-number-of-messages 10 --query 'Messages[].Body' --output text
aws lambda delete-event-source-mapping --uuid "$(cat mapping.txt)" --query State --output text >/dev/null
rm -f worker.zip mapping.txt
printf '\neight orders done, two in the dead-letter queue\n'
