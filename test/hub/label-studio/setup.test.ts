import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import * as v from "valibot"
import type { SetupOfConfig } from "#contract/label-studio"
import { NewLabelSetup } from "#contract/questions"
import { readResults, writeResults } from "../../../hub/exchange/label-studio.format.ts"
import { isConfig, type LabelConfig, readConfig } from "../../../hub/label-studio/config.rules.ts"
import { dialectOf } from "../../../hub/label-studio/dialect.ts"
import { setupOf } from "../../../hub/label-studio/setup.ts"
import { answersFault } from "../../../hub/labelling/answers.rules.ts"
import { startTestHub, type TestHub } from "../support/hub.ts"
import { config as plainConfig } from "./kit.ts"

const image = { w: 200, h: 100 }

function read(text: string): LabelConfig {
  const found = readConfig(text)
  if (!isConfig(found)) throw new Error(found.join(" "))
  return found
}

/** What a plant asks of a part: a verdict, places by two controls and one that names them, and questions of every kind. */
const plant = `<View>
  <Header value="Casting"/>
  <Image name="picture" value="$image" zoom="true"/>
  <Choices name="result" toName="picture" choice="single"><Choice value="OK"/><Choice value="NG"/></Choices>
  <View visibleWhen="region-selected">
    <Labels name="defect" toName="picture"><Label value="긁힘"/><Label value="Dent"/></Labels>
  </View>
  <Rectangle name="box" toName="picture" canRotate="true"/>
  <Polygon name="area" toName="picture" smart="true"/>
  <Choices name="Surface" toName="picture" required="true">
    <View style="display: flex"><Choice value="마름"/><Choice value="기름 묻음" alias="oily"/></View>
  </Choices>
  <Choices name="seen" toName="picture" choice="multiple"><Choice value="Front"/><Choice value="Back"/></Choices>
  <Choices name="sure" toName="picture"><Choice value="Looked twice"/></Choices>
  <Taxonomy name="place" toName="picture" perRegion="true" maxUsages="1">
    <Choice value="Front"><Choice value="Edge"/><Choice value="Middle"/></Choice><Choice value="Back"/>
  </Taxonomy>
  <Rating name="깊이" toName="picture" maxRating="3" perRegion="true"/>
  <Number name="length" toName="picture" min="0" max="50"/>
  <TextArea name="why" toName="picture"/>
  <TextArea name="note" toName="picture" perRegion="true"/>
  <DateTime name="when" toName="picture"/>
  <Pairwise name="other" toName="picture"/>
</View>`

