import { useWords } from "../../context.ts"
import { Icon, type IconName } from "../../parts/icon.tsx"
import type { TestId } from "../../testids.ts"
import type { Labelling } from "./labelling.ts"

type Doing = "skip" | "ask" | "comment"

/** What else one can do with a part, under the thumb that names defects. */
export function FlowBar({
  work,
  guide,
  onGuide,
  onOpen,
}: {
  work: Labelling
  /** Whether the criteria are shown. */
  guide: boolean
  onGuide: () => void
  onOpen: (what: Doing) => void
}) {
  const words = useWords()
  const idle = work.held.value === null
  const comments = work.held.value?.task.comments ?? 0
  const item = (
    what: Doing | "same" | "guide",
    testid: TestId,
    onClick: () => void,
    more: { disabled?: boolean; pressed?: boolean; badge?: number } = {},
  ) => (
    <button
      type="button"
      class="flow-item"
      title={words.flow.name[what]}
      aria-pressed={more.pressed}
      disabled={more.disabled ?? idle}
      onClick={onClick}
      data-testid={testid}
    >
      <Icon name={what satisfies IconName} size={22} />
      <span>{words.flow.bar[what]}</span>
      {more.badge !== undefined && more.badge > 0 && <span class="flow-badge num">{more.badge}</span>}
    </button>
  )
  return (
    <div class="flow-bar" role="toolbar" aria-label={words.nav.more}>
      {item("same", "flow-same", () => void work.sameAsLast(), {
        disabled: idle || work.past.value.length === 0,
      })}
      {item("skip", "flow-skip", () => onOpen("skip"))}
      {item("ask", "flow-ask", () => onOpen("ask"))}
      {item("comment", "flow-comment", () => onOpen("comment"), { badge: comments })}
      {item("guide", "flow-guide", onGuide, { disabled: false, pressed: guide })}
    </div>
  )
}
