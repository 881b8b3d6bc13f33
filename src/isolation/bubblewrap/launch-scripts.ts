/**
 * The three fixed shell scripts on the way from lambdad to `bwrap`. Each is given to `sh -c` as it stands here, with its
 * arguments as a list: nothing of a request, a function or a configuration is ever part of the text of a script.
 */
import { sandboxesMax } from "../../limits.ts";
import { diskScript } from "./disks.ts";

/** As the scripts read them from their input: "+<argument>" each, with "-<line>" for its further lines, and ".". */
export function argumentLines(args: readonly string[]): string {
  return [...args.map((argument) => `+${argument.replaceAll("\n", "\n-")}`), ".", ""].join("\n");
}

/** Does `becomeIt`, shell, with the arguments that have been read. Exits with 71 when the input ends early. */
function readArguments(becomeIt: string): string {
  return `
line_break='
'
unset argument
while IFS= read -r line; do
  case $line in
    n*) ulimit -n "\${line#n}" ;;
    -*) argument=$argument$line_break\${line#-} ;;
    *)
      if [ -n "\${argument+given}" ]; then set -- "$@" "$argument"; fi
      if [ "$line" = . ]; then ${becomeIt}; fi
      argument=\${line#+}
      ;;
  esac
done
exit 71
`;
}

/**
 * The launcher (`launcher.ts`): for each line of its input, names of pipes, a process that takes them as its descriptors 0,
 * 1, 2, 3, 4, 6 and, if it is named, 7, says on 6 who it is, and becomes what it is told on 0. It ends with its input, so that a
 * signal to all of lambdad's processes does not end functions before lambdad has; but neither that nor what a shell makes
 * ignore what it puts into the background is for functions.
 * The end of a child interrupts dash's reading, which looks like the end of the input then. Since each child ends once, and no
 * more than 2,000 of them are alive, more interruptions than that in a row are the end of the input.
 * Argument: the file of the filter, descriptor 5. It works in the pipes' directory.
 */
export const launcherScript = `
filter=$1
trap '' HUP INT TERM
launch() {
  exec <"$1" >"$2" 2>"$3" 3>"$4" 4<"$5" 5<"$filter" 6>"$6"
  if [ -n "\${7-}" ]; then exec 7<"$7"; fi
  cd /
  read -r pid rest </proc/self/stat
  echo '{"pid":'"$pid"'}' >&6
  set --
  ${readArguments('exec env --default-signal=HUP,INT,QUIT,TERM -- "$@"')}
}
line= interruptions=0
while [ $interruptions -le ${2 * sandboxesMax} ]; do
  if IFS= read -r part; then
    launch $line$part &
    line= interruptions=0
  else
    jobs >/dev/null # buries them
    line=$line$part
    interruptions=$((interruptions + 1))
    if [ -n "$part" ]; then interruptions=0; fi
  fi
done
`;

/**
 * As root, in new network and mount namespaces that `unshare` made and only this process holds. Joins control groups,
 * builds the link, mounts the disk, and becomes what stands behind "--".
 * Arguments: lambdad's pid, batch for `ip` in here, batch for `ip` at lambdad's, rules for `nft` in here, image of the disk,
 * the empty one, where to mount it, cgroup.procs files, "--", program …
 */
export const prepareScript = `
set -eu
lambdad=$1 inside=$2 outside=$3 loopback=$4 image=$5 template=$6 tmp=$7
shift 7
while [ "$1" != -- ]; do
  echo 0 >"$1"
  shift
done
shift
if [ -n "$inside" ]; then
  for scope in all default; do
    if [ -e /proc/sys/net/ipv6/conf/$scope/disable_ipv6 ]; then
      echo 1 >/proc/sys/net/ipv6/conf/$scope/disable_ipv6
    fi
  done
  printf %s "$inside" | ip -batch -
  printf %s "$outside" | nsenter --net=/proc/$lambdad/ns/net ip -batch -
fi
if [ -n "$loopback" ]; then
  echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet
  printf %s "$loopback" | nft -f -
fi
if [ -n "$image" ]; then
${diskScript}
fi
exec "$@"
`;

/**
 * As the sandbox's unprivileged user, already bound to die with lambdad. Says that it is ready, waits for its arguments
 * line by line, and becomes \`bwrap\`. Lambdad's death before the last line ends the input, and with it this script.
 * A crash of the launcher before the death signal was armed shows in the parent.
 * The limits are AWS's (lambda-map 4.2); open files come with the spec. A shell's option for processes is -p or -u.
 * Arguments: the launcher's pid, path of bwrap, most processes of the user ("": any number). Input: "n<open files>" and
 * `argumentLines`.
 */
export const launchScript = `
[ "$PPID" = "$1" ] || exit 70
bwrap=$2 processes=$3
shift 3
ulimit -c 0 && ulimit -l 64 && ulimit -S -s 8192 || exit 72
if [ -n "$processes" ]; then ulimit -p "$processes" 2>/dev/null || ulimit -u "$processes" || exit 72; fi
echo '{"ready":true}' >&6
${readArguments('exec "$bwrap" "$@" </dev/null')}`;
