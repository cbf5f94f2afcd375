import type { ComponentChildren } from "preact"
import type { Trouble } from "../api.ts"
import { useWords } from "../context.ts"
import type { Words } from "../i18n/ko.ts"
import { Button } from "./button.tsx"
import { Icon, type IconName } from "./icon.tsx"

/** What happened, in the person's words. Never a code alone. */
function troubleText(words: Words, trouble: Trouble): string {
  const known =
    words.problem.key[trouble.key] ??
    words.tablet.problems[trouble.key] ??
    words.trainers.problem[trouble.key]
  if (known) return known(trouble.params)
  // Words of a screen of its own, by the end of their key.
  const own: Record<string, string> = words.together.problem
  const [, last = ""] = /^(?:review|study)_(.+)$/.exec(trouble.key) ?? []
  return own[last] ?? words.problem.fallback[trouble.code]
}

/** Nothing here yet: says why and what to do next. */
export function Empty({
  icon,
  title,
  body,
  children,
}: {
  icon: IconName
  title: string
  body: string
  children?: ComponentChildren
}) {
  return (
    <div class="empty">
      <Icon name={icon} size={48} />
      <h2>{title}</h2>
      <p class="muted">{body}</p>
      {children}
    </div>
  )
}

/** Something is on its way. Appears only after 300 ms, so that a quick answer does not flicker. */
export function Wait({ text }: { text?: string }) {
  const words = useWords()
  return (
    <div class="wait" role="status">
      <span class="spinner spinner-large" aria-hidden="true" />
      <span>{text ?? words.common.loading}</span>
    </div>
  )
}

/** What went wrong, that nothing was lost, and what to do. */
export function TroubleNote({ trouble, retry }: { trouble: Trouble; retry?: () => void }) {
  const words = useWords()
  return (
    <div class="note note-trouble" role="alert">
      <Icon name="warning" />
      <div class="note-text">
        <p>{troubleText(words, trouble)}</p>
        {trouble.requestId && <p class="small muted">{words.problem.requestId(trouble.requestId)}</p>}
      </div>
      {retry && <Button onClick={retry}>{words.common.retry}</Button>}
    </div>
  )
}
