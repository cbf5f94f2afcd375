import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { sha256, until } from "../support/device.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"
import { addSource, engineerOf, jpeg, presetOf, type TestSource } from "./kit.ts"

let hub: TestHub
let engineer: Browser
beforeAll(async () => {
  hub = await startTestHub()
  engineer = await engineerOf(hub)
})
afterAll(() => hub.stop())

const folderOf = (source: TestSource, ...below: string[]) => join(hub.folder, "drop", source.id, ...below)
async function folderSource(id: string, more: object = {}) {
  const { profile } = await presetOf(engineer, "cognex-folder")
  const source = await addSource(hub, engineer, id, { ...profile, ...more } as typeof profile)
  await until("the folder", () => existsSync(folderOf(source)))
  return source
}
const names = (path: string) => (existsSync(path) ? readdirSync(path).sort() : [])
const stored = (source: TestSource, count: number) =>
  until(`${count} inspections`, () => source.stored().length === count && source.stored())

describe("a camera that writes files", () => {
  test("a picture with its text file is one inspection, and both files go to done", async () => {
    const source = await folderSource("cognex")
    const picture = await jpeg()
    writeFileSync(folderOf(source, "image00001.jpg"), picture)
    writeFileSync(folderOf(source, "image00001.txt"), "serial=SN-1\r\njob: bracket.job\r\nresult\tFAIL\r\n")
    const [header] = await stored(source, 1)
    expect(header).toMatchObject({
      part_id: "SN-1",
      job_id: "bracket.job",
      verdict: { eval: "ng" },
      parts: [{ sha256: sha256(picture) }],
    })
    await until("an empty folder", () => names(folderOf(source)).join() === "done")
    const [day = ""] = names(folderOf(source, "done"))
    expect(names(folderOf(source, "done", day))).toEqual(["image00001.jpg", "image00001.txt"])
  })

  test("csv and JSON beside the picture are read, also in CP949, and deleted when the profile says so", async () => {
    const source = await folderSource("csv", { sidecar: "csv", after: "delete" })
    writeFileSync(folderOf(source, "a.jpg"), await jpeg())
    // 'result,serial' / '불량,부품-1' in CP949.
    writeFileSync(
      folderOf(source, "a.csv"),
      Buffer.concat([
        Buffer.from("result,serial\r\n"),
        Buffer.from([0xba, 0xd2, 0xb7, 0xae]),
        Buffer.from(","),
        Buffer.from([0xba, 0xce, 0xc7, 0xb0]),
        Buffer.from("-1\r\n"),
      ]),
    )
    const [header] = await stored(source, 1)
    expect(header).toMatchObject({ part_id: "부품-1", verdict: { eval: "ng" } })
    await until("an empty folder", () => names(folderOf(source)).length === 0)

    const json = await folderSource("json", { sidecar: "json" })
    writeFileSync(folderOf(json, "B.JPG"), await jpeg())
    writeFileSync(folderOf(json, "B.jpg.json"), JSON.stringify({ serial: "B", result: "Pass" }))
    expect((await stored(json, 1))[0]).toMatchObject({ part_id: "B", verdict: { eval: "ok" } })
  })

  test("a file is not touched before it is whole: growing, under a temporary name, or without its end", async () => {
    const source = await folderSource("slow", { sidecar: "none" })
    const picture = await jpeg(300, 200)
    const half = picture.length >> 1
    writeFileSync(folderOf(source, "grow.jpg"), picture.subarray(0, half))
    writeFileSync(folderOf(source, "named.jpg.tmp"), picture)
    await Bun.sleep(1_700)
    expect(source.stored()).toEqual([])
    expect(names(folderOf(source))).toEqual(["grow.jpg", "named.jpg.tmp"])
    writeFileSync(folderOf(source, "grow.jpg"), picture)
    renameSync(folderOf(source, "named.jpg.tmp"), folderOf(source, "named.jpg"))
    const both = await stored(source, 2)
    expect(new Set(both.map((h) => h.parts[0]?.sha256))).toEqual(new Set([sha256(picture)]))
  })

  test("a picture whose data file never comes is stored without, undecidable; data without a picture is set aside", async () => {
    const source = await folderSource("lonely")
    writeFileSync(folderOf(source, "p.jpg"), await jpeg())
    writeFileSync(folderOf(source, "d.txt"), "result=OK")
    await Bun.sleep(1_200)
    expect(source.stored()).toEqual([])
    hub.clock.pass(11_000)
    expect((await stored(source, 1))[0]).toMatchObject({
      verdict: { eval: "undecidable", code: "verdict_missing" },
    })
    await until("the reason", () => names(folderOf(source, "quarantine")).length === 2)
    expect(readFileSync(folderOf(source, "quarantine", "d.txt.reason.txt"), "utf8")).toContain(
      "picture_missing",
    )
  })

  test("poison goes to the quarantine folder with its reason and does not stop the others", async () => {
    const source = await folderSource("poison", { sidecar: "none", max_bytes: 64 * 1024 })
    writeFileSync(folderOf(source, "a.bmp"), "BM not a picture")
    writeFileSync(folderOf(source, "b.jpg"), (await jpeg(200, 200)).subarray(0, 900))
    writeFileSync(folderOf(source, "c.jpg"), Buffer.alloc(80 * 1024, 1))
    writeFileSync(folderOf(source, "d.jpg"), "")
    writeFileSync(folderOf(source, "e.jpg"), await jpeg())
    await stored(source, 1)
    await Bun.sleep(1_200)
    hub.clock.pass(31_000)
    await until("four reasons", () => names(folderOf(source, "quarantine")).length === 8)
    const reason = (name: string) =>
      readFileSync(folderOf(source, "quarantine", `${name}.reason.txt`), "utf8").split(":")[0]
    expect(["a.bmp", "b.jpg", "c.jpg", "d.jpg"].map(reason)).toEqual([
      "no_picture",
      "picture_cut",
      "too_large",
      "empty",
    ])
    expect((await source.view()).counts).toMatchObject({ stored: 1, quarantined: 4 })
  })

  test("links out of the folder, pipes and folders are neither read nor followed", async () => {
    const source = await folderSource("links", { sidecar: "none", after: "delete" })
    const secret = join(hub.folder, "secret.jpg")
    writeFileSync(secret, await jpeg())
    symlinkSync(secret, folderOf(source, "link.jpg"))
    mkdirSync(folderOf(source, "sub.jpg"))
    Bun.spawnSync(["mkfifo", folderOf(source, "pipe.jpg")])
    writeFileSync(folderOf(source, "real.jpg"), await jpeg())
    await stored(source, 1)
    await until("the reasons", () => names(folderOf(source, "quarantine")).length === 4)
    expect(existsSync(secret)).toBe(true)
    expect((await source.messages()).filter((m) => m.code === "not_a_file")).toHaveLength(2)

    // A link in place of the folder itself is not followed either.
    const linked = await addSource(hub, engineer, "linked", {
      kind: "folder",
      folder: "linked",
      sidecar: "none",
      after: "delete",
    })
    const outside = join(hub.folder, "outside")
    mkdirSync(outside)
    await until("the folder", () => existsSync(folderOf(linked)))
    renameSync(folderOf(linked), join(hub.folder, "drop", "away"))
    symlinkSync(outside, folderOf(linked))
    writeFileSync(join(outside, "x.jpg"), await jpeg())
    await until("the trouble", async () => (await linked.view()).trouble?.code === "folder")
    expect(linked.stored()).toEqual([])
    expect(existsSync(join(outside, "x.jpg"))).toBe(true)
  })

  test("a name in CP949 is read, shown in Hangul, and moved under its own bytes", async () => {
    const source = await folderSource("cp949", { sidecar: "none", fields: { part: "$file.stem" } })
    const raw = Buffer.concat([Buffer.from([0xba, 0xea, 0xb6, 0xf3]), Buffer.from("_01.jpg")])
    writeFileSync(Buffer.concat([Buffer.from(`${folderOf(source)}/`), raw]), await jpeg())
    expect((await stored(source, 1))[0]).toMatchObject({ part_id: "브라_01" })
    const [day = ""] = await until("done", () => {
      const days = names(folderOf(source, "done"))
      return days.length > 0 && days
    })
    const moved = await until("the file", () => {
      const found = readdirSync(folderOf(source, "done", day), { encoding: "buffer" }) as unknown as Buffer[]
      return found.length > 0 && found
    })
    expect(Buffer.from(moved[0]!).toString("hex")).toBe(raw.toString("hex"))
  })

  test("a file that is found again after a crash between storing and moving is not stored twice", async () => {
    const source = await folderSource("crash", { sidecar: "none" })
    const name = folderOf(source, "one.jpg")
    writeFileSync(name, await jpeg())
    await stored(source, 1)
    const [day = ""] = await until("done", () => {
      const days = names(folderOf(source, "done"))
      return days.length > 0 && names(folderOf(source, "done", days[0]!)).length > 0 && days
    })
    // As the crash would have left it: the same file, with its time, in its place.
    renameSync(folderOf(source, "done", day, "one.jpg"), name)
    await until("the repeat", async () => (await source.messages())[0]?.st === "repeated")
    expect(source.stored()).toHaveLength(1)
    await until("it is moved again", () => !existsSync(name))
  })

  test("what cannot be stored stays where it is, and is stored later", async () => {
    const source = await folderSource("later", { sidecar: "none" })
    hub.hub.db.exec(
      "CREATE TRIGGER no_room BEFORE INSERT ON inspection BEGIN SELECT RAISE(FAIL, 'no room'); END",
    )
    writeFileSync(folderOf(source, "one.jpg"), await jpeg())
    await until("the trouble", async () => (await source.messages())[0]?.st === "later")
    expect(names(folderOf(source))).toEqual(["one.jpg"])
    hub.hub.db.exec("DROP TRIGGER no_room")
    hub.clock.pass(6_000)
    await stored(source, 1)
  })

  test("two sources cannot share a folder", async () => {
    const { profile } = await presetOf(engineer, "cognex-folder")
    await addSource(hub, engineer, "mine", { ...profile, folder: "shared" } as typeof profile)
    const answer = await engineer.post("/api/sources", {
      id: "yours",
      name: "x",
      preset: "own",
      profile: { kind: "folder", folder: "shared", sidecar: "none", after: "move" },
    })
    expect(await answer.json()).toMatchObject({ status: 409, key: "source_folder" })
  })
})
