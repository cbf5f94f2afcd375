import { useWords } from "../../context.ts"
import { Icon, type IconName } from "../../parts/icon.tsx"
import type { TestId } from "../../testids.ts"
import type { Beside, Commands } from "./commands.ts"
import type { Labelling } from "./labelling.ts"

/** What else one can do with a part, under the thumb that names defects. */
export function FlowBar({
  work,
  commands,
  beside,
}: {
  work: Labelling
  commands: Commands
  /** What stands beside the part now. */
  beside: Beside | null
}) {
  const words = useWords()
  const task = work.held.value?.task
  const idle = task === undefined
  const item = (
    what: "same" | "skip" | "ask" | "comment" | Beside,
    testid: TestId,
    more: { disabled?: boolean; pressed?: boolean; badge?: number } = {},
  ) => {
    const [name, text] =
      what === "alike"
        ? [words.station.alike.name, words.station.alike.bar]
        : [words.flow.name[what], words.flow.bar[what]]
    return (
      <button
        type="button"
        class="flow-item"
        title={name}
        aria-pressed={more.pressed}
        disabled={more.disabled ?? idle}
        onClick={commands[what]}
        data-testid={testid}
      >
        <Icon name={(what === "alike" ? "grid" : what) satisfies IconName} size={22} />
        <span>{text}</span>
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
      {item("guide", "flow-guide", { disabled: false, pressed: beside === "guide" })}
      {/* A part that is to be judged without help has no advisers. */}
      {item("alike", "flow-alike", {
        disabled: idle || task.blind === true,
        pressed: beside === "alike",
      })}
    </div>
  )
}
