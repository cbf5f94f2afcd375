import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import {
  isConfig,
  type LabelConfig,
  orphansOf,
  parsedConfig,
  readConfig,
} from "../../../hub/label-studio/config.rules.ts"
import {
  classOfLabel,
  defectLabels,
  dialectOf,
  keyOfLabel,
  labelOfResults,
} from "../../../hub/label-studio/dialect.ts"
import { box, config, verdict } from "./kit.ts"

const image = { w: 24, h: 16 }
function read(text: string): LabelConfig {
  const found = readConfig(text)
  if (!isConfig(found)) throw new Error(found.join(" "))
  return found
}

describe("a labelling config", () => {
  test("is read: what is shown, what is asked, with which words, aliases first", () => {
    const text = `<View><Style>.a { color: red }</Style><div className="x"><Image name="img" value="$picture"/></div>
      <View visibleWhen="region-selected"><Choices name="kind" toName="img" perRegion="true"><Choice value="A" alias="a"/></Choices></View>
      <Taxonomy name="tree" toName="img"><Choice value="Metal"><Choice value="Crack"/></Choice></Taxonomy>
      <Shiny name="new" toName="img"/></View>`
    const found = read(text)
    expect(found.objects).toEqual([{ name: "img", tag: "Image", key: "picture" }])
    expect(found.controls.map(({ name, type, labels }) => [name, type, labels])).toEqual([
      ["kind", "choices", ["a"]],
      ["tree", "taxonomy", ["Metal", "Crack"]],
    ])
    expect(found.unknown).toEqual(["Shiny"])
    expect(parsedConfig(read(config)).defect).toEqual({
      type: "RectangleLabels",
      to_name: ["image"],
      inputs: [{ type: "Image", value: "image", valueType: null }],
      labels: ["scratch", "dent"],
      labels_attrs: { scratch: { value: "scratch" }, dent: { value: "dent" } },
    })
  })

  test.each([
    ["<View><Image name='a' value='$a'/>", "not well-formed"],
    ["<View/><View/>", "one outermost tag"],
    ["<View><Image name='a' value='$a'/><Image name='a' value='$b'/></View>", "non-unique names: a"],
    ["<View><Choices name='c' toName='x'><Choice value='1'/></Choices></View>", 'toName="x" not found'],
    ["<View><Image name='a' value='$a'/><Choices toName='a'/></View>", "has no name"],
    [
      "<View><Image name='a' value='$a'/><Labels name='l' toName='a'><Label/></Labels></View>",
      "has no value",
    ],
    ['<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><View/>', "no document type"],
  ])("%s is refused with a sentence", (text, sentence) => {
    const found = readConfig(text)
    expect(isConfig(found) ? "" : found.join(" ")).toContain(sentence)
  })

  test("of any text is read or refused, never thrown at", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        readConfig(text)
        readConfig(`<View>${text}</View>`)
      }),
      { numRuns: 300 },
    )
  })

  test("that lacks a word or a control that was used is told so", () => {
    const used = [
      { control: "defect", labels: ["dent", "hole"] },
      { control: "gone", labels: [] },
    ]
    expect(orphansOf(read(config), used)).toEqual(['"hole" of "defect"', 'control "gone"'])
  })
})

describe("words", () => {
  const classes = [{ key: "k1", names: { ko: "긁힘", en: "Scratch" } }]

  test("of a config mean the class of that name in any language, else one by their own key", () => {
    expect(classOfLabel("scratch", classes)?.key).toBe("k1")
    expect(classOfLabel("긁힘", classes)?.key).toBe("k1")
    expect(classOfLabel("dent", classes)).toBeUndefined()
    expect(keyOfLabel("Deep dent")).toBe("deep-dent")
  })

  test("become keys that the catalogue takes, whatever they are, and the same one every time", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (word) => {
        expect(keyOfLabel(word)).toMatch(/^[a-z0-9][a-z0-9_.-]{0,63}$/)
        expect(keyOfLabel(word)).toBe(keyOfLabel(` ${word.normalize("NFD")} `))
      }),
      { numRuns: 300 },
    )
  })

  test("for a verdict are no classes, those beside them are", () => {
    const kinds = config.replace('<Choice value="NG"/>', '<Choice value="NG"/><Choice value="Burr"/>')
    expect(defectLabels(read(kinds))).toEqual(["scratch", "dent", "Burr"])
  })
})

describe("an annotation as a label", () => {
  const classes = ["scratch", "dent", "burr"].map((key) => ({ key, names: { ko: key, en: key } }))
  const of = (results: unknown[], text = config) => {
    const found = read(text)
    return labelOfResults(results, image, found, dialectOf(found, classes))
  }

  test.each([
    ["OK alone is OK", [verdict("OK")], "ok", []],
    ["NG with a box is NG of its kind", [verdict("NG"), box("dent")], "ng", ["dent"]],
    ["NG alone is of a kind nobody knows", [verdict("NG")], "ng", ["unknown"]],
    ["a box without a verdict is NG", [box("scratch")], "ng", ["scratch"]],
    ["nothing drawn and nothing said is OK where things are drawn", [], "ok", []],
    ["OK with a box is for a second look", [verdict("OK"), box("scratch")], "unsure", ["scratch"]],
  ])("%s", (_name, results, said, kinds) => {
    expect(of(results).label).toMatchObject({ verdict: said, kinds })
  })

  test("of a config that asks for kinds as choices is NG of the chosen kind", () => {
    const choices = `<View><Image name="image" value="$image"/>
      <Choices name="q" toName="image"><Choice value="양품"/><Choice value="dent"/><Choice value="burr"/></Choices></View>`
    const said = (word: string) => of([{ ...verdict(word), from_name: "q" }], choices).label
    expect(said("양품")).toMatchObject({ verdict: "ok", kinds: [] })
    expect(said("burr")).toMatchObject({ verdict: "ng", kinds: ["burr"] })
  })

  test("that answers something else only says nothing of good or bad", () => {
    const rating = `<View><Image name="image" value="$image"/><Rating name="q" toName="image"/></View>`
    const said = of([{ from_name: "q", to_name: "image", type: "rating", value: { rating: 3 } }], rating)
    expect(said).toEqual({ label: null, note: "it says nothing of good or bad" })
  })
})
