import { describe, expect, test } from "bun:test"
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { selfCommand } from "#models/child"
import { openSqlite } from "#platform/sqlite.bun"
import { crux, expectRefusal, newFolder, startCrux } from "./support/crux.ts"

const hub = (data: string) => ["hub", "--data", data, "--http-port", "0", "--mqtt-port", "0"]
const edge = (data: string) => ["edge", "--data", data]

/** A data folder that a hub has lived in. */
async function usedFolder(path: string): Promise<string> {
  const data = join(path, "data")
  const running = startCrux(hub(data))
  await running.says(/ready: /)
  running.child.kill("SIGTERM")
  expect((await running.ended()).code).toBe(0)
  return data
}

describe("crux refuses its data folder and leaves it alone when", () => {
  test("a newer version has written it (5)", async () => {
    using folder = newFolder()
    const data = await usedFolder(folder.path)
    const db = openSqlite(join(data, "hub.db"))
    db.exec("INSERT INTO migration VALUES ('9999_from_the_future', 'x', 1)")
    db.close()
    expectRefusal(
      await crux(hub(data)),
      5,
      "written by a newer CRUX",
      "9999_from_the_future",
      "Start that version",
    )
  })

  test("its database is damaged or gone: it never starts empty (6)", async () => {
    using folder = newFolder()
    const data = await usedFolder(folder.path)
    const path = join(data, "hub.db")
    const bytes = readFileSync(path)
    const damaged = Buffer.from(bytes)
    damaged.fill(0xa5, 4096, 12 * 4096)
    writeFileSync(path, damaged)
    expectRefusal(await crux(hub(data)), 6, `The database ${path} is damaged`, "from the backups folder")
    expect(readFileSync(path).equals(damaged)).toBe(true)

    writeFileSync(path, "")
    mkdirSync(join(data, "blobs/sha256/ab"), { recursive: true })
    writeFileSync(join(data, "blobs/sha256/ab/cd"), "a picture")
    expectRefusal(await crux(hub(data)), 6, "is missing or empty", "Put the database back")
  })

  test("a file is in its place (3)", async () => {
    using folder = newFolder()
    const file = join(folder.path, "data")
    writeFileSync(file, "mine")
    expectRefusal(await crux(hub(file)), 3, "a file is in its place", "--data")
    expectRefusal(await crux(edge(file)), 3, "a file is in its place", "--data")
    expect(readFileSync(file, "utf8")).toBe("mine")
  })

  test("the database of a station is damaged (6)", async () => {
    using folder = newFolder()
    writeFileSync(join(folder.path, "edge.db"), "this was a database once".repeat(400))
    expectRefusal(await crux(edge(folder.path)), 6, "edge.db is damaged", "Nothing was changed")
  })
})

/** Rights do not bind root: the program then runs as nobody. */
const asNobody =
  process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"] : []
// The folders of the sources or of Bun may be root's alone.
const canBeNobody = Bun.spawnSync([...asNobody, ...selfCommand("version")]).success
if (!canBeNobody) console.warn("Nobody may not run the program here: a folder without rights is not tested.")

describe.skipIf(!canBeNobody)("crux without rights", () => {
  test("to its data folder says so and ends with 8", async () => {
    using folder = newFolder()
    chmodSync(folder.path, 0o555)
    for (const [args, name] of [
      [hub(folder.path), "hub"],
      [hub(join(folder.path, "below")), "hub"],
      [edge(folder.path), "station"],
    ] as const) {
      const answer = await crux(args, { before: asNobody, env: { HOME: "/nonexistent" } })
      expectRefusal(answer, 8, `The ${name} may not write to ${folder.path}`, "Give the folder to the user")
    }
    expect(readdirSync(folder.path)).toEqual([])
  })
})

describe("crux edge says with exit code 3 what is wrong with", () => {
  test("its scenario, or its folder of photographs", async () => {
    using folder = newFolder()
    const file = join(folder.path, "scenario.json")
    const data = join(folder.path, "station")
    expectRefusal(await crux([...edge(data), "--scenario", file]), 3, `${file} cannot be read`)
    writeFileSync(file, '{ "ng_rate": 7 }')
    expectRefusal(await crux([...edge(data), "--scenario", file]), 3, "does not describe a line", "ng_rate")
    const images = [...edge(data), "--camera", "images", "--images", join(folder.path, "nowhere")]
    expectRefusal(await crux(images), 3, "does not exist", "Give the folder")
  })
})
