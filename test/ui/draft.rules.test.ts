import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { decodings, type ModelContract } from "#contract/model"
import { doubtsOfTrial } from "../../hub/registry/trial.rules.ts"
import { classesUpTo, isDecoding, readAs, readNumbers } from "../../ui/screens/models/draft.rules.ts"
import { makeLook } from "./support/world/foreign-model.ts"

const { contract } = makeLook()
const types = Object.keys(decodings).filter(isDecoding)

describe("the description of a model", () => {
  test("names an output for everything a way of reading needs, and each only once where there are enough", () => {
    const walk = fc.array(fc.constantFrom(...types), { minLength: 1, maxLength: 6 })
    const ends = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(walk, ends, (steps, names) => {
        const end = steps.reduce<ModelContract>((read, type) => readAs(read, type, names), contract)
        const last = steps.at(-1) ?? "softmax"
        expect(end.decode.type).toBe(last)
        expect(end.outputs.map(({ role }) => role)).toEqual([...decodings[last]])
        const used = end.outputs.map(({ name }) => name)
        expect(used.every((name) => names.includes(name))).toBe(true)
        if (names.length >= used.length) expect(new Set(used).size).toBe(used.length)
      }),
    )
  })

  test("keeps what was said of an output when another way reads the same", () => {
    const names = ["a", "b", "c"]
    const boxes = { ...readAs(contract, "detr", names) }
    boxes.outputs = [
      { name: "c", role: "boxes" },
      { name: "a", role: "labels" },
      { name: "b", role: "scores" },
    ]
    expect(readAs(boxes, "rfdetr", names).outputs[0]).toEqual({ name: "c", role: "boxes" })
  })

  test("keeps the names of classes when there are more or fewer", () => {
    const more = classesUpTo(contract, 5)
    expect(more.classes.map(({ key }) => key)).toEqual(["scratch", "dent", "class-2", "class-3", "class-4"])
    expect(classesUpTo(more, 1).classes.map(({ key }) => key)).toEqual(["scratch"])
  })

  test("takes numbers as people write a row of them", () => {
    expect(readNumbers("0.485, 0.456 0.406", [1, 3])).toEqual([0.485, 0.456, 0.406])
    expect(readNumbers("1e-3", [1])).toEqual([0.001])
    for (const text of ["", "1, 2", "one", "1, 2, x", "NaN"])
      expect(readNumbers(text, [1, 3])).toBeUndefined()
  })
})

describe("what speaks against a model that was tried", () => {
  const said = (score: number | null, more = {}) => ({
    part: null as string | null,
    score,
    code: null as string | null,
    findings: [],
    ms: 20,
    ...more,
  })
  test("nothing, where black, white and parts are told apart", () => {
    expect(doubtsOfTrial("classification", [said(0.1), said(0.9), said(0.3), said(0.5)])).toEqual([])
  })
  test("the same for everything, sure of everything, nothing found, no answer, too slow", () => {
    expect(doubtsOfTrial("anomaly", [said(1), said(1), said(1)])).toEqual(["always_sure", "always_same"])
    expect(doubtsOfTrial("detection", [said(0), said(0.2), said(0.1, { part: "p" })])).toEqual([
      "nothing_found",
    ])
    expect(doubtsOfTrial("anomaly", [said(0.1), said(null, { code: "model_timeout", ms: 10_000 })])).toEqual([
      "failed",
      "slow",
    ])
  })
})
