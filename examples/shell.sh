# What the examples' scripts have in common. Sourced, not run.
#
# They talk to the lambdad at AWS_ENDPOINT_URL with the AWS CLI, make everything anew under names of their own, say what
# they see, and end with an error when it is not what it should be.

export AWS_ENDPOINT_URL=${AWS_ENDPOINT_URL:-http://127.0.0.1:4566}
export AWS_ACCESS_KEY_ID=${AWS_ACCESS_KEY_ID:-test} AWS_SECRET_ACCESS_KEY=${AWS_SECRET_ACCESS_KEY:-test}
export AWS_DEFAULT_REGION=us-east-1 AWS_REGION=us-east-1 AWS_PAGER=
role=arn:aws:iam::000000000000:role/any
arn() { echo "arn:aws:$1:us-east-1:000000000000:$2"; }

# Older versions of the CLI do not read AWS_ENDPOINT_URL.
aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }

step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
fail() {
  printf 'not as it should be: %s\n' "$*" >&2
  exit 1
}

curl -sf "$AWS_ENDPOINT_URL/_lambdad/health" >/dev/null ||
  fail "no lambdad answers at $AWS_ENDPOINT_URL; start one with: npm start"

# wait_until SECONDS COMMAND…: until it succeeds.
wait_until() {
  until_second=$(($(date +%s) + $1))
  shift
  until "$@"; do
    [ "$(date +%s)" -lt $until_second ] || return 1
    sleep 0.2
  done
}

# function_of NAME RUNTIME HANDLER ZIP [OPTION…]: makes it, or gives it new code.
function_of() {
  name=$1 runtime=$2 handler=$3 zip=$4
  shift 4
  if aws lambda get-function --function-name "$name" >/dev/null 2>&1; then
    aws lambda delete-function --function-name "$name" >/dev/null
  fi
  aws lambda create-function --function-name "$name" --runtime "$runtime" --handler "$handler" --role "$role" \
    --zip-file "fileb://$zip" "$@" --query FunctionArn --output text
  aws lambda wait function-active-v2 --function-name "$name"
}

# queue_of NAME [OPTION…]: makes an empty queue, and prints its address.
queue_of() {
  name=$1
  shift
  url=$(aws sqs get-queue-url --queue-name "$name" --query QueueUrl --output text 2>/dev/null) &&
    aws sqs delete-queue --queue-url "$url"
  aws sqs create-queue --queue-name "$name" "$@" --query QueueUrl --output text
}

# messages_in URL: how many wait there.
messages_in() {
  aws sqs get-queue-attributes --queue-url "$1" --attribute-names ApproximateNumberOfMessages \
    --query Attributes.ApproximateNumberOfMessages --output text
}
holds() { [ "$(messages_in "$1")" = "$2" ]; }
