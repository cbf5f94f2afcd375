import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import sharp from "sharp"
import type { MsaReport } from "#contract/msa"
import type { DemoFigures } from "../../hub/demo/figures.ts"
import { usualLimits } from "../../hub/msa/report.rules.ts"
import type { PrintOperations } from "../../hub/msa/report-pdf.ts"
import { createAsker } from "../../models/infer/asker.ts"
import { createInferChild } from "../../models/infer/child.ts"
import pkg from "../../package.json" with { type: "json" }
import { freshBinary } from "../../scripts/build/binary.ts"
import { elfMachine } from "../../scripts/build/elf.ts"
import { nativePackages } from "../../scripts/build/natives.ts"
import { targets } from "../../scripts/build/target.ts"

const host = targets.find((target) => target.name === `${process.platform}-${process.arch}`)
const foreign = targets.filter((target) => target !== host)

/** A folder with nothing but the binary: what a plant gets. */
let plant: string
let crux: string

beforeAll(async () => {
  if (!host) throw new Error(`No binary is made for ${process.platform}-${process.arch}.`)
  plant = mkdtempSync(join(tmpdir(), "crux-plant-"))
  crux = join(plant, "crux")
  copyFileSync(await freshBinary(host), crux)
  mkdirSync(join(plant, "home"))
}, 120_000)
afterAll(() => rmSync(plant, { recursive: true }))

/** Runs the binary with a bare environment: no PATH to a Bun, no module folder, a home of its own. */
async function run(args: readonly string[], prefix: readonly string[] = []) {
  const child = Bun.spawn([...prefix, crux, ...args], {
    cwd: plant,
    env: { HOME: join(plant, "home"), PATH: "/usr/bin:/bin" },
    stdout: "pipe",
    stderr: "pipe",
  })
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { out, err, code }
}

/** A network namespace without any interface but loopback, where the machine lets us make one. */
function offlinePrefix(): readonly string[] {
  const up = ["sh", "-c", 'ip link set lo up && exec "$@"', "offline"]
  const ways = [
    ["unshare", "-n", "--", ...up],
    ["unshare", "-rn", "--", ...up],
  ]
  for (const way of ways) {
    if (Bun.which("unshare") && Bun.spawnSync([...way, "true"]).exitCode === 0) return way
  }
  console.warn("This machine allows no network namespace: the binary is tested with the network reachable.")
  return []
}

