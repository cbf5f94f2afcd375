/**
 * Undo without limit for immutable values. A gesture sets a mark, amends the present as it goes, and commits once: one
 * drag, one undo step. Cancelling returns to the mark. Steps of one `streak` that follow each other (holding an arrow
 * key, typing a note) are one step as well.
 */
export type History<T> = {
  readonly past: readonly T[]
  readonly present: T
  readonly future: readonly T[]
  readonly mark: T | null
  readonly streak: string | null
}

export const newHistory = <T>(present: T): History<T> => ({
  past: [],
  present,
  future: [],
  mark: null,
  streak: null,
})

export const begin = <T>(h: History<T>): History<T> => ({ ...h, mark: h.mark ?? h.present })
export const amend = <T>(h: History<T>, present: T): History<T> => ({ ...h, present })

export function commit<T>(h: History<T>, streak: string | null = null): History<T> {
  if (h.mark === null || h.mark === h.present) return { ...h, mark: null }
  const goesOn = streak !== null && streak === h.streak
  return { past: goesOn ? h.past : [...h.past, h.mark], present: h.present, future: [], mark: null, streak }
}

export const cancel = <T>(h: History<T>): History<T> => ({ ...h, present: h.mark ?? h.present, mark: null })

/** One whole change as one step. */
export const change = <T>(h: History<T>, present: T, streak: string | null = null): History<T> =>
  commit(amend(begin(h), present), streak)

export function undo<T>(h: History<T>): History<T> {
  const last = h.past.at(-1)
  if (last === undefined) return h
  return {
    past: h.past.slice(0, -1),
    present: last,
    future: [h.present, ...h.future],
    mark: null,
    streak: null,
  }
}

export function redo<T>(h: History<T>): History<T> {
  const [next, ...future] = h.future
  if (next === undefined) return h
  return { past: [...h.past, h.present], present: next, future, mark: null, streak: null }
}
