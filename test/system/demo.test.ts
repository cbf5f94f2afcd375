import { describe, expect, test } from "bun:test"
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { ensureBackbone } from "#models/backbone/convert"
import { grey } from "../edge/support/models.ts"
import { jpegOf } from "../models/kit.ts"
import { crux, expectRefusal, newFolder, startCrux } from "./support/crux.ts"
import { writePhotos } from "./support/photos.ts"

const demo = (...args: string[]) => crux(["demo", "--headless", ...args])

/** Writes files below a folder; their folders are made. */
function fill(root: string, files: Record<string, Uint8Array | string>): string {
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(join(root, name, ".."), { recursive: true })
    writeFileSync(join(root, name), bytes)
  }
  return root
}

describe("crux demo says before it starts anything what is wrong with", () => {
  test("a folder of pictures that is missing, empty, or a file", async () => {
    using folder = newFolder()
    const missing = join(folder.path, "nowhere")
    expectRefusal(await demo("--images", missing), 3, missing, "does not exist", "Give the folder")
    expectRefusal(await demo("--images", folder.path), 3, "There are no pictures", "train/good")
    const file = join(fill(folder.path, { "a.jpg": "x" }), "a.jpg")
    expectRefusal(await demo("--images", file), 3, "is a file, not a folder")
  })

  test("pictures none of which can be read", async () => {
    using folder = newFolder()
    fill(folder.path, { "train/good/1.png": "no picture", "test/dent/1.jpg": "nor this" })
    const answer = await demo("--images", folder.path)
    expectRefusal(answer, 3, "None of the 2 pictures", "train/good/1.png", "JPEG, PNG or WebP")
  })

  test("pictures of good parts only, or of defects only", async () => {
    using folder = newFolder()
    const picture = await jpegOf(grey(128))
    fill(join(folder.path, "a"), { "train/good/1.jpg": picture, "train/good/2.jpg": await jpegOf(grey(99)) })
    expectRefusal(
      await demo("--images", join(folder.path, "a")),
      3,
      "no pictures of defects",
      "test/<defect>",
    )
    fill(join(folder.path, "b"), { "test/dent/1.jpg": picture })
    expectRefusal(
      await demo("--images", join(folder.path, "b")),
      3,
      "no pictures of good parts",
      "train/good",
    )
  })

  test("a backbone that is missing, no ONNX, unknown, or described wrongly", async () => {
    using folder = newFolder()
    const file = join(folder.path, "b.onnx")
    expectRefusal(await demo("--backbone", file), 3, `backbone file ${file} does not exist`)
    expectRefusal(await demo("--backbone", folder.path), 3, "cannot be read as a file")
    writeFileSync(file, "this is no network")
    expectRefusal(await demo("--backbone", file), 3, "not a readable ONNX model")
    // One byte of its metadata differs: nobody knows this file.
    const shipped = readFileSync((await ensureBackbone()).onnx)
    writeFileSync(file, Buffer.concat([shipped, Buffer.from([0x72, 0])]))
    expectRefusal(await demo("--backbone", file), 3, "unknown backbone", `${file}.json`, '"taps"')
    writeFileSync(`${file}.json`, "{")
    expectRefusal(await demo("--backbone", file), 3, `${file}.json is not valid`)
    const hub = await crux(["hub", "--data", join(folder.path, "hub"), "--backbone", `${file}.gone`])
    expectRefusal(hub, 3, "does not exist")
  })

  test("a port in use, and a data folder that is not empty", async () => {
    using folder = newFolder()
    const holder = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } })
    try {
      const answer = await demo("--port", String(holder.port))
      expectRefusal(answer, 1, `Port ${holder.port} is already in use`, "--port")
    } finally {
      holder.stop(true)
    }
    fill(folder.path, { "notes.txt": "mine" })
    expectRefusal(await demo("--data", folder.path), 3, "is not empty", "--data")
    expect(readdirSync(folder.path)).toEqual(["notes.txt"])
  })
})

/** Command lines of all processes on this machine that name `path`. */
function processesOf(path: string): string[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name))
  return pids.flatMap((pid) => {
    try {
      const [command, environment] = ["cmdline", "environ"].map((f) =>
        readFileSync(`/proc/${pid}/${f}`, "utf8"),
      )
      return command?.includes(path) || environment?.includes(path) ? [command ?? ""] : []
    } catch {
      // It has ended meanwhile, or is another user's.
      return []
    }
  })
}

describe("Ctrl+C", () => {
  for (const [when, line] of [
    ["while the hub starts", /hub at/],
    ["while the first model is trained", /training: (load|bank)/],
  ] as const)
    test(`${when} leaves no process and no file behind`, async () => {
      using folder = newFolder()
      using photos = newFolder()
      const args = ["demo", "--headless", "--images", await writePhotos(photos.path)]
      const running = startCrux(args, { env: { TMPDIR: folder.path } })
      await running.says(line)
      expect(processesOf(folder.path).length).toBeGreaterThan(1)
      running.child.kill("SIGINT")
      expectRefusal(await running.ended(), 1, "stopped before the loop had closed")
      expect(processesOf(folder.path)).toEqual([])
      expect(readdirSync(folder.path)).toEqual([])
    }, 300_000)
})
