import { closeSync, openSync, readSync } from "node:fs"

/** `e_machine` of an ELF file (0x3e x86-64, 0xb7 AArch64), or undefined when it is none. Little-endian only. */
export function elfMachine(path: string): number | undefined {
  const header = Buffer.alloc(20)
  const file = openSync(path, "r")
  try {
    if (readSync(file, header, 0, 20, 0) !== 20) return undefined
  } finally {
    closeSync(file)
  }
  return header.readUInt32BE(0) === 0x7f454c46 ? header.readUInt16LE(18) : undefined
}