describe("the compiled binary in an empty folder", () => {
  test("says its version", async () => {
    const { out, code } = await run(["version"])
    expect(out).toStartWith(`crux ${pkg.version} (${host?.name}, bun ${Bun.version})`)
    expect(code).toBe(0)
  })

  test("answers a wrong command line with exit code 2", async () => {
    const { err, code } = await run(["hub", "--no-such-option"])
    expect(err).toContain('"crux hub" has no option --no-such-option.')
    expect(code).toBe(2)
  })

  test("is not steered by files in the folder it is started from", async () => {
    writeFileSync(join(plant, ".env"), "CRUX_CACHE=/proc/none")
    writeFileSync(join(plant, "evil.ts"), "throw new Error('preloaded')")
    writeFileSync(join(plant, "bunfig.toml"), 'preload = ["./evil.ts"]')
    try {
      expect((await run(["worker", "selfcheck"])).code).toBe(0)
    } finally {
      for (const name of [".env", "evil.ts", "bunfig.toml"]) rmSync(join(plant, name))
      rmSync(join(plant, "home/.cache"), { recursive: true })
    }
  })

  test("lists its commands without loading a native library", async () => {
    const { out, code } = await run(["help"])
    expect(out).toContain("usage: crux COMMAND")
    expect(code).toBe(0)
    expect(readdirSync(join(plant, "home"))).toEqual([])
  })

  test("prints a report in Korean with the font it carries", async () => {
    const printer = createAsker<PrintOperations>({ command: [crux, "worker", "print"] })
    try {
      const none = { n: 0, of: 0, share: null, low: null, high: null }
      const kappa = { kappa: null, se: null, low: null, high: null, n: 0 }
      const report: MsaReport = {
        ...{ v: 1, title: "시험", study: null, since: 0, made_at: 1, parts: 0, known: { ok: 0, ng: 0 } },
        ...{ appraisers: [], pairs: [], kinds: [], limits: usualLimits },
        ...{ between: none, all_right: none, between_kappa: kappa, between_grade: "too_few" },
      }
      const { pdf } = await printer.ask({ op: "msa", report, language: "ko", kinds: {}, zone: "Asia/Seoul" })
      expect(new TextDecoder().decode(pdf.subarray(0, 5))).toBe("%PDF-")
    } finally {
      await printer.close()
    }
  })

  test("loads its native libraries and computes with them, without any network", async () => {
    const { out, err, code } = await run(["worker", "selfcheck"], offlinePrefix())
    expect(err).toBe("")
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      sharp: pkg.dependencies.sharp,
      onnxruntime: pkg.dependencies["onnxruntime-node"],
    })
    const cached = readdirSync(join(plant, "home/.cache/crux/native")).map((name) => name.replace(/-.*/, ""))
    expect(cached.sort()).toEqual(["onnxruntime", "sharp"])
    expect(readdirSync(plant).sort()).toEqual(["crux", "home"])
    // ONNX Runtime would keep a device id and unsent reports here.
    expect(readdirSync(join(plant, "home/.cache"))).toEqual(["crux"])
  })

  test("runs a hub whose database, screens and fonts come from within itself", async () => {
    const hub = Bun.spawn([crux, "hub", "--data", "data", "--http-port", "0", "--mqtt-port", "0"], {
      cwd: plant,
      env: { HOME: join(plant, "home"), PATH: "/usr/bin:/bin" },
      stdout: "pipe",
      stderr: "ignore",
    })
    try {
      const url = /ready: (\S+)/.exec(await firstLine(hub.stdout))?.[1]
      const page = await fetch(`${url}/`)
      expect(page.status).toBe(200)
      const names = [...(await page.text()).matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(
        (match) => match[1],
      )
      expect(names.length).toBeGreaterThan(2)
      for (const name of names) expect((await fetch(`${url}${name}`)).status).toBe(200)
    } finally {
      hub.kill("SIGTERM")
      expect(await hub.exited).toBe(0)
      rmSync(join(plant, "data"), { recursive: true })
    }
  })

  test("looks at pictures in a child process of itself", async () => {
    const child = createInferChild({
      command: ["env", `HOME=${join(plant, "home")}`, crux, "worker", "infer"],
    })
    try {
      const background = { r: 90, g: 90, b: 90 }
      const bytes = await sharp({ create: { width: 16, height: 8, channels: 3, background } })
        .png()
        .toBuffer()
      expect(await child.probe({ bytes })).toEqual({ mime: "image/png", w: 16, h: 8 })
    } finally {
      await child.close()
    }
  })

  test("closes the whole loop without any network: inspects, labels, trains, proves, deploys", async () => {
    const temporary = join(plant, "tmp")
    mkdirSync(temporary)
    // One is enough here: that a rollout goes from station to station is seen where two tablets close the loop.
    const stations = 1
    const demo = ["demo", "--headless", "--json", "--quick", "--seed", "1", "--stations", String(stations)]
    const { out, err, code } = await run(demo, [...offlinePrefix(), "env", `TMPDIR=${temporary}`])
    expect({ code, err }).toMatchObject({ code: 0 })
    const figures: DemoFigures = JSON.parse(out)
    expect(figures).toMatchObject({ seed: 1, material: "drawn", stations, lost: 0, duplicates: 0 })
    expect(figures.committed).toEqual(["station-1"])
    expect(figures.champion_after).not.toBe(figures.champion_before)
    expect(figures.stored).toBe(figures.inspections)
    expect(figures.labels_used).toBeGreaterThan(0)
    expect(figures.unseen_ok + figures.unseen_ng).toBe(60)
    expect(figures.new_kind_escape_after).toBeLessThanOrEqual(figures.new_kind_escape_before)
    expect(readdirSync(temporary)).toEqual([])
    expect(readdirSync(join(plant, "home/.cache"))).toEqual(["crux"])
    rmSync(temporary, { recursive: true })
  }, 600_000)

  test("says what to do when its cache folder cannot be used", async () => {
    const { err, code } = await run(["worker", "selfcheck"], ["env", "CRUX_CACHE=/proc/none"])
    expect(code).toBe(3)
    expect(err).toContain("Set CRUX_CACHE to a folder")
  })
})

async function firstLine(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let text = ""
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    text += chunk
    if (text.includes("\n")) return text.slice(0, text.indexOf("\n"))
  }
  return text
}

describe("the binary for another machine", () => {
  for (const target of foreign) {
    test(`${target.name} is made for that machine, and so is each native file inside`, async () => {
      const binary = await freshBinary(target)
      expect(elfMachine(binary)).toBe(target.elfMachine)
      const bytes = Buffer.from(await Bun.file(binary).arrayBuffer())
      const files = (await nativePackages(target)).flatMap((each) => each.files)
      expect(files.length).toBe(4)
      for (const { source } of files) {
        expect(elfMachine(source)).toBe(target.elfMachine)
        expect(bytes.includes(Buffer.from(await Bun.file(source).arrayBuffer()))).toBe(true)
      }
    }, 120_000)
  }
})
