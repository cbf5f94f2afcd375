import type { HelpReport, Prelabel, SimilarParts, TeacherView } from "#contract/assist"
import type { InspectionView } from "#contract/labelling"
import type { ModelView } from "#contract/registry"
import type { OutlineAnswer, Pointing, SegmenterView } from "#contract/segmenter"

/** Parts of the stream as the hub would call them similar to one, some of them judged. */
export function makeSimilar(stream: readonly InspectionView[], id: string): SimilarParts {
  const items = stream
    .filter((inspection) => inspection.id !== id)
    .slice(0, 12)
    .map((inspection, i) => {
      const verdict = i % 3 === 0 ? ("ok" as const) : ("ng" as const)
      const label = {
        verdict,
        kinds: verdict === "ng" ? ["scratch"] : [],
        by: "Kim",
        at: inspection.received_at,
        revision: 1,
      }
      return { similarity: 0.98 - i * 0.03, inspection: i === 4 ? inspection : { ...inspection, label } }
    })
  const labels = items.flatMap(({ inspection }) => inspection.label ?? [])
  const count = (of: string) => labels.filter(({ verdict }) => verdict === of).length
  return {
    items,
    judged: { ok: count("ok"), ng: count("ng"), unsure: 0, kinds: [{ kind: "scratch", parts: count("ng") }] },
    searched: 48_211,
    waiting: 0,
  }
}

/** Help as it is measured after some weeks of use. */
export function makeHelp(now: number, empty = false): HelpReport {
  const rate = (n: number, share: number, spread: number) => ({
    n,
    share,
    low: Math.max(0, share - spread),
    high: Math.min(1, share + spread),
  })
  const none = { n: 0, share: 0, low: 0, high: 1 }
  const day = 86_400_000
  const today = now - (now % day)
  if (empty)
    return {
      since: now - 30 * day,
      blind_share: 0.05,
      time: { helped: { n: 0, median_ms: 0 }, blind: { n: 0, median_ms: 0 }, ratio: null },
      agreement: { helped: none, blind: none },
      tools: [],
      days: [],
    }
  return {
    since: now - 30 * day,
    blind_share: 0.05,
    time: {
      helped: { n: 4_102, median_ms: 1_830 },
      blind: { n: 221, median_ms: 2_740 },
      ratio: { value: 0.68, low: 0.63, high: 0.74 },
    },
    agreement: { helped: rate(4_102, 0.91, 0.009), blind: rate(221, 0.86, 0.046) },
    tools: [
      { tool: "champion", shown: 4_102, as_is: 3_204, changed: 529, taken: rate(4_102, 0.91, 0.009) },
      { tool: "teacher", shown: 612, as_is: 402, changed: 88, taken: rate(612, 0.8, 0.032) },
      { tool: "segment", shown: 233, as_is: 121, changed: 60, taken: rate(233, 0.777, 0.053) },
      { tool: "same_as_last", shown: 48, as_is: 31, changed: 2, taken: rate(48, 0.688, 0.13) },
    ],
    days: Array.from({ length: 14 }, (_, i) => ({
      day: today - (13 - i) * day,
      shown: 200 + 13 * i,
      taken: Math.round((200 + 13 * i) * (0.78 + 0.01 * i)),
    })),
  }
}

export function makeTeacher(models: readonly ModelView[]): TeacherView {
  const [champion, other] = [models.find((model) => model.champion) ?? models[0], models[1] ?? models[0]]
  const run = (role: "champion" | "teacher", digest: string) => ({
    role,
    model: digest,
    made: role === "teacher" ? 1_204 : 310,
    differed: role === "teacher" ? 37 : 12,
    failed: 0,
    waiting: role === "teacher" ? 820 : 0,
  })
  return {
    teacher: other?.digest ?? null,
    runs: [run("champion", champion?.digest ?? ""), run("teacher", other?.digest ?? "")],
    state: "working",
  }
}

export function makeSegmenters(at: number): SegmenterView[] {
  const ends = (sha: string, inputs: string[], outputs: string[]) => ({
    sha256: sha.repeat(64),
    inputs,
    outputs,
  })
  const pair = (name: string, n: string): SegmenterView => ({
    id: `0199a000-0000-7000-8000-00000000000${n}`,
    name,
    active: false,
    builtin: false,
    state: "unknown",
    layout: null,
    encoder: ends(n, ["bild [1,3,512,512]"], ["merkmale [1,64,32,32]"]),
    decoder: ends(`${Number(n) + 3}`, ["merkmale [1,64,32,32]", "orte [1,n,2]"], ["flaeche [1,1,128,128]"]),
    licence: null,
    created_at: at,
  })
  return [
    { ...pair("CRUX", "1"), builtin: true, active: true, state: "ready" },
    { ...pair("MobileSAM", "2"), state: "ready", licence: "Apache-2.0" },
    pair("Werkbank", "3"),
  ]
}

/** A blob of twelve corners around what was pointed at. */
export function makeOutline({ points, box }: Pointing): OutlineAnswer {
  const [first] = points
  const [x, y, w, h] = box ?? [(first?.x ?? 50) - 40, (first?.y ?? 50) - 40, 80, 80]
  const corners = Array.from({ length: 12 }, (_, i): [number, number] => {
    const angle = (i / 12) * 2 * Math.PI
    const r = i % 2 === 0 ? 0.5 : 0.42
    return [x + w / 2 + r * w * Math.cos(angle), y + h / 2 + r * h * Math.sin(angle)]
  })
  return {
    mask: null,
    polygon: { type: "polygon", points: corners },
    segmenter: "0199a000-0000-7000-8000-000000000001",
    ms: { encode: 0, decode: 12 },
  }
}

/** A teacher that sees a part differently than its station. */
export function makePrelabels(at: number): Prelabel[] {
  return [
    {
      role: "teacher",
      model: "7e".repeat(32),
      verdict: { eval: "ng", score: 0.83 },
      findings: [{ kind: "dent", score: 0.83, box: [40, 40, 90, 60] }],
      disagrees: true,
      made_at: at,
    },
  ]
}
