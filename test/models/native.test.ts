import { expect, test } from "bun:test"
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
