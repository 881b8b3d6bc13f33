/**
 * Attempts to get out of a sandbox, as programs for Python's standard library. Each prints "ESCAPED …" if it got what it
 * wanted, and otherwise one line that says what stopped it. `isPossibleOutside` marks those that do succeed for a plain
 * process of root's: the test runs them there too, which proves that the attempt is a real one. Part of the tests only.
 */

export interface Attack {
  /** What it attempts, as the end of "a sandbox cannot …". */
  readonly name: string;
  /** What stopped it. */
  readonly refusal: RegExp;
  readonly isPossibleOutside?: true;
  /** Python; `attempt(f)` prints what `f` returned or raised. Parameters are environment variables. */
  readonly program: string;
}

/** Common beginning of all programs. */
export const prelude = `
import ctypes, errno, os, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
E = os.environ
def attempt(f):
    try:
        got = f()
    except OSError as e:
        print('refused', errno.errorcode.get(e.errno, e.errno) if e.errno else e)
        return
    print('ESCAPED', got) if got else print('refused nothing')
def call(number, *args):
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in args])
    if result < 0:
        e = ctypes.get_errno()
        raise OSError(e, os.strerror(e))
    return 'result %d' % result
def connect(host, port):
    s = socket.create_connection((host, int(port)), timeout=1)
    return s.recv(100)
def everywhere(name, wanted):
    for pid in os.listdir('/proc'):
        if pid.isdigit() and int(pid) != os.getpid():
            try:
                if wanted in open('/proc/%s/%s' % (pid, name), 'rb').read():
                    return 'found in process ' + pid
            except OSError:
                pass
`;

const refusedCall = /^refused (EPERM|ENOSYS)$/;
const absent = /^refused (ENOENT|ENOTDIR)$/;
const unreachable = /^refused (timed out|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT)$/;

