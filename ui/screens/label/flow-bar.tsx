import { useWords } from "../../context.ts"
import { Icon, type IconName } from "../../parts/icon.tsx"
import type { TestId } from "../../testids.ts"
import type { Commands } from "./commands.ts"
import type { Labelling } from "./labelling.ts"

/** What else one can do with a part, under the thumb that names defects. */
export function FlowBar({
  work,
  commands,
  beside,
  onBeside,
}: {
  work: Labelling
  commands: Commands
  /** Whether something to judge by stands beside the part. */
  beside: boolean
  onBeside: () => void
}) {
  const words = useWords()
  const task = work.held.value?.task
  const idle = task === undefined
  const item = (
    what: "same" | "skip" | "ask" | "comment" | "guide",
    testid: TestId,
    more: { disabled?: boolean; pressed?: boolean; badge?: number } = {},
  ) => {
    return (
      <button
        type="button"
        class="flow-item"
        title={words.flow.name[what]}
        aria-pressed={more.pressed}
        disabled={more.disabled ?? idle}
        onClick={what === "guide" ? onBeside : commands[what]}
        data-testid={testid}
      >
        <Icon name={what satisfies IconName} size={22} />
        <span>{words.flow.bar[what]}</span>
        {more.badge !== undefined && more.badge > 0 && <span class="flow-badge num">{more.badge}</span>}
      </button>
    )
  }
  return (
    <div class="flow-bar" role="toolbar" aria-label={words.nav.more}>
      {item("same", "flow-same", { disabled: idle || work.past.value.length === 0 })}
      {item("skip", "flow-skip")}
      {item("ask", "flow-ask")}
      {item("comment", "flow-comment", { badge: task?.comments ?? 0 })}
      {item("guide", "flow-guide", { disabled: false, pressed: beside })}
    </div>
  )
}
