import { beforeAll, describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { join, resolve } from "node:path"
import { Problem } from "#contract/problem"
import { type ImageSet, itemsOf, readImageFolder } from "../../../edge/simulator/images.ts"
import { boxesOfMask } from "../../../edge/simulator/mask-boxes.ts"
import { readPartsCsv } from "../../../edge/simulator/parts-csv.ts"
import { mask, photograph, SIDE, temporaryFolder, writeFiles, writeSmallSet } from "./image-folder.ts"

async function problemOf(work: Promise<unknown>): Promise<Problem> {
  try {
    await work
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error("nothing was thrown")
}

describe("a folder in the MVTec layout", () => {
  let root: string
  let set: ImageSet

  beforeAll(async () => {
    root = await temporaryFolder()
    await writeSmallSet(root)
    set = await readImageFolder(root, 7)
  })

  test("every picture is read with its verdict, kind and box", async () => {
    expect(set.items.length).toBe(36)
    expect(set.kinds).toEqual(["crack", "stain"])
    const crack = set.items.find((item) => item.file === "test/crack/c3.jpg")!
    expect(crack).toMatchObject({ verdict: "ng", width: SIDE, height: SIDE, mime: "image/jpeg" })
    expect(crack.defects).toEqual([{ kind: "crack", box: [23, 30, 40, 10] }])
    expect(set.items.find((item) => item.file === "train/Stain/s0.jpg")?.defects).toEqual([{ kind: "stain" }])
    expect(set.items.find((item) => item.file === "train/good/g0.jpg")?.defects).toEqual([])
  })

  test("the most frequent kind plays the newcomer, and the warm-up knows good parts only", () => {
    expect(set.new_kind).toBe("crack")
    const warmup = itemsOf(set, "warmup")
    expect(warmup.length).toBeGreaterThanOrEqual(4)
    expect(warmup.every((item) => item.verdict === "ok")).toBe(true)
  })

  test("line, golden and unseen each hold good parts and every kind", () => {
    for (const split of ["line", "golden", "unseen"] as const) {
      const kinds = new Set(itemsOf(set, split).map((item) => item.defects[0]?.kind ?? "good"))
      expect(kinds).toEqual(new Set(["good", "crack", "stain"]))
    }
  })

  test("the same seed splits alike, another one differently", async () => {
    const splitsOf = (s: ImageSet) => s.items.map((item) => item.split).join()
    expect(splitsOf(await readImageFolder(root, 7))).toBe(splitsOf(set))
    expect(splitsOf(await readImageFolder(root, 8))).not.toBe(splitsOf(set))
  })

  test("a picture's bytes lead back to its truth", async () => {
    const bytes = await readFile(join(root, "test/crack/c5.jpg"))
    const sha256 = createHash("sha256").update(bytes).digest("hex")
    expect(set.truthOf(sha256)?.defects).toEqual([{ kind: "crack", box: [25, 30, 40, 10] }])
    expect(set.truthOf("0".repeat(64))).toBeUndefined()
  })
})

describe("near-copies", () => {
  test("two jittered pictures of one part stay together, other parts do not join them", async () => {
    const root = await temporaryFolder()
    await writeSmallSet(root)
    await writeFiles(root, {
      "test/crack/again.jpg": await photograph("crack 2", 4, 0.8),
      "train/good/again.jpg": await photograph("good 5", -3, 1.1),
    })
    const set = await readImageFolder(root, 7)
    expect(set.grouped_by).toBe("near_copies")
    const partOf = (file: string) => set.items.find((item) => item.file === file)?.part
    expect(partOf("test/crack/again.jpg")).toBe(partOf("test/crack/c2.jpg")!)
    expect(partOf("train/good/again.jpg")).toBe(partOf("train/good/g5.jpg")!)
    expect(new Set(set.items.map((item) => item.part)).size).toBe(36)
  })

  test("no part lies in two splits", async () => {
    const root = await temporaryFolder()
    const files: Record<string, Uint8Array> = {}
    for (let part = 0; part < 12; part++) {
      for (let copy = 0; copy < 3; copy++) {
        files[`train/good/p${part}-${copy}.jpg`] = await photograph(`part ${part}`, copy * 2, 1 - copy * 0.05)
      }
    }
    await writeFiles(root, files)
    const set = await readImageFolder(root, 3)
    const splits = new Map<string, Set<string>>()
    for (const item of set.items) splits.set(item.part, (splits.get(item.part) ?? new Set()).add(item.split))
    expect(splits.size).toBe(12)
    expect([...splits.values()].every((set) => set.size === 1)).toBe(true)
    expect(set.new_kind).toBeUndefined()
  })

  test("parts that a fixture makes look alike count as parts of their own", async () => {
    const root = await temporaryFolder()
    const files: Record<string, Uint8Array> = {}
    for (let i = 0; i < 10; i++)
      files[`train/good/${i}.jpg`] = await photograph("the same fixture", 0, 1 - i * 0.02)
    await writeFiles(root, files)
    const set = await readImageFolder(root, 3)
    expect(set.grouped_by).toBe("every_picture")
    expect(new Set(set.items.map((item) => item.part)).size).toBe(10)
  })
})

describe("parts.csv", () => {
  test("its parts are kept together; byte order mark, CRLF and quotes are fine", async () => {
    const root = await temporaryFolder()
    await writeSmallSet(root)
    const rows = [
      "train/good/g0.jpg,A",
      '"train/good/g1.jpg","A"',
      "test/crack/c0.jpg,B",
      "test/good/t0.jpg,B",
    ]
    await writeFiles(root, { "parts.csv": `\uFEFFfile,part\r\n${rows.join("\r\n")}\r\n` })
    const set = await readImageFolder(root, 7)
    expect(set.grouped_by).toBe("parts.csv")
    const of = (part: string) => set.items.filter((item) => item.part === part)
    expect(of("A").map((item) => item.file)).toEqual(["train/good/g0.jpg", "train/good/g1.jpg"])
    expect(new Set(of("A").map((item) => item.split)).size).toBe(1)
    // A part with a defect in one picture is no good part, whatever its other pictures show.
    expect(new Set(of("B").map((item) => item.split)).size).toBe(1)
    expect(of("B")[0]?.split).not.toBe("warmup")
  })

  test("its split column decides; train never becomes golden and test never the line", async () => {
    const root = await temporaryFolder()
    await writeSmallSet(root)
    const rows = ["train/good/g0.jpg,1,unseen", "test/crack/c0.jpg,2,warmup"]
    for (let i = 1; i < 20; i++) rows.push(`train/good/g${i}.jpg,g${i},${i % 2 ? "train" : "test"}`)
    await writeFiles(root, { "parts.csv": `file,part,split\n${rows.join("\n")}` })
    const set = await readImageFolder(root, 7)
    const splitOf = (file: string) => set.items.find((item) => item.file === file)!.split
    expect(splitOf("train/good/g0.jpg")).toBe("unseen")
    expect(splitOf("test/crack/c0.jpg")).toBe("line")
    for (let i = 1; i < 20; i++) {
      expect(i % 2 ? ["warmup", "line"] : ["golden", "unseen"]).toContain(splitOf(`train/good/g${i}.jpg`))
    }
  })

  test("a broken line is named", () => {
    const messageOf = (text: string) => {
      try {
        readPartsCsv(text)
      } catch (error) {
        return error instanceof Problem ? error.message : String(error)
      }
      return "accepted"
    }
    expect(messageOf("name,part\na,b")).toBe(
      'parts.csv, line 1: the first line must name the columns "file" and "part".',
    )
    expect(messageOf("file,part\na.jpg,1\nb.jpg,")).toBe("parts.csv, line 3: a file or its part is missing.")
    expect(messageOf("file,part,split\na.jpg,1,holdout")).toStartWith(
      'parts.csv, line 2: "holdout" is no split',
    )
    expect(messageOf("part,file\n7,a.jpg\n\n")).toBe("accepted")
  })
})

describe("what is wrong is said", () => {
  test("a missing folder", async () => {
    const problem = await problemOf(readImageFolder(join(await temporaryFolder(), "nowhere"), 1))
    expect(problem.key).toBe("images_missing")
    expect(problem.message).toMatch(
      /^The folder .*nowhere does not exist or may not be read\. Give the folder that/,
    )
  })

  test("a file where a folder should be", async () => {
    const root = await temporaryFolder()
    await writeFiles(root, { "picture.jpg": await photograph("one") })
    const problem = await problemOf(readImageFolder(join(root, "picture.jpg"), 1))
    expect(problem.message).toContain("is a file, not a folder")
  })

  test("an empty folder", async () => {
    const problem = await problemOf(readImageFolder(await temporaryFolder(), 1))
    expect(problem.key).toBe("images_empty")
    expect(problem.message).toContain("it needs train/good and test/<defect> with JPEG, PNG or WebP files.")
  })

  test("a folder without good parts", async () => {
    const root = await temporaryFolder()
    await writeFiles(root, { "test/crack/a.jpg": await photograph("a") })
    const problem = await problemOf(readImageFolder(root, 1))
    expect(problem.key).toBe("images_no_good")
    expect(problem.message).toContain("put some in train/good, the first model is made from them.")
  })

  test("an unreadable picture is left out by name while others remain", async () => {
    const root = await temporaryFolder()
    await writeFiles(root, {
      "train/good/a.jpg": await photograph("a"),
      "train/good/broken.jpg": "this is no picture",
    })
    const set = await readImageFolder(root, 1)
    expect(set.items.map((item) => item.file)).toEqual(["train/good/a.jpg"])
    expect(set.skipped.map((s) => s.file)).toEqual(["train/good/broken.jpg"])
    expect(set.skipped[0]?.reason).not.toBe("")
  })

  test("a folder of unreadable pictures only", async () => {
    const root = await temporaryFolder()
    await writeFiles(root, { "train/good/broken.jpg": "this is no picture" })
    const problem = await problemOf(readImageFolder(root, 1))
    expect(problem.key).toBe("images_unreadable")
    expect(problem.message).toMatch(/^None of the 1 pictures in .* the first is train\/good\/broken\.jpg: /)
  })

  test("a mask of another size", async () => {
    const root = await temporaryFolder()
    await writeFiles(root, {
      "train/good/a.jpg": await photograph("a"),
      "test/crack/b.jpg": await photograph("b"),
      "ground_truth/crack/b_mask.png": await mask([[1, 1, 5, 5]], 80),
    })
    const set = await readImageFolder(root, 1)
    expect(set.skipped).toEqual([
      { file: "test/crack/b.jpg", reason: "its mask is 80×80, the picture 160×160" },
    ])
  })
})

describe("boxes of a mask", () => {
  const draw = (boxes: [number, number, number, number][], white = 255) => {
    const data = new Uint8Array(200 * 100)
    for (const [x, y, w, h] of boxes)
      for (let r = y; r < y + h; r++) data.fill(white, r * 200 + x, r * 200 + x + w)
    return boxesOfMask(data, 200, 100)
  }

  test("separate areas give separate boxes, near ones share one", () => {
    expect(
      draw([
        [10, 10, 20, 8],
        [120, 50, 30, 30],
      ]),
    ).toEqual([
      [10, 10, 20, 8],
      [120, 50, 30, 30],
    ])
    expect(
      draw([
        [10, 10, 20, 8],
        [33, 12, 10, 10],
      ]),
    ).toEqual([[10, 10, 33, 12]])
  })

  test("a bridge joins what was apart before it", () => {
    expect(
      draw([
        [10, 10, 10, 10],
        [26, 10, 10, 10],
        [22, 14, 2, 3],
      ]),
    ).toEqual([[10, 10, 26, 10]])
  })

  test("specks are left out, masks of 0 and 1 count, an empty mask has none", () => {
    expect(
      draw([
        [10, 10, 20, 8],
        [150, 80, 1, 2],
      ]),
    ).toEqual([[10, 10, 20, 8]])
    expect(draw([[150, 80, 1, 2]], 1)).toEqual([[150, 80, 1, 2]])
    expect(draw([])).toEqual([])
  })
})

// Real photographs are not part of the project; where a checkout lies beside them they are read too.
const realSets = resolve(import.meta.dir, "../../../../shared/data")

test.skipIf(!existsSync(join(realSets, "cookies")))("real photographs: 85 cookies, 32 masks", async () => {
  const set = await readImageFolder(join(realSets, "cookies"), 7)
  expect(set.items.length).toBe(85)
  expect(set.new_kind).toBe("cracked")
  expect(set.items.filter((item) => item.defects.some((defect) => defect.box)).length).toBe(32)
})
