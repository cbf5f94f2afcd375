import { expect, test } from "bun:test"
import { uuidv7 } from "uuidv7"
import * as v from "valibot"
import { LabelTask, type LabelVerdict, NewLabel } from "#contract/labelling"
import type { LabelSetup } from "#contract/questions"
import { plainSetup } from "#contract/setups"
import { wholePicture } from "../../ui/editor/picture.ts"
import { createFirstHand } from "../../ui/opening/first-hand.ts"
import { createMemoryKept } from "../../ui/screens/label/kept.ts"
import { createLabelling } from "../../ui/screens/label/labelling.ts"
import { onePart } from "../../ui/screens/label/queue.ts"

type Finding = { kind: string; score: number; box?: [number, number, number, number] }

const taskOf = (findings: Finding[], verdict: "ok" | "ng" | "undecidable" = "ng"): LabelTask =>
  v.parse(LabelTask, {
    inspection: {
      id: uuidv7(),
      device_id: "cam-1",
      seq: 1,
      captured_at: 1,
      received_at: 2,
      part_id: "P-1",
      product_id: "plate",
      verdict: { eval: verdict, score: 0.9, t_low: 0.4, t_high: 0.6 },
      findings,
      model: null,
      why_sent: "all",
      image: { sha256: "a".repeat(64), mime: "image/jpeg", w: 400, h: 300, size: 10 },
      simulated: false,
      label: null,
    },
    reason: "ng",
    criteria: 7,
    lease: { id: uuidv7(), expires_at: Date.now() + 60_000 },
    waiting: 9,
  })

const isKnown = (kind: string) => kind !== "anomaly"
const setup: LabelSetup = { ...plainSetup, product: "plate", revision: 3 }

function firstHand(task: LabelTask, more: Partial<Parameters<typeof createFirstHand>[0]> = {}) {
  const clock = { now: 1_000_000 }
  const kept = createMemoryKept()
  const hand = createFirstHand({
    task,
    user: "worker1",
    setup,
    isKnown,
    keep: kept.put,
    now: () => clock.now,
    newId: () => "the-id",
    ...more,
  })
  return { hand, kept, clock }
}

/** What the work screen itself makes of the same verdict on the same part. */
async function byScreen(task: LabelTask, verdict: LabelVerdict): Promise<NewLabel | null> {
  const clock = { now: 1_000_000 }
  const labels: NewLabel[] = []
  const work = createLabelling({
    queue: onePart({ task, picture: wholePicture({ w: 400, h: 300 }, []), earlier: null }),
    outbox: { add: async (label) => void labels.push(label) },
    now: () => clock.now,
    newId: () => "the-id",
    isKnown,
    setup: () => setup,
  })
  clock.now += 700
  await work.decide(verdict)
  work.stop()
  return labels[0] ?? null
}

const findings: Finding[][] = [
  [],
  [{ kind: "scratch", score: 0.9, box: [10, 20, 30, 40] }],
  [{ kind: "anomaly", score: 0.9, box: [10, 20, 30, 40] }],
  [{ kind: "dent", score: 0.6 }],
  [
    { kind: "scratch", score: 0.9, box: [10.26, 20, 30, 40] },
    { kind: "anomaly", score: 0.5, box: [100, 20, 30, 40] },
    { kind: "dent", score: 0.6 },
  ],
]

test("a verdict at the first screen is the label that the work screen would have made", async () => {
  for (const found of findings)
    for (const evaluation of ["ok", "ng", "undecidable"] as const)
      for (const verdict of ["ok", "ng", "unsure"] as const) {
        const task = taskOf(found, evaluation)
        const { hand, kept, clock } = firstHand(task)
        hand.show()
        clock.now += 700
        const became = hand.press(verdict)
        const expected = await byScreen(structuredClone(task), verdict)
        expect(became).toBe(expected ? "judged" : "later")
        expect(hand.done().label).toEqual(expected)
        expect(hand.done().later).toBe(expected ? null : verdict)
        const entries = await kept.all()
        expect(entries.map((entry) => "label" in entry && entry.label)).toEqual(
          expected ? [{ ...expected }] : [],
        )
        if (expected) expect(v.is(NewLabel, { ...expected, id: uuidv7() })).toBe(true)
      }
})

test("a tap before the part is to be seen, or right after, judges nothing; a second one changes nothing", async () => {
  const { hand, kept, clock } = firstHand(taskOf([]))
  expect(hand.press("ok")).toBe("nothing")
  hand.show()
  clock.now += 100
  expect(hand.press("ok")).toBe("nothing")
  clock.now += 60
  expect(hand.press("ok")).toBe("judged")
  clock.now += 400
  expect(hand.press("unsure")).toBe("nothing")
  expect(await kept.all()).toHaveLength(1)
  expect(hand.done().label).toMatchObject({ verdict: "ok", shown_at: 1_000_000, active_ms: 160 })
})

test("NG that must be answered first waits for the screen, and another verdict takes its place", async () => {
  const question = {
    key: "side",
    names: { ko: "면", en: "Side" },
    of: "image",
    type: "text",
    required: true,
  } as const
  const { hand, clock } = firstHand(taskOf(findings[1]!), { setup: { ...setup, questions: [question] } })
  hand.show()
  clock.now += 400
  expect(hand.press("ng")).toBe("later")
  expect(hand.done()).toMatchObject({ label: null, later: "ng" })
  expect(hand.press("unsure")).toBe("judged")
  expect(hand.done().later).toBeNull()
})

test("a disk that takes nothing is told, so that the outbox keeps the label instead", async () => {
  const { hand, clock } = firstHand(taskOf([]), { keep: () => Promise.reject(new Error("no room")) })
  hand.show()
  clock.now += 400
  expect(hand.press("ok")).toBe("judged")
  expect(await hand.done().kept).toBe(false)
})
