import * as v from "valibot"
import { DefectClass } from "./catalogue.ts"
import { LabelTask } from "./labelling.ts"
import { LabelSetup } from "./questions.ts"
import { ThisTablet } from "./tablets.ts"
import { Session } from "./users.ts"

/**
 * What the page of the work screen carries for the person its cookie signs in: all that must be known to judge a first
 * part, so that a slow tablet asks for nothing before.
 */
export const Opening = v.object({
  session: Session,
  tablet: ThisTablet,
  kinds: v.array(DefectClass),
  setups: v.array(LabelSetup),
  /** Leased as POST /api/labelling/next leases; null when nothing waits. */
  task: v.nullable(LabelTask),
})
export type Opening = v.InferOutput<typeof Opening>
