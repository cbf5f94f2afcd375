import { afterEach, expect, test } from "bun:test"
import { createInferChild, type InferChild } from "#models/infer/child"
import { verdictFor } from "#models/infer/verdict"
import { brightnessModel, frameWithSquare, inferCommand, jpegOf, slowModel, writeModel } from "./kit.ts"

const open: InferChild[] = []
const child = (options: { timeoutMs?: number } = {}) => {
  const made = createInferChild({ command: inferCommand, ...options })
  open.push(made)
  return made
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((made) => made.close()))
})

const dark = frameWithSquare(128)
const bright = frameWithSquare(128, { x: 64, y: 32, size: 32 })

test("a part is judged by the model's own thresholds and its defect is boxed in original pixels", async () => {
  const infer = child()
  const contract = await infer.load(await writeModel(brightnessModel()))
  expect(contract.thresholds.t_high).toBe(0.6)
  const ok = await infer.infer(dark)
  expect(ok.verdict).toEqual({ eval: "ok", score: 0, t_low: 0.4, t_high: 0.6 })
  expect(ok.findings).toEqual([])
  const ng = await infer.infer(bright, { map: true })
  expect(ng.verdict.eval).toBe("ng")
  expect(ng.findings).toEqual([{ kind: "unknown", score: expect.closeTo(0.94, 1), box: [64, 32, 32, 32] }])
  expect(ng.map?.w).toBe(4)
  expect(ng.map?.cells[4 + 2]).toBeGreaterThan(230)
})

test("thresholds of the deployment win over those in the model", async () => {
  const infer = child()
  await infer.load(await writeModel(brightnessModel()))
  const { verdict } = await infer.infer(bright, { thresholds: { t_low: 0.2, t_high: 1.5 } })
  expect(verdict.eval).toBe("undecidable")
})

test("raw pixels and their file give the same verdict", async () => {
  const infer = child()
  await infer.load(await writeModel(brightnessModel()))
  const fromFile = await infer.infer({ bytes: await jpegOf(bright) })
  expect(fromFile.verdict.score).toBeCloseTo((await infer.infer(bright)).verdict.score ?? -1, 1)
  expect(fromFile.findings[0]?.box).toEqual([64, 32, 32, 32])
})

test("a score that is no number is undecidable, never OK", async () => {
  const infer = child()
  const nan = brightnessModel((graph, map) => {
    graph.f32("nan", [1], Float32Array.of(Number.NaN))
    return graph.node("Add", [map, "nan"])
  })
  await infer.load(await writeModel(nan))
  expect(infer.infer(dark)).rejects.toMatchObject({ code: "nan_output" })
  expect((await infer.inspect(dark)).verdict).toEqual({ eval: "undecidable", code: "nan_output" })
  expect(verdictFor({ score: Number.NaN }, { t_low: 0.4, t_high: 0.6 }).eval).toBe("undecidable")
})

test("an unreadable image is undecidable and the child goes on", async () => {
  const infer = child()
  await infer.load(await writeModel(brightnessModel()))
  const half = (await jpegOf(bright)).subarray(0, -20)
  expect((await infer.inspect({ bytes: half })).verdict).toEqual({
    eval: "undecidable",
    code: "unreadable_image",
  })
  const text = new TextEncoder().encode("not an image")
  expect((await infer.inspect({ bytes: text })).verdict.code).toBe("unsupported_image")
  expect((await infer.inspect({ path: "/nowhere.jpg" })).verdict.code).toBe("unreadable_image")
  expect((await infer.infer(dark)).verdict.eval).toBe("ok")
})

test("a child killed in the middle of a run fails that part and the next one is inspected", async () => {
  const infer = child()
  const good = await writeModel(brightnessModel())
  await infer.load(await writeModel(slowModel()))
  const running = infer.inspect(bright)
  const pid = infer.pid()!
  await Bun.sleep(50)
  process.kill(pid, "SIGKILL")
  expect((await running).verdict).toEqual({ eval: "undecidable", code: "model_crashed" })
  await infer.load(good)
  expect((await infer.infer(bright)).verdict.eval).toBe("ng")
  process.kill(infer.pid()!, "SIGKILL")
  const after = await infer.inspect(bright)
  const again = after.verdict.eval === "ng" ? after : await infer.inspect(bright)
  expect(again.verdict.eval).toBe("ng")
})

