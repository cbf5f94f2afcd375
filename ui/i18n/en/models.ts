import type { Words } from "../ko.ts"
import { many, n, num, pct, plural, share, text } from "./say.ts"

export const models: Words["models"] = {
  title: "Models",
  empty: "No models yet",
  emptyBody: "Judge parts and start a training; models appear here.",
  champion: "In use",
  state: { proving: "Proving", candidate: "To approve", refused: "Refused", released: "Released" },
  line: "Line",
  made: "Made",
  release: (r) => `Release ${r}`,
  candidate: "Candidate",
  gate: "Gate",
  pass: "Pass",
  fail: "Fail",
  warn: "Check",
  skip: "Not measured",
  required: "required",
  gateNone: "Proving is not finished",
  gateNoneBody: "It is being tested on the golden parts. The result appears here by itself.",
  compare: "Against the model in use",
  challenger: "This model",
  championCol: "In use",
  escape: "Escape",
  overkill: "Overkill",
  undecidable: "Undecidable",
  auroc: "AUROC",
  upper: (value) => `95% upper bound ${pct(value)}`,
  escapesOf: (count, of) => `${n(count)} of ${n(of)} NG`,
  overkillsOf: (count, of) => `${n(count)} of ${n(of)} OK`,
  perKind: "Found per kind of defect",
  perKindRow: (found, of) => `${n(found)} of ${n(of)} found`,
  failing: "Golden parts it gets wrong or leaves open",
  failingNone: "It gets no golden part wrong",
  truth: "Truth",
  modelSaid: "Model",
  golden: (ok, ng) => `Golden parts: ${n(ok)} OK, ${n(ng)} NG`,
  looks: (count) => `looked at ${plural(count, "time")}`,
  latency: "Time per part",
  approve: "Approve and roll out",
  approveTitle: "Roll this model out?",
  approveBody: (stations) =>
    `One station tries it first; if it holds, the rest follow. ${plural(stations, "station")} in all. You can roll back at any time.`,
  approveConfirm: "Start rollout",
  approvedBy: (name) => `Approved by ${name}`,
  needsEngineer: "An engineer approves the rollout.",
  size: "Size",
  recipe: "Method",
  thresholds: "Thresholds",
  limits: {
    all: "Every product",
    other: "Other products",
    scaled: "with a score of its own",
    ok: (value) => `OK below ${value}`,
    ng: (value) => `NG from ${value}`,
    note: "Scores go from 0 (good) to 1 (bad). What lies between is undecidable, and a person looks.",
  },
  digest: "Digest",
  classes: "Defects it knows",
  job: "See the training",
  worse: "worse",
  better: "better",
}

