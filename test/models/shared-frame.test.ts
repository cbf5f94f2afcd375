import { expect, test } from "bun:test"
import { existsSync, readdirSync } from "node:fs"
import { createInferChild } from "#models/infer/child"
import { brightnessModel, inferCommand, writeModel } from "./kit.ts"

test("large raw frames reach the child whole, one after the other and several at once, and leave nothing behind", async () => {
  const child = createInferChild({ command: inferCommand })
  try {
    await child.load(await writeModel(brightnessModel()))
    const scoreOf = async (level: number, width: number, height: number) => {
      const raw = new Uint8Array(width * height * 3).fill(level)
      return (await child.infer({ raw, width, height, channels: 3 })).verdict.score ?? Number.NaN
    }
    expect(await scoreOf(51, 1280, 960)).toBeCloseTo(0.2, 2)
    expect(await scoreOf(102, 2592, 1944)).toBeCloseTo(0.4, 2)
    expect(await scoreOf(153, 640, 480)).toBeCloseTo(0.6, 2)
    expect(await scoreOf(204, 32, 32)).toBeCloseTo(0.8, 2)
    const levels = [26, 77, 128, 179, 230, 26, 230]
    const together = await Promise.all(levels.map((level, i) => scoreOf(level, 640 + 64 * (i % 3), 480)))
    for (const [i, level] of levels.entries()) expect(together[i]).toBeCloseTo(level / 255, 2)
    // A new process gets memory of its own.
    process.kill(child.pid() ?? 0, "SIGKILL")
    while (child.pid() !== undefined) await Bun.sleep(5)
    expect(await scoreOf(51, 1280, 960)).toBeCloseTo(0.2, 2)
    const left = existsSync("/dev/shm") ? readdirSync("/dev/shm") : []
    expect(left.filter((name) => name.startsWith(`crux-frame-${process.pid}-`))).toEqual([])
  } finally {
    await child.close()
  }
})