test("a model that takes too long is stopped and says so", async () => {
  const infer = child({ timeoutMs: 100 })
  await infer.load(await writeModel(slowModel()))
  expect((await infer.inspect(bright)).verdict.code).toBe("model_timeout")
})

test("frames that wait are answered in their order", async () => {
  const infer = child()
  await infer.load(await writeModel(brightnessModel()))
  const done: number[] = []
  const frames = [bright, dark, bright, dark, bright, dark, bright]
  const answers = await Promise.all(
    frames.map(async (frame, i) => {
      const { verdict } = await infer.infer(frame)
      done.push(i)
      return verdict.eval
    }),
  )
  expect(answers).toEqual(["ng", "ok", "ng", "ok", "ng", "ok", "ng"])
  expect(done).toEqual([0, 1, 2, 3, 4, 5, 6])
})

test("a child that dies costs the frame it was at; those behind it are judged by the next child", async () => {
  const infer = child()
  await infer.load(await writeModel(brightnessModel()))
  process.kill(infer.pid()!, "SIGSTOP")
  const all = Promise.all([bright, dark, bright, dark].map((frame) => infer.inspect(frame)))
  process.kill(infer.pid()!, "SIGKILL")
  const codes = (await all).map(({ verdict }) => verdict.code ?? verdict.eval)
  expect(codes).toEqual(["model_crashed", "ok", "ng", "ok"])
})

test("each frame has its own time: the one behind a hanging frame is not late by its neighbour's fault", async () => {
  const infer = child({ timeoutMs: 1500 })
  await infer.load(await writeModel(brightnessModel()))
  process.kill(infer.pid()!, "SIGSTOP")
  const answers = await Promise.all([infer.inspect(bright), infer.inspect(bright), infer.inspect(dark)])
  expect(answers.map(({ verdict }) => verdict.code ?? verdict.eval)).toEqual(["model_timeout", "ng", "ok"])
})

test("an unreadable frame among others costs only itself", async () => {
  const infer = child()
  await infer.load(await writeModel(brightnessModel()))
  const text = { bytes: new TextEncoder().encode("not an image") }
  const answers = await Promise.all([bright, text, dark].map((frame) => infer.inspect(frame)))
  expect(answers.map(({ verdict }) => verdict.code ?? verdict.eval)).toEqual([
    "ng",
    "unsupported_image",
    "ok",
  ])
})

test("frames under way finish on the model they started with", async () => {
  const infer = child()
  await infer.load(await writeModel(slowModel(2)))
  const before = infer.pid()
  const running = infer.inspect(bright)
  await infer.load(await writeModel(brightnessModel()))
  expect((await running).verdict.code).toBeUndefined()
  expect(infer.pid()).not.toBe(before)
  expect((await infer.inspect(bright)).verdict.eval).toBe("ng")
})

test("a model is swapped for another in a fresh process; a broken one leaves the old in place", async () => {
  const infer = child()
  await infer.load(await writeModel(brightnessModel()))
  const before = infer.pid()
  expect(infer.load(await writeModel(new TextEncoder().encode("junk")))).rejects.toMatchObject({
    code: "model_invalid",
  })
  expect((await infer.infer(bright)).verdict.eval).toBe("ng")
  await infer.load(await writeModel(brightnessModel()))
  expect(infer.pid()).not.toBe(before)
  expect((await infer.infer(bright)).verdict.eval).toBe("ng")
})

test("the same child makes thumbnails and proves images readable", async () => {
  const infer = child()
  const jpeg = await jpegOf(bright)
  const thumb = await infer.thumbnail({ bytes: jpeg }, 64)
  expect([thumb.w, thumb.h, thumb.mime]).toEqual([64, 64, "image/jpeg"])
  expect(await infer.probe({ bytes: thumb.bytes })).toEqual({ mime: "image/jpeg", w: 64, h: 64 })
  expect(infer.probe({ bytes: jpeg.subarray(0, -20) })).rejects.toMatchObject({ code: "unreadable_image" })
})