export const gate: Words["gate"] = {
  check: {
    integrity: "File integrity",
    parity: "Same numbers",
    escape: "Escape",
    overkill: "Overkill",
    undecidable: "Undecidable",
    champion: "Against the model in use",
    must_not_fail: "Must not fail again",
    per_kind: "Per kind of defect",
    latency: "Time per part",
  },
  byStatus: {
    pass: (check) => `${check}: within the limit.`,
    fail: (check) => `${check}: over the limit.`,
    warn: (check) => `${check}: needs a look.`,
    skip: (check) => `${check}: cannot be measured yet.`,
  },
  reason: {
    integrity: (p) => `It judged all ${num(p, "n")} golden parts.`,
    integrity_broken: (p) => `The model file cannot be used (${text(p, "why")}).`,
    golden_empty: () => "There are no golden parts. Add some first.",
    golden_without_ok: () => "The golden parts hold no OK part. Add some.",
    no_answer: (p) => `It gave no answer on ${num(p, "n")} golden parts (${text(p, "why")}).`,
    constant_score: () => "It gives every part the same score: it does not look at them.",
    passes_blank: (p) => `It called ${num(p, "n")} images without any part OK.`,
    parity: (p, status) =>
      status === "pass" ? "Two runs give the same verdicts." : `Two runs differ on ${num(p, "flips")} parts.`,
    escape: (p, status) =>
      `It missed ${num(p, "events")} of ${num(p, "n")} NG. Upper bound ${share(p, "upper")}, ${status === "pass" ? "within" : "over"} the limit of ${share(p, "limit")}.`,
    escape_few: (p) =>
      `It missed ${num(p, "events")} of ${num(p, "n")} NG. Fewer golden parts than the ${num(p, "wanted")} wanted.`,
    escape_unprovable: (p) =>
      `It missed ${num(p, "events")} of ${num(p, "n")} NG. So few parts prove no less than ${share(p, "upper")} escape.`,
    escape_first: (p) =>
      `It missed ${num(p, "events")} of ${num(p, "n")} NG. A first model that has seen good parts only: the wider limit of ${share(p, "limit")} applies.`,
    escape_improving: (p) =>
      `It missed ${num(p, "events")} of ${num(p, "n")} NG, over the limit of ${share(p, "limit")}; but the model in use misses ${num(p, "champion_events")}, and nothing is missed newly.`,
    escape_unjudged: () => "No NG among the golden parts: escape cannot be measured.",
    overkill: (p, status) =>
      `It rejected ${num(p, "events")} of ${num(p, "n")} OK. Upper bound ${share(p, "upper")}, ${status === "pass" ? "within" : "over"} the limit of ${share(p, "limit")}.`,
    overkill_few: (p) =>
      `It rejected ${num(p, "events")} of ${num(p, "n")} OK. Fewer golden parts than the ${num(p, "wanted")} wanted.`,
    overkill_unprovable: (p) =>
      `It rejected ${num(p, "events")} of ${num(p, "n")} OK. So few parts prove no less than ${share(p, "upper")} overkill.`,
    overkill_improving: (p) =>
      `It rejected ${num(p, "events")} of ${num(p, "n")} OK, over the limit of ${share(p, "limit")}; but the model in use rejects ${num(p, "champion_events")}, and nothing is rejected newly.`,
    overkill_unjudged: () => "No OK among the golden parts: overkill cannot be measured.",
    undecidable: (p, status) =>
      `It left ${share(p, "share")} open, ${status === "pass" ? "within" : "over"} the limit of ${share(p, "limit")}.`,
    champion_none: () => "There is no model to compare with yet.",
    champion_new_miss_critical: (p) =>
      `It newly misses a critical kind (${many(p, "new_escapes", "new escape")}).`,
    champion_more_escapes: (p) =>
      `It misses more than the model in use (${num(p, "new_escapes")} new, ${num(p, "fixed_escapes")} fixed).`,
    champion_more_overkills: (p) =>
      `It rejects more good parts than the model in use (${num(p, "new_overkills")} new, ${num(p, "fixed_overkills")} fixed).`,
    champion_only_new_escapes: (p) => `It misses ${num(p, "new_escapes")} more and finds none in exchange.`,
    champion_no_gain: () => "It loses something and gains nothing.",
    champion_better: (p) =>
      `Better than the model in use: ${many(p, "fixed_escapes", "escape")} fixed, ${num(p, "new_escapes")} new, ${many(p, "new_kinds", "kind")} learned.`,
    champion_equal: () => "The same result as the model in use.",
    must_not_fail: (p, status) =>
      status === "pass"
        ? `It finds all ${num(p, "n")} parts that escaped before.`
        : `It misses ${num(p, "newly")} of the ${num(p, "n")} parts that escaped before.`,
    must_not_fail_none: () => "No escape has been confirmed yet.",
    must_not_fail_still: (p) =>
      `Like the model in use, it still misses ${num(p, "missed")} of ${num(p, "n")} earlier escapes.`,
    per_kind: (p, status) =>
      status === "pass"
        ? `None of ${num(p, "kinds")} kinds got worse.`
        : `It misses ${num(p, "escapes")} of ${num(p, "n")} “${text(p, "kind")}”.`,
    per_kind_none: () => "The golden parts name no kinds.",
    latency: (p, status) =>
      `The slowest 1% take ${num(p, "p99_ms")} ms, ${status === "pass" ? "within" : "over"} the limit of ${num(p, "limit_ms")} ms.`,
  },
}
