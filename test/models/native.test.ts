import { expect, test } from "bun:test"
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { selfCommand } from "#models/child"
import { loadOrt, loadSharp } from "#models/native"

test("sharp loads with one thread and without a cache", async () => {
  const sharp = await loadSharp()
  expect(sharp.concurrency()).toBe(1)
  expect(sharp.cache().memory.max).toBe(0)
})

test("onnxruntime loads under Bun", async () => {
  const ort = await loadOrt()
  expect(typeof ort.InferenceSession.create).toBe("function")
})

test("from source the program starts itself as bun plus the hub entry file", () => {
  const [bun, entry, ...role] = selfCommand("worker", "infer")
  expect(bun).toBe(process.execPath)
  expect(entry).toEndWith("hub/main.ts")
  expect(role).toEqual(["worker", "infer"])
})

test("onnxruntime computes without keeping a device id or a queue of reports about it", async () => {
  const home = mkdtempSync(join(tmpdir(), "crux-native-"))
  try {
    // CI is left out: its presence alone keeps the runtime silent, and a plant does not have it.
    const env = { PATH: process.env.PATH, HOME: home, TMPDIR: home }
    const child = Bun.spawn(selfCommand("worker", "selfcheck"), { env, stdout: "ignore", stderr: "inherit" })
    expect(await child.exited).toBe(0)
    const left = readdirSync(home, { recursive: true }).map(String)
    // Bun from source keeps translated modules of its own there.
    expect(left.filter((path) => !/^\.bun\b/.test(path))).toEqual([])
  } finally {
    rmSync(home, { recursive: true })
  }
})
