import type { Evaluation, InspectionHeader } from "#contract/inspection"
import type { Slot } from "#contract/release"
import { type Inspector, type Judgement, type Picture, reasonOf } from "./inspector.ts"

/** A model that answers, and the slot it was loaded from. */
export type Loaded = { slot: Slot; inspector: Inspector }
/** Why nothing is loaded; becomes the code of the undecidable verdict. */
export type Vacancy = "no_model" | "model_loading" | "safe_mode"

export type Outcome = {
  slot: Slot
  eval: Evaluation
  /** Set when the model failed rather than judged: `model_crashed`, `nan_output`, `model_timeout`, …. */
  failure?: string
}

export type Live = ReturnType<typeof createLive>

/** The model on the line. Whatever goes wrong with it makes the part undecidable; nothing but a score makes it OK. */
export function createLive(onOutcome: (outcome: Outcome) => void) {
  let loaded: Loaded | undefined
  let vacancy: Vacancy = "no_model"
  const first = Promise.withResolvers<void>()

  return {
    loaded: (): Loaded | undefined => loaded,
    vacancy: (): Vacancy => vacancy,
    /** Resolves once any model has been put on the line. */
    firstLoaded: first.promise,

    /**
     * Puts another model (or none, and why) on the line and returns the one that was. A part under way finishes on
     * the model it started with; the next one meets the new.
     */
    swap: (next: Loaded | Vacancy): Loaded | undefined => {
      const before = loaded
      loaded = typeof next === "string" ? undefined : next
      if (typeof next === "string") vacancy = next
      else first.resolve()
      return before
    },

    /** Never rejects. The outcome is reported before this resolves, so a failing model is off the line by then. */
    inspect: async (
      picture: Picture,
      product?: string,
    ): Promise<Judgement & Pick<InspectionHeader, "model">> => {
      const on = loaded
      if (!on) {
        return { verdict: { eval: "undecidable", code: vacancy }, findings: [], timing: {} }
      }
      const { line, release, digest } = on.slot
      const model = { line, release, digest }
      try {
        const judgement = await on.inspector.inspect(picture, product)
        const { verdict } = judgement
        onOutcome({ slot: on.slot, eval: verdict.eval, ...failureOf(verdict.code) })
        return { ...judgement, model }
      } catch (error) {
        const code = reasonOf(error)
        onOutcome({ slot: on.slot, eval: "undecidable", ...failureOf(code) })
        return { verdict: { eval: "undecidable", code }, findings: [], timing: {}, model }
      }
    },
  }
}

/** A picture nobody can read is the camera's fault: it must not cost a model its place. */
function failureOf(code: string | undefined): { failure?: string } {
  if (code === undefined || code === "unreadable_image" || code === "unsupported_image") return {}
  return { failure: code }
}
