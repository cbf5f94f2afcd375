import { setTimeout } from "node:timers/promises"
import type { GoldenCounts } from "#contract/registry"
import { answerParent } from "#models/infer/answerer"
import type { Sqlite } from "#platform/sqlite"
import type { LabelledPart } from "./dataset.service.ts"
import { createFreezer, type FreezeOrder, type FreezeStep } from "./freezer.ts"
import type { JudgedCount } from "./weight.rules.ts"

type Counts = "latest" | "reviewed" | "consensus"
export type FreezeOperations = {
  begin: { ask: FreezeOrder & { counts: Counts }; answer: FreezeStep }
  step: { ask: object; answer: FreezeStep }
  /** Makes prints of some pictures that have none; how many are left. */
  look: { ask: { most?: number }; answer: { left: number } }
  golden: { ask: { counts: Counts }; answer: GoldenCounts }
}

/** Between two slices the hub may write. Measured beside it, 99 of 100 pages of a list answer within 9 ms. */
const restMs = 2
const slicesPerStep = 12

/**
 * Entry of `crux worker freeze`: reads what is labelled and writes versions, over a connection of its own. The hub asks step
 * by step, so that it knows how far this is and nothing is at work that nobody waits for.
 */
export async function runFreezeWorker(
  db: Sqlite,
  of: {
    labels: (counts: Counts, lots: boolean) => LabelledPart[]
    judged: () => JudgedCount[]
    /** What a picture looks like from far away; null for one that cannot be read. */
    print: (image: string) => Promise<Int16Array | null>
  },
): Promise<void> {
  let counts: Counts = "latest"
  const freezer = createFreezer({ db, labels: (lots) => of.labels(counts, lots), judged: of.judged })
  await answerParent<FreezeOperations>("freeze", async (ask) => {
    if (ask.op === "look") {
      db.exec("PRAGMA synchronous = NORMAL")
      return { left: await freezer.look(of.print, ask.most) }
    }
    if (ask.op === "golden") {
      counts = ask.counts
      return freezer.golden()
    }
    if (ask.op === "begin") {
      counts = ask.counts
      db.exec("PRAGMA synchronous = NORMAL")
      return freezer.begin(ask)
    }
    let step = freezer.step()
    for (let n = 1; n < slicesPerStep && step.state === "working"; n++) {
      await setTimeout(restMs)
      step = freezer.step()
    }
    return step
  })
}
