/**
 * What the kernel makes of a file that is to be executed, from its first bytes: a script with its interpreter, a program
 * of some machine with its dynamic linker, or nothing that it starts.
 *
 * Pure. It must only refuse what the kernel refuses: what lies beyond the bytes that it is given, it takes for right.
 */

export type ProgramFile =
  | { readonly kind: "none" }
  /** Starts by another file: a path as seen inside. Undefined: by itself. */
  | { readonly kind: "program"; readonly interpreter: string | undefined };

/** How much of a file is looked at: linkers write what counts into the first page. */
export const programHeadBytes = 4096;

const none: ProgramFile = { kind: "none" };

/** `arch`: of this machine, in Node's words. */
export function programFile(head: Buffer, arch: string): ProgramFile {
  if (head.subarray(0, 2).equals(scriptMagic)) return script(head);
  return head.subarray(0, 4).equals(elfMagic) ? elf(head, arch) : none;
}

const scriptMagic = Buffer.from("#!");
const elfMagic = Buffer.from("\x7fELF", "latin1");
const scriptLineBytes = 256; // Linux: BINPRM_BUF_SIZE

function script(head: Buffer): ProgramFile {
  const line = head.subarray(2, scriptLineBytes).toString("latin1").split("\n", 1)[0] ?? "";
  const interpreter = /^[ \t]*([^ \t\0]+)/.exec(line)?.[1];
  return interpreter === undefined ? none : { kind: "program", interpreter };
}

/** EM_X86_64 and EM_386, EM_AARCH64 and EM_ARM: by machine, also what its kernel may run beside its own. */
const elfMachines: Readonly<Record<string, readonly number[]>> = { x64: [62, 3], arm64: [183, 40] };
const elf64 = { headerBytes: 64, segmentBytes: 56 } as const;
const elfInterpreter = 3; // PT_INTERP

function elf(head: Buffer, arch: string): ProgramFile {
  if (head.length < elf64.headerBytes) return none;
  const [elfClass, type, machine] = [head[4], head.readUInt16LE(16), head.readUInt16LE(18)];
  if (!(elfMachines[arch]?.includes(machine) ?? true) || (type !== 2 && type !== 3)) return none;
  if (elfClass !== 2) return { kind: "program", interpreter: undefined };
  if (head.readUInt16LE(54) !== elf64.segmentBytes) return none;
  const segmentsAt = Number(head.readBigUInt64LE(32));
  for (let index = 0; index < head.readUInt16LE(56); index++) {
    const at = segmentsAt + index * elf64.segmentBytes;
    if (at + elf64.segmentBytes > head.length) break;
    if (head.readUInt32LE(at) !== elfInterpreter) continue;
    const from = Number(head.readBigUInt64LE(at + 8));
    const to = from + Number(head.readBigUInt64LE(at + 32));
    const path = to <= head.length ? head.toString("latin1", from, to).split("\0", 1)[0] : undefined;
    return { kind: "program", interpreter: path };
  }
  return { kind: "program", interpreter: undefined };
}
