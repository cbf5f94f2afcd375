import { expect, test } from "bun:test"
import { type ScheduleInput, trainNow } from "../../../hub/training/schedule.rules.ts"

const base: ScheduleInput = {
  policy: { automatic: true, newLabels: 20, kindLabels: 6 },
  labels: { labelled: 0, byKind: {} },
  known: new Set(["dent"]),
  busy: false,
  last: { labelled: 0, byKind: {}, failures: 0 },
}
const cases: [string, Partial<ScheduleInput>, ReturnType<typeof trainNow>][] = [
  ["nothing new", {}, null],
  ["enough new labels", { labels: { labelled: 20, byKind: { dent: 4 } } }, "new_labels"],
  ["too few new labels", { labels: { labelled: 19, byKind: { dent: 4 } } }, null],
  ["a new kind with enough labels", { labels: { labelled: 6, byKind: { crack: 6 } } }, "new_kind"],
  ["a new kind with too few", { labels: { labelled: 5, byKind: { crack: 5 } } }, null],
  ["a kind that is known", { labels: { labelled: 6, byKind: { dent: 6 } } }, null],
  ["unknown, which is no kind", { labels: { labelled: 6, byKind: { unknown: 6 } } }, null],
  ["a job at work", { labels: { labelled: 99, byKind: {} }, busy: true }, null],
  [
    "switched off",
    { labels: { labelled: 99, byKind: {} }, policy: { ...base.policy, automatic: false } },
    null,
  ],
  ["no model and no job yet", { labels: { labelled: 99, byKind: {} }, known: null, last: null }, null],
  [
    "a refused job and the same labels",
    {
      labels: { labelled: 6, byKind: { crack: 6 } },
      last: { labelled: 6, byKind: { crack: 6 }, failures: 1 },
    },
    null,
  ],
  [
    "a refused job and as many labels again",
    {
      labels: { labelled: 12, byKind: { crack: 12 } },
      last: { labelled: 6, byKind: { crack: 6 }, failures: 1 },
    },
    "new_kind",
  ],
  [
    "two refused jobs and as many labels again: not enough any more",
    {
      labels: { labelled: 18, byKind: { crack: 18 } },
      last: { labelled: 12, byKind: { crack: 12 }, failures: 2 },
    },
    null,
  ],
  [
    "two refused jobs and twice as many",
    {
      labels: { labelled: 24, byKind: { crack: 24 } },
      last: { labelled: 12, byKind: { crack: 12 }, failures: 2 },
    },
    "new_kind",
  ],
  [
    "a new kind that had too few labels for the last job",
    {
      labels: { labelled: 8, byKind: { crack: 6 } },
      last: { labelled: 5, byKind: { crack: 3 }, failures: 1 },
    },
    "new_kind",
  ],
]
for (const [name, over, expected] of cases)
  test(`${name}: ${expected ?? "no training"}`, () => {
    expect(trainNow({ ...base, ...over })).toBe(expected)
  })
