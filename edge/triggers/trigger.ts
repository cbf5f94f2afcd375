import * as v from "valibot"
import { Problem } from "#contract/problem"
import { TriggerFacts } from "#contract/topics"

/** What became of a trigger: the name of its inspection, and whether the camera takes a picture for it. */
export type Fired = { id: string; taken: boolean }

export type TriggerSink = {
  /** A part is in front of the lens. Answers at once; the picture is being taken. */
  fire: (facts: TriggerFacts) => Fired
  /** Something came that is no trigger. */
  refuse: (why: string) => void
  /** No more triggers will come from here. */
  lost: (why: string) => void
}

/** Something outside that says when a part is in front of the lens. */
export interface Trigger {
  /** Resolves once it listens, which ends with the signal. Rejects with a Problem when it cannot. */
  listen(sink: TriggerSink, signal: AbortSignal): Promise<void>
}

/** Bytes of one trigger's text at most, on every way. */
export const triggerBytes = 4_096

const Facts = v.pipe(v.string(), v.parseJson(), TriggerFacts)

/**
 * Reads a trigger's text: nothing, a JSON object of facts about the part, or the bare serial of the part as a barcode
 * reader sends it. Throws a Problem that says what is wrong.
 */
export function readTrigger(text: string): TriggerFacts {
  const trimmed = text.trim()
  if (trimmed === "") return {}
  if (trimmed.startsWith("{")) {
    const parsed = v.safeParse(Facts, trimmed)
    if (parsed.success) return parsed.output
    throw new Problem("invalid", "trigger", `The trigger is not understood: ${v.summarize(parsed.issues)}`)
  }
  if (trimmed.length <= 128 && !hasControl(trimmed)) return { part_id: trimmed }
  throw new Problem(
    "invalid",
    "trigger",
    "The trigger is not understood: send a JSON object or a part's serial.",
  )
}

function hasControl(text: string): boolean {
  return [...text].some((character) => character < " " || character === "\u007f" || character === "\ufffd")
}
