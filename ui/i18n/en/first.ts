import type { first as ko, late as koLate } from "../ko/first.ts"

export const first: typeof ko = {
  verdict: { ok: "OK", ng: "NG", unsure: "Unsure", undecidable: "Undecidable", undefined: "Not judged" },
  reason: {
    undecidable: "The model could not decide",
    disagreement: "The judgements on it differ",
    audit: "Drawn as a random check",
    ng: "The model calls it NG",
    second_opinion: "Someone asks for a second opinion",
    unsure_label: "Someone was unsure about it",
    skipped: "Others have given it back",
    wanted: "Someone put it first",
    ok: "The model calls it OK",
    sent_back: "It was sent back to you",
  },
  loadingPart: "Fetching the next part",
}

export const late: typeof koLate = {
  screensFailed: (seconds) =>
    `The rest of the screen could not be fetched. What you have judged is kept on this tablet. Trying again in ${seconds} s.`,
  tryNow: "Try now",
}
