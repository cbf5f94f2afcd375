import { expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { deskEn } from "../../ui/i18n/desk.en.ts"
import { deskKo } from "../../ui/i18n/desk.ko.ts"
import { en } from "../../ui/i18n/en.ts"
import { createFormat, gateSentence, readWords } from "../../ui/i18n/format.ts"
import { ko } from "../../ui/i18n/ko.ts"
import { writeNumber } from "../../ui/i18n/write-number.ts"

const languages = { ko, en }

/** Every word of a list with the path to it; functions are called with stand-ins. */
function wordsOf(node: unknown, path = ""): [string, string][] {
  if (typeof node === "string") return [[path, node]]
  if (typeof node === "function") {
    const stand = path.includes("reason.") || path.includes("problem.key") ? [{}, "pass"] : [3, 7, 5]
    const said: unknown =
      path === "common.and" ? node(["a", "b"]) : node(...(wantsText(path) ? ["가나", "다"] : stand))
    return [[path, String(said)]]
  }
  if (typeof node !== "object" || node === null) return []
  return Object.entries(node).flatMap(([key, value]) => wordsOf(value, path ? `${path}.${key}` : key))
}
const wantsText = (path: string) =>
  /modelSays|stored|By$|\.by$|loopRunning|halted|byStatus|eta|took|codeOnce|requestId|ago/.test(path)

/** All words of both languages, those of desks' screens too. */
const all = {
  ko: { ...languages.ko, desk: deskKo },
  en: { ...languages.en, desk: deskEn },
}

test("English says everything Korean says", () => {
  const paths = (words: unknown) =>
    wordsOf(words)
      .map(([path]) => path)
      .sort()
  expect(paths(all.en)).toEqual(paths(all.ko))
})

test("the words of a language are found by its name", async () => {
  for (const language of ["ko", "en"] as const) expect((await readWords(language)).code).toBe(language)
})

test("no word is empty and none shows a hole", () => {
  for (const words of Object.values(all))
    for (const [path, text] of wordsOf(words)) {
      expect(text.trim(), path).not.toBe("")
      expect(text, path).not.toMatch(/undefined|NaN|\[object/)
    }
})

test("Korean words hold Hangul unless they are names, signs or numbers", () => {
  const latin = wordsOf(all.ko).filter(
    ([path, text]) =>
      !/[가-힣]/.test(text) &&
      !/^(code|locale|common\.(percent|count|and)|trainers\.gpu|parts\.(byAt|json)|desk\.connections\.shapes\.crux)/.test(
        path,
      ),
  )
  expect(latin).toEqual([])
})

test("Korean particles follow the sound of the word before them", () => {
  expect(languages.ko.models.approvedBy("김철")).toBe("김철이 승인")
  expect(languages.ko.models.approvedBy("이영희")).toBe("이영희가 승인")
  expect(languages.ko.label.stored("양품")).toBe("양품으로 저장")
  expect(languages.ko.label.stored("보류")).toBe("보류로 저장")
  expect(languages.ko.stations.revokeTitle("3라인 옆면")).toBe("3라인 옆면을 해지할까요?")
  expect(languages.ko.learning.suspect("양품", "찍힘", 0.9)).toContain("찍힘으로 봅니다")
})

test("no Korean sentence leaves the choice of a particle to its reader", () => {
  const undecided = wordsOf(all.ko).filter(([, text]) => /[을은이과](?:\([를는가와]\))|\(으\)로/.test(text))
  expect(undecided).toEqual([])
})

test("durations name the two largest units", () => {
  const ko = createFormat(languages.ko)
  const en = createFormat(languages.en)
  expect(ko.duration(0)).toBe("0초")
  expect(ko.duration(192)).toBe("3분 12초")
  expect(en.duration(3_600)).toBe("1h")
  expect(en.duration(90_061)).toBe("1d 1h")
})

test("sizes have a unit that keeps their figures few", () => {
  const { bytes } = createFormat(languages.en)
  expect([212, 184_210, 3_700_000, 3.7e9].map(bytes)).toEqual(["212 B", "184.2 kB", "3.7 MB", "3.7 GB"])
  expect([212, 184_210].map(createFormat(languages.ko).bytes)).toEqual(["212B", "184.2kB"])
})

test("a gate reason this build does not know still becomes a sentence", () => {
  const check = { id: "latency", status: "fail", reason: "newer_than_this", params: {} } as const
  expect(gateSentence(languages.en, check)).toBe("Time per part: over the limit.")
  expect(gateSentence(languages.ko, check)).toContain("판정 시간")
})

test("every reason the hub gives for a message it does not take has its sentence", () => {
  const root = join(import.meta.dir, "../../hub")
  const text = (path: string) => readFileSync(join(root, path), "utf8")
  const every = (source: string, pattern: RegExp) => [...source.matchAll(pattern)].map((found) => found[1]!)
  const sources = readdirSync(join(root, "sources"))
    .map((name) => text(`sources/${name}`))
    .join("\n")
  const wire = [
    "inspection/ingest.service.ts",
    "contract/cxf1.ts",
    "contract/segment.ts",
    "mqtt/gateway.ts",
    "mqtt/reassembly.ts",
  ]
    .map(text)
    .join("\n")
  const problems = /new Problem\(\s*"[a-z_]+",\s*"([a-z_]+)"/g
  const codes = /\bcode: "([a-z_]+)"/g
  // Verdicts of a camera, and what is an answer to a caller or "come again" and never shown as a reason.
  const elsewhere = [
    "camera_undecided",
    "not_judged",
    "body",
    "busy",
    "device_name",
    "quarantined",
    "source",
    "source_folder",
    "source_token",
    "source_way",
    "content_encoding",
  ]
  const shown = new Set([...every(sources, codes), ...every(wire, problems), ...every(wire, codes)])
  expect(shown.size).toBeGreaterThan(20)
  for (const { desk, ...words } of Object.values(all))
    for (const code of shown) {
      if (elsewhere.includes(code)) continue
      const { arrivals, devices } = words
      const source = desk.sources
      const said =
        source.reasons[code] ?? source.notes[code] ?? arrivals.why[code] ?? devices.sourceNotes[code]
      expect(said, `${words.code} ${code}`).toBeString()
    }
})

test("a number is written as its language writes it, the short way included", () => {
  const values = [0, 1, 9, 999, 1_000, 12_345.678, 0.25, 0.04, 999.95, -1, -1_000, 2 ** 40, Number.NaN]
  for (const locale of ["ko-KR", "en-GB"]) {
    const options = { maximumFractionDigits: 1 }
    const write = writeNumber(locale, options)
    expect(values.map(write)).toEqual(values.map((value) => value.toLocaleString(locale, options)))
  }
})
