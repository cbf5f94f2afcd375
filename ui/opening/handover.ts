import type { LabelVerdict, NewLabel } from "#contract/labelling"

/** A key that was pressed before the screens were there to hear it. */
export type EarlyKey = Pick<KeyboardEvent, "code" | "key" | "shiftKey">

/** What was done at the first screen. */
export type Ended = {
  /** Since when the part is to be seen; undefined when it never was. */
  shownAt: number | undefined
  label: NewLabel | null
  /** Whether the label lies on the tablet's disk. */
  kept: Promise<boolean>
  /** Pressed, but not to be answered without the other controls. */
  later: LabelVerdict | null
  keys: readonly EarlyKey[]
}

/** What the first script leaves to the screens that come after it. */
export type FirstHand = {
  /** What the page carried, as it was read. */
  opening: unknown
  /** Takes the first screen away. */
  end: () => Ended
}

// The two are built apart, so that the first is one small file: they meet here.
type Place = { cruxFirst?: FirstHand | undefined }

export const leaveFirstHand = (hand: FirstHand): void => {
  const place = globalThis as Place
  place.cruxFirst = hand
}

export const findFirstHand = (): FirstHand | undefined => (globalThis as Place).cruxFirst
