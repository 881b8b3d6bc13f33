#!/bin/sh
# A function that runs every minute, in the time zone of those who read its report.
set -eu
cd "$(dirname "$0")"
. ../shell.sh

step "A function"
rm -f cron.zip
zip -q cron.zip index.mjs
function_of reporter nodejs24.x index.handler cron.zip
rm cron.zip

step "A schedule: every minute, Zurich time; the clock's words are put into what it sends"
aws scheduler delete-schedule --name every-minute 2>/dev/null || true
begun=$(date +%s)
aws scheduler create-schedule --name every-minute --schedule-expression 'cron(* * * * ? *)' \
  --schedule-expression-timezone Europe/Zurich --flexible-time-window Mode=OFF \
  --target '{"Arn": "'"$(arn lambda function:reporter)"'", "RoleArn": "'"$role"'",
    "Input": "{\"report\": \"all is well\", \"planned\": \"<aws.scheduler.scheduled-time>\"}"}' \
  --query ScheduleArn --output text
echo "the next minute begins in $((60 - $(date +%s) % 60)) seconds"

said() {
  aws logs filter-log-events --log-group-name /aws/lambda/reporter --start-time "${begun}000" \
    --filter-pattern '"all is well"' --query 'events[].message' --output text 2>/dev/null | tr '\t' '\n'
}
has_said() { said | grep -q planned; }
wait_until 75 has_said || fail "it has not run: npx lambdad events"

step "What the function said"
said
aws scheduler delete-schedule --name every-minute
printf '\nit ran by the clock; the schedule is gone again\n'
