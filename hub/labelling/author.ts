import { Problem } from "#contract/problem"
import type { User } from "#contract/users"

/** A pass as a tablet shows it: what its owner left unsent there. */
export const passHeader = "crux-label-pass"

/** Whose pass it is, while it lasts. */
export type PassHolder = (token: string) => { user: User; tabletId: string | undefined } | undefined

/** In whose name a pass speaks. Throws `unauthenticated`. */
export const authorBy = (passHolder: PassHolder) => (token: string | undefined) => {
  const holder = token === undefined ? undefined : passHolder(token)
  if (!holder)
    throw new Problem("unauthenticated", "label_pass", "this pass has ended; its owner signs in again")
  return holder
}