describe("the setup of a labelling config", () => {
  test("has the tools it draws with and a question for each control, with its own words", () => {
    const { tools, questions, left } = setupOf(read(plant))
    expect(tools).toEqual(["box", "rotated", "polygon", "segment"])
    expect(questions.map(({ key, type, of, required }) => [key, type, of, required])).toEqual([
      ["surface", "choice", "image", true],
      ["seen", "choice", "image", false],
      ["sure", "tree", "image", false],
      ["place", "tree", "region", false],
      [expect.stringMatching(/^k-[0-9a-f]{12}$/), "rating", "region", false],
      ["length", "number", "image", false],
      ["why", "text", "image", false],
    ])
    expect(questions[0]).toMatchObject({
      several: false,
      options: [
        { key: "마름", names: { ko: "마름", en: "마름" } },
        { key: "oily", names: { ko: "기름 묻음", en: "기름 묻음" } },
      ],
    })
    expect(questions[1]).toMatchObject({ several: true })
    expect(questions[3]).toMatchObject({
      several: false,
      options: [{ key: "Front", options: [{ key: "Edge" }, { key: "Middle" }] }, { key: "Back" }],
    })
    expect(questions[4]).toMatchObject({ most: 3, names: { ko: "깊이" } })
    expect(questions[5]).toMatchObject({ min: 0, max: 50 })
    expect(left).toEqual(["DateTime when", "Pairwise other"])
    expect(v.is(NewLabelSetup, { product: null, revision: 0, tools, questions })).toBe(true)
  })

  test("takes what programs have said as answers, and what is said on a tablet is what they look for", () => {
    const found = read(plant)
    const classes = [
      { key: "scratch", names: { ko: "긁힘", en: "Scratch" } },
      { key: "dent", names: { ko: "찍힘", en: "Dent" } },
    ]
    const dialect = dialectOf(found, classes)
    const place = { original_width: image.w, original_height: image.h, image_rotation: 0 }
    const at = { x: 10, y: 10, width: 20, height: 20, rotation: 0 }
    const of = (from_name: string, type: string, value: object) => ({
      from_name,
      to_name: "picture",
      type,
      value,
    })
    const results = [
      of("result", "choices", { choices: ["NG"] }),
      of("Surface", "choices", { choices: ["oily"] }),
      of("seen", "choices", { choices: ["Front", "Back"] }),
      of("length", "number", { number: 12 }),
      of("why", "textarea", { text: ["dropped"] }),
      of("when", "datetime", { datetime: "2026-11-28" }),
      { id: "r1", ...of("box", "rectangle", at), ...place },
      { id: "r1", ...of("defect", "labels", { ...at, labels: ["긁힘"] }), ...place },
      { id: "r1", ...of("place", "taxonomy", { ...at, taxonomy: [["Front", "Edge"]] }), ...place },
      { id: "r1", ...of("깊이", "rating", { ...at, rating: 2 }), ...place },
    ]
    const { verdict, drawing, remarks } = readResults(results, image, dialect)
    expect(remarks).toEqual([])
    expect(drawing.regions[0]).toMatchObject({ kinds: ["scratch"], answers: { place: [["Front", "Edge"]] } })
    // The hub holds tablets to their questions: these answers fit them.
    expect(answersFault(setupOf(found).questions, { verdict: "ng", drawing }, null)).toBeNull()

    const back = writeResults({ verdict, drawing }, image, dialect)
    const told = (all: readonly object[]) =>
      all
        .map((one) => one as { from_name: string; to_name: string; type: string; value: object })
        .map(({ from_name, to_name, type, value }) => JSON.stringify([from_name, to_name, type, value]))
        .sort()
    expect(told(back)).toEqual(told(results))
  })

  test.each([
    [
      "classification",
      `<View><Image name="i" value="$i"/><Choices name="c" toName="i"><Choice value="A"/><Choice value="B"/></Choices></View>`,
      [],
      ["choice c"],
    ],
    [
      "boxes in columns",
      `<View><View style="x"><RectangleLabels name="r" toName="i" value="$found"/></View><Image name="i" value="$i"/><Style>.a { b: c }</Style></View>`,
      ["box"],
      [],
    ],
    [
      "pointing",
      `<View><BrushLabels name="b" toName="i"><Label value="F"/></BrushLabels><KeyPointLabels name="k" toName="i" smart="true"><Label value="F" smart="true"/></KeyPointLabels><Image name="i" value="$i"/></View>`,
      ["brush", "point", "segment"],
      [],
    ],
    [
      "reading text",
      `<View><Image name="i" value="$o"/><Labels name="l" toName="i"><Label value="T"/></Labels><Rectangle name="b" toName="i"/><Polygon name="p" toName="i"/><TextArea name="t" toName="i" perRegion="true" required="true"/></View>`,
      ["box", "polygon"],
      ["text t"],
    ],
    [
      "no picture at all",
      `<View><Text name="t" value="$t"/><Choices name="c" toName="t"><Choice value="A"/><Choice value="B"/></Choices></View>`,
      [],
      [],
    ],
  ])("of a template: %s", (_name, text, tools, questions) => {
    const setup = setupOf(read(text))
    expect(setup.tools as string[]).toEqual(tools)
    expect(setup.questions.map(({ type, key }) => `${type} ${key}`)).toEqual(questions)
  })
})

describe("at a hub", () => {
  let hub: TestHub
  beforeAll(async () => {
    hub = await startTestHub()
  })
  afterAll(() => hub.stop())

  test("an engineer reads a config, pasted or of a project, and stores nothing by that", async () => {
    const [engineer, worker] = [await hub.as("engineer"), await hub.as("worker")]
    const ask = async (body: unknown): Promise<SetupOfConfig> =>
      (await engineer.post("/api/label-studio/setup", body)).json()
    expect(await ask({ config: plainConfig })).toMatchObject({ tools: ["box"], questions: [], faults: [] })
    const broken = await ask({ config: "<View><Image name='a' value='$a'/>" })
    expect(broken.faults.join()).toContain("not well-formed")
    expect((await engineer.post("/api/label-studio/setup", { project: 99 })).status).toBe(404)
    expect((await worker.post("/api/label-studio/setup", { config: plainConfig })).status).toBe(403)
    const { items } = await (await worker.get("/api/label-setups")).json()
    expect(items).toHaveLength(1)
    expect(items[0].revision).toBe(0)
  })
})
