/**
 * What a sandbox starts instead of the runtime where there are external extensions: a shell that starts them, then on
 * lambdad's word the runtime, passes signals on to it, and says who has ended how. It is given to `sh -c` as it stands
 * here, with its arguments as a list, and needs nothing but a POSIX shell: dash, bash and busybox will do.
 *
 * Arguments: the directory of the pipes, the number of extensions, their paths, then the runtime's program and arguments.
 * Pipes: "orders", from which it reads one line; "report", where it writes "runtime <exit code>" and "<number of the
 * extension> <exit code>"; "0", "1", …, each for one extension's output. A death by a signal is 128 + its number.
 */
/** What extensions do not see. AWS: "Lambda extensions", environment variables that are the runtime process's. */
const runtimeOnly = [
  "AWS_EXECUTION_ENV",
  "AWS_LAMBDA_EXEC_WRAPPER",
  "AWS_LAMBDA_LOG_GROUP_NAME",
  "AWS_LAMBDA_LOG_STREAM_NAME",
  "AWS_XRAY_CONTEXT_MISSING",
  "AWS_XRAY_DAEMON_ADDRESS",
  "LAMBDA_RUNTIME_DIR",
  "LAMBDA_TASK_ROOT",
  "_AWS_XRAY_DAEMON_ADDRESS",
  "_AWS_XRAY_DAEMON_PORT",
  "_HANDLER",
  // For our bootstraps only.
  "_LAMBDA_TELEMETRY_LOG_FD",
  "_LAMBDAD_LAYER_ROOT",
  "_LAMBDAD_PACKAGES",
  "_LAMBDAD_RUNTIME_SOCKET",
];

export const supervisorScript = `
pipes=$1 count=$2
shift 2
exec 4<"$pipes/orders" 5>"$pipes/report"
# Shells say on standard error who was killed; that is nothing for the function's log.
exec 6>&2 2>/dev/null

number=0
while [ "$number" -lt "$count" ]; do
  (
    unset ${runtimeOnly.join(" ")}
    "$1" </dev/null >"$pipes/$number" 2>&1 3>&- 4<&- 5>&- 6>&-
    echo "$number $?" >&5
  ) &
  number=$((number + 1))
  shift
done

read -r _ <&4 || exit 70
signal=TERM interrupted=
pass() {
  kill -s "$signal" "$runtime"
  signal=KILL interrupted=yes
}
"$@" </dev/null 2>&6 4<&- 5>&- 6>&- &
runtime=$!
trap pass TERM
wait "$runtime"
code=$?
# A signal ends "wait" early; waiting for what has been waited for is code 127.
while [ "$interrupted" ]; do
  interrupted=
  wait "$runtime"
  again=$?
  [ "$again" = 127 ] || code=$again
done
trap '' TERM
echo "runtime $code" >&5
wait
`;
