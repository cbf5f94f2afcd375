import { describe, expect, test } from "bun:test"
import { createPartPainter } from "../../../edge/simulator/part.ts"
import { partIdOf, readPartId, type Stream } from "../../../edge/simulator/part-id.ts"
import { createScenario, truthOf } from "../../../edge/simulator/scenario.ts"

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

describe("part ids", () => {
  test("an id names seed, stream and number, and reads back", () => {
    expect(partIdOf({ seed: 7, stream: "line/1", n: 123 })).toBe("P7-L1-000123")
    for (const stream of ["line/1", "line/12", "golden", "unseen", "warmup"] as const) {
      const origin = { seed: 42, stream, n: 7 }
      expect(readPartId(partIdOf(origin))).toEqual(origin)
    }
  })

  test("a text that is no simulated part reads as nothing", () => {
    for (const text of ["", "P7", "P7-X-000001", "P7-L1-1", "lot 5", "P7-L1-000123-b"]) {
      expect(readPartId(text)).toBeUndefined()
    }
  })
})

describe("the line scenario", () => {
  const scenario = createScenario({ seed: 7, new_kind: "crack", new_kind_from: 500, new_kind_share: 0.15 })
  const partsOf = (stream: Stream, from: number, to: number) =>
    range(from, to).map((n) => scenario.part(stream, n))

  test("streams never share a serial", () => {
    const streams: Stream[] = ["line/1", "line/2", "golden", "unseen", "warmup"]
    const serials = streams.flatMap((stream) => partsOf(stream, 1, 200).map((part) => part.plan.serial))
    expect(new Set(serials).size).toBe(serials.length)
  })

  test("the warm-up holds good parts of every product", () => {
    const parts = partsOf("warmup", 1, 60)
    expect(parts.every((part) => part.verdict === "ok")).toBe(true)
    expect(new Set(parts.map((part) => part.product))).toEqual(new Set(["bracket", "flange", "plate"]))
  })

  test("the new kind is absent before its part number and has its share from then on", () => {
    const before = partsOf("line/1", 1, 500)
    const after = partsOf("line/1", 500, 2500)
    const share = (parts: typeof before, test: (part: (typeof before)[number]) => boolean) =>
      parts.filter(test).length / parts.length
    expect(share(before, (p) => p.kinds.includes("crack"))).toBe(0)
    expect(share(before, (p) => p.verdict === "ng")).toBeCloseTo(0.1, 1)
    expect(share(after, (p) => p.kinds.includes("crack"))).toBeCloseTo(0.15, 1)
    expect(share(after, (p) => p.verdict === "ng" && !p.kinds.includes("crack"))).toBeCloseTo(0.085, 1)
  })

  test("the golden set knows the new kind, so a gate can ask for it", () => {
    expect(partsOf("golden", 1, 100).some((part) => part.kinds.includes("crack"))).toBe(true)
  })

  test("the truth behind a part id is what the line drew, boxes included", () => {
    const painter = createPartPainter({ width: 640, height: 480 })
    const bad = partsOf("line/3", 1, 100).find((part) => part.verdict === "ng")!
    const other = createScenario({ seed: 7, new_kind_from: 500 })
    expect(truthOf(other, painter, bad.part_id)).toEqual(painter.draw(bad.plan).truth)
    expect(truthOf(other, painter, "P8-L3-000001")).toBeUndefined()
    expect(truthOf(other, painter, "not a part")).toBeUndefined()
  })

  test("the lamp ages with the line and steps where it is changed", () => {
    const aged = createScenario({ lamp_ageing: 0.1, lamp_change_from: 1000 })
    const gain = (n: number) => aged.part("line/1", n).plan.lighting.gain
    expect(gain(900)).toBeLessThan(gain(1))
    expect(gain(1000)).toBeLessThan(gain(999) * 0.9)
    expect(aged.part("line/1", 1000).plan.lighting.warmth).toBeGreaterThan(0)
  })

  test("options out of range are refused", () => {
    expect(() => createScenario({ ng_rate: 1.5 })).toThrow()
    expect(() => createScenario({ new_kind_from: 0 })).toThrow()
  })
})