export const attacks: readonly Attack[] = [
  // Files
  {
    name: "read another's code where it lies on the machine",
    program: "attempt(lambda: open(E['VICTIM_CODE'] + '/secret').read())",
    refusal: absent,
    isPossibleOutside: true,
  },
  {
    name: "read another's code through /proc",
    program: "attempt(lambda: os.listdir('/proc/%s/root' % E['VICTIM_PID']))",
    refusal: absent,
    isPossibleOutside: true,
  },
  {
    name: "read another's /tmp",
    program: "attempt(lambda: open('/tmp/' + E['VICTIM_FILE']).read())",
    refusal: absent,
  },
  {
    name: "list the home of root, of users, or lambdad's data",
    program:
      "attempt(lambda: [p for p in ('/root', '/home', '/run', '/sys', '/boot', '/srv', E['HOST_DIR']) if os.path.exists(p)])",
    refusal: /^refused nothing$/,
    isPossibleOutside: true,
  },
  {
    name: "read the machine's passwords",
    program: "attempt(lambda: open('/etc/shadow').read())",
    refusal: absent,
    isPossibleOutside: true,
  },
  {
    name: "read the certificates' private keys",
    program: "attempt(lambda: os.listdir('/etc/ssl/private'))",
    refusal: absent,
  },
  {
    name: "write anywhere but in /tmp",
    program: `
def tries():
    for at, dirs, files in os.walk('/'):
        dirs[:] = [d for d in dirs if os.path.join(at, d) not in ('/tmp', '/proc/%d' % os.getpid())]
        if at.startswith('/proc/') or at.count('/') > 3: dirs[:] = []
        try:
            os.close(os.open(at + '/intruder', os.O_CREAT | os.O_WRONLY))
            return at
        except OSError:
            pass
    os.close(os.open('/tmp/own', os.O_CREAT | os.O_WRONLY))
attempt(tries)`,
    refusal: /^refused nothing$/,
  },
  {
    name: "change what it was given",
    program: "attempt(lambda: os.chmod('/var/task/secret', 0o777) or 'changed')",
    refusal: /^refused EROFS$/,
  },
  {
    name: "change the kernel's settings",
    program: `
def tries():
    for name in ('sys/kernel/core_pattern', 'sys/vm/drop_caches', 'sysrq-trigger', 'sys/net/ipv4/ip_forward'):
        try:
            os.close(os.open('/proc/' + name, os.O_WRONLY)); return name
        except OSError:
            pass
attempt(tries)`,
    refusal: /^refused nothing$/,
    isPossibleOutside: true,
  },
  {
    name: "read what the kernel tells of the machine",
    program:
      "attempt(lambda: ''.join(open('/proc/' + n).read() for n in ('keys', 'interrupts', 'timer_list') if os.path.exists('/proc/' + n)))",
    refusal: /^refused (nothing|EACCES)$/,
    isPossibleOutside: true,
  },
  {
    name: "open a device of the machine",
    program: `
def tries():
    for name in os.listdir('/dev'):
        if name not in ('null', 'zero', 'full', 'random', 'urandom', 'fd', 'stdin', 'stdout', 'stderr'): return name
attempt(tries)`,
    refusal: /^refused nothing$/,
    isPossibleOutside: true,
  },
  {
    name: "make a device",
    program: "attempt(lambda: os.mknod('/tmp/disk', 0o60600, os.makedev(8, 0)) or 'made')",
    refusal: /^refused EPERM$/,
  },
  // Environment and memory
  {
    name: "find another's secret in any process's environment",
    program: "attempt(lambda: everywhere('environ', E['VICTIM_SECRET_PART'].encode() + b'-variable'))",
    refusal: /^refused nothing$/,
    isPossibleOutside: true,
  },
  {
    name: "find a variable of lambdad's",
    program: "attempt(lambda: everywhere('environ', bytes.fromhex(E['LAMBDAD_VARIABLE_HEX'])))",
    refusal: /^refused nothing$/,
    isPossibleOutside: true,
  },
  {
    name: "find another's arguments",
    program: "attempt(lambda: everywhere('cmdline', E['VICTIM_SECRET_PART'].encode() + b'-argument'))",
    refusal: /^refused nothing$/,
    isPossibleOutside: true,
  },
  // Processes
  {
    name: "signal another's processes",
    program: "attempt(lambda: os.kill(int(E['VICTIM_PID']), 0) or 'reached')",
    refusal: /^refused ESRCH$/,
    isPossibleOutside: true,
  },
  {
    name: "see any process but its own",
    program: "attempt(lambda: [p for p in os.listdir('/proc') if p.isdigit() and int(p) > 2])",
    refusal: /^refused nothing$/,
    isPossibleOutside: true,
  },
  {
    name: "trace another's processes",
    program: "attempt(lambda: call(101, 0x4206, int(E['VICTIM_PID']), 0, 0))", // PTRACE_SEIZE: ATTACH would stop it
    refusal: /^refused ESRCH$/,
    isPossibleOutside: true,
  },
  {
    name: "read another's memory",
    program: "attempt(lambda: open('/proc/%s/mem' % E['VICTIM_PID'], 'rb') and 'open')",
    refusal: absent,
    isPossibleOutside: true,
  },
  {
    name: "gain anything from a setuid program",
    program: `
import subprocess
attempt(lambda: subprocess.run(['/var/task/setuid-id', '-u'], capture_output=True, text=True).stdout.strip() == '0' and 'root')`,
    refusal: /^refused nothing$/,
  },
  // System calls
  {
    name: "mount",
    program: "attempt(lambda: call(165, b'none', b'/tmp', b'tmpfs', 0, 0))",
    refusal: refusedCall,
  },
  {
    name: "unmount what covers something",
    program: "attempt(lambda: call(166, b'/tmp', 2))",
    refusal: refusedCall,
  },
  {
    name: "make a user namespace",
    program: "attempt(lambda: call(272, 0x10000000))",
    refusal: refusedCall,
  },
  {
    name: "make a user namespace with a new process",
    program: "attempt(lambda: call(56, 0x10000000 | 17, 0, 0, 0, 0))",
    refusal: refusedCall,
  },
  {
    name: "enter a namespace",
    program: "attempt(lambda: call(308, os.open('/proc/self/ns/net', os.O_RDONLY), 0))",
    refusal: refusedCall,
    isPossibleOutside: true,
  },
  {
    name: "change its root",
    program: "attempt(lambda: call(161, b'/tmp'))",
    refusal: refusedCall,
    isPossibleOutside: true,
  },
  {
    name: "use the kernel's key rings",
    program: "attempt(lambda: call(250, 0, -3, 0))", // KEYCTL_GET_KEYRING_ID of the session
    refusal: refusedCall,
  },
  {
    name: "use bpf",
    program:
      "attempt(lambda: call(321, 0, ctypes.create_string_buffer(struct.pack('IIII', 2, 4, 4, 1) + bytes(112)), 128))",
    refusal: refusedCall,
    isPossibleOutside: true,
  },
  {
    name: "watch the machine's performance counters",
    program:
      "attempt(lambda: call(298, ctypes.create_string_buffer(struct.pack('IIQ', 1, 112, 0) + bytes(96)), 0, -1, -1, 0))",
    refusal: refusedCall,
    isPossibleOutside: true,
  },
  {
    name: "use io_uring",
    program: "attempt(lambda: call(425, 4, ctypes.create_string_buffer(120)))",
    refusal: refusedCall,
    isPossibleOutside: true,
  },
  {
    name: "use userfaultfd",
    program: "attempt(lambda: call(323, 0))",
    refusal: refusedCall,
    isPossibleOutside: true,
  },
  {
    name: "open files by handle",
    program: "attempt(lambda: call(304, -1, ctypes.create_string_buffer(64), 0))",
    refusal: refusedCall,
  },
  {
    name: "reboot the machine",
    program: "attempt(lambda: call(169, 0, 0, 0, 0))", // without the magic numbers it is harmless anywhere
    refusal: refusedCall,
  },
  // Network
  {
    name: "open a raw socket",
    program: "attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 255) and 'open')",
    refusal: /^refused EPERM$/,
    isPossibleOutside: true,
  },
  {
    name: "open a packet socket",
    program: "attempt(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) and 'open')",
    refusal: /^refused EAFNOSUPPORT$/,
    isPossibleOutside: true,
  },
  {
    name: "change its network",
    program: `
import subprocess
def tries():
    for line in (['addr', 'add', '10.9.9.9/32', 'dev', 'lo'], ['link', 'add', 'x', 'type', 'veth'], ['route', 'add', '10.9.9.0/24', 'dev', 'lo']):
        if subprocess.run(['ip', *line], capture_output=True).returncode == 0: return line
attempt(tries)`,
    refusal: /^refused nothing$/,
  },
  {
    name: "reach another sandbox",
    program: "attempt(lambda: connect(E['VICTIM_ADDRESS'], E['VICTIM_PORT']))",
    refusal: unreachable,
  },
  {
    name: "reach a service on the machine's loopback",
    program: "attempt(lambda: connect('127.0.0.1', E['LOOPBACK_PORT']))",
    refusal: unreachable,
    isPossibleOutside: true,
  },
  {
    name: "reach a service of the machine's at lambdad's address",
    program: "attempt(lambda: connect(E['HOST_ADDRESS'], E['WILDCARD_PORT']))",
    refusal: unreachable,
    isPossibleOutside: true,
  },
  {
    name: "reach a service at any other address of the machine",
    program: `
def tries():
    for address in E['MACHINE_ADDRESSES'].split():
        try: return connect(address, E['WILDCARD_PORT'])
        except OSError: pass
attempt(tries)`,
    refusal: /^refused nothing$/,
    isPossibleOutside: true,
  },
  {
    name: "reach the metadata address",
    program: "attempt(lambda: connect('169.254.169.254', E['METADATA_PORT']))",
    refusal: unreachable,
    isPossibleOutside: true,
  },
  {
    name: "reach lambdad from another's address",
    program: `
def tries():
    s = socket.socket()
    s.settimeout(1)
    s.setsockopt(socket.IPPROTO_IP, 15, 1)  # IP_FREEBIND
    s.bind((E['VICTIM_ADDRESS'], 0))
    s.connect((E['HOST_ADDRESS'], int(E['ENDPOINT_PORT'])))
    return s.recv(100)
attempt(tries)`,
    refusal: /^refused (EINVAL|EADDRNOTAVAIL|ENETUNREACH|timed out)$/,
  },
  {
    name: "send datagrams from another's address",
    program: `
def tries():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IP, 15, 1)
    s.bind((E['VICTIM_ADDRESS'], 0))
    s.sendto(b'x', (E['HOST_ADDRESS'], int(E['ENDPOINT_PORT'])))
    return 'sent'
attempt(tries)`,
    refusal: /^refused (EINVAL|EADDRNOTAVAIL|ENETUNREACH)$/,
  },
  {
    name: "send from a foreign address as a transparent proxy",
    program: "attempt(lambda: socket.socket().setsockopt(socket.IPPROTO_IP, 19, 1) or 'allowed')", // IP_TRANSPARENT
    refusal: /^refused EPERM$/,
    isPossibleOutside: true,
  },
  {
    name: "reach an abstract socket of the machine",
    program: `
def tries():
    s = socket.socket(socket.AF_UNIX)
    s.connect('\\0' + E['ABSTRACT_NAME'])
    return s.recv(100)
attempt(tries)`,
    refusal: /^refused ECONNREFUSED$/,
    isPossibleOutside: true,
  },
  {
    name: "use IPv6",
    program: "attempt(lambda: open('/proc/net/if_inet6').read())",
    refusal: /^refused (nothing|ENOENT)$/,
    isPossibleOutside: true,
  },
];
