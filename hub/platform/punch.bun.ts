import { dlopen } from "bun:ffi"
import type { PunchHole } from "./packs.ts"

/** FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE of linux/falloc.h. */
const keepSizePunchHole = 3

/** Undefined where there is no such call; pictures given up then free their room when their whole pack is gone. */
export function linuxPunchHole(): PunchHole | undefined {
  if (process.platform !== "linux") return undefined
  try {
    const libc = dlopen("libc.so.6", {
      fallocate: { args: ["i32", "i32", "i64", "i64"], returns: "i32" },
    })
    return (descriptor, at, size) => libc.symbols.fallocate(descriptor, keepSizePunchHole, at, size) === 0
  } catch {
    // Another C library, or one without the call.
    return undefined
  }
}
