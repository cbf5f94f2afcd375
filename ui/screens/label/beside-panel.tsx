import type { Guide } from "#contract/catalogue"
import { useWords } from "../../context.ts"
import { Segmented } from "../../parts/field.tsx"
import { AlikePanel } from "./alike-panel.tsx"
import type { Beside } from "./commands.ts"
import { GuidePanel } from "./guide-panel.tsx"
import type { Labelling } from "./labelling.ts"

/** What a part can be judged by, beside it: the criteria with limit samples, or parts like it and what others say. */
export function BesidePanel({
  which,
  onWhich,
  work,
  guide,
  kinds,
}: {
  which: Beside
  onWhich: (which: Beside) => void
  work: Labelling
  guide: Guide | undefined
  kinds: readonly string[]
}) {
  const words = useWords()
  const task = work.held.value?.task
  return (
    <aside class="guide" aria-label={words.flow.guide.title}>
      {/* A part that is to be judged without help has no advisers. */}
      {task && !task.blind && (
        <Segmented
          label={words.station.alike.tabs}
          value={which}
          options={[
            { value: "guide", text: words.flow.bar.guide },
            { value: "alike", text: words.station.alike.bar },
          ]}
          onValue={onWhich}
          testid="flow-beside"
        />
      )}
      {which === "alike" && task && !task.blind && (
        <AlikePanel key={task.inspection.id} id={task.inspection.id} work={work} />
      )}
      {which === "guide" && guide && (
        <GuidePanel guide={guide} kinds={kinds} product={task?.inspection.product_id ?? null} />
      )}
    </aside>
  )
}
