import { arrivals } from "./en/arrivals.ts"
import { assist } from "./en/assist.ts"
import { common, kind, nav, presence, problem, role, time, verdict } from "./en/common.ts"
import { datasets } from "./en/datasets.ts"
import { editor } from "./en/editor.ts"
import { home, live } from "./en/home.ts"
import { flow, label } from "./en/label.ts"
import { gate, models } from "./en/models.ts"
import { parts } from "./en/parts.ts"
import { people, settings } from "./en/people.ts"
import { rollouts, shadows } from "./en/rollouts.ts"
import { n } from "./en/say.ts"
import { session, setup, tablet } from "./en/session.ts"
import { devices, station, stations, surroundings } from "./en/stations.ts"
import { msa, together } from "./en/together.ts"
import { learning, trainers, training } from "./en/training.ts"
import type { Words } from "./ko.ts"

export const en: Words = {
  code: "en",
  locale: "en-GB",
  productLine: "People teach, the line learns",
  common,
  nav,
  verdict,
  kind,
  role,
  session,
  setup,
  home,
  live,
  presence,
  label,
  models,
  gate,
  training,
  rollouts,
  surroundings,
  shadows,
  stations,
  arrivals,
  people,
  settings,
  problem,
  time,
  devices,
  assist,
  tablet,
  editor,
  datasets,
  flow,
  together,
  msa,
  station,
  learning,
  trainers,
  parts,
  freeze: {
    together: "Never parted",
    groups: { part: "Parts", lot: "Lots", burst: "Bursts" },
    working: (done, total) => `Freezing ${done} of ${total}`,
    reading: "Reading labels",
    nearTitle: (count) => `${n(count)} pairs of golden and training pictures are almost the same`,
    nearBody: "What a model has learned from proves nothing. So nothing was frozen yet.",
    leaveOut: "Freeze without the training pictures",
    allow: "They are different parts",
    golden: "Golden",
    training: "Training",
  },
  exports: {
    open: "Other formats",
    title: "Take these parts out",
    lead: "All parts that the filter finds, with and without a label.",
    underWay: "Being made",
    reading: "Reading labels",
    pictures: (count, of) => `${count} of ${of} pictures`,
    looking: (done, total) => `Comparing pictures: ${done} of ${total} new ones`,
    cancel: "Stop",
  },
}
