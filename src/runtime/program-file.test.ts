import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { programFile, programHeadBytes, type ProgramFile } from "./program-file.ts";

const by = (interpreter: string | undefined): ProgramFile => ({ kind: "program", interpreter });
const none: ProgramFile = { kind: "none" };

/** An ELF file of 64 bits with one segment, at which it names its linker. */
function elf(machine: number, interpreter: string, type = 3): Buffer {
  const name = Buffer.from(`${interpreter}\0`);
  const head = Buffer.alloc(120);
  head.write("\x7fELF\x02\x01\x01", "latin1");
  head.writeUInt16LE(type, 16);
  head.writeUInt16LE(machine, 18);
  head.writeBigUInt64LE(64n, 32);
  head.writeUInt16LE(56, 54);
  head.writeUInt16LE(1, 56);
  head.writeUInt32LE(3, 64);
  head.writeBigUInt64LE(120n, 64 + 8);
  head.writeBigUInt64LE(BigInt(name.length), 64 + 32);
  return Buffer.concat([head, name]);
}

const files: Readonly<Record<string, readonly [head: Buffer | string, expected: ProgramFile]>> = {
  "an empty file": ["", none],
  "a script": ["#!/bin/sh\necho", by("/bin/sh")],
  "a script with an argument": ["#! /usr/bin/env  bash\n", by("/usr/bin/env")],
  "a script of another system's lines": ["#!/bin/sh\r\necho", by("/bin/sh\r")],
  "a script without an interpreter": ["#!  \necho", none],
  "a script without a first line": ["echo hello\n", none],
  "a program of this machine": [elf(62, "/lib64/ld-linux-x86-64.so.2"), by("/lib64/ld-linux-x86-64.so.2")],
  "a program of another machine": [elf(183, "/lib/ld-linux-aarch64.so.1"), none],
  "a program that is none: an object file": [elf(62, "/x", 1), none],
  "a program that is cut off in its head": [elf(62, "/x").subarray(0, 40), none],
  "a program whose segments lie elsewhere": [elf(62, "/x").subarray(0, 64), by(undefined)],
  "a program whose linker's name lies elsewhere": [elf(62, "/x").subarray(0, 121), by(undefined)],
};

for (const [name, [head, expected]] of Object.entries(files)) {
  test(`what is executed: ${name}`, () => {
    assert.deepEqual(programFile(Buffer.from(head), "x64"), expected);
  });
}

test("what runs this test is a program, and so is every machine's that is not known", () => {
  const head = readFileSync(process.execPath).subarray(0, programHeadBytes);
  assert.equal(programFile(head, process.arch).kind, "program");
  assert.equal(programFile(elf(99, "/x"), "riscv64").kind, "program");
});
