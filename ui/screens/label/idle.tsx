import { useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Empty, TroubleNote, Wait } from "../../parts/states.tsx"
import type { Labelling } from "./labelling.ts"

/** Nothing in the hand: on its way, all done, or cut off. */
export function Idle({ work }: { work: Labelling }) {
  const words = useWords()
  const supply = work.supply.value
  if (supply.state === "empty")
    return (
      <div class="idle" data-testid="label-empty">
        <Empty icon="check" title={words.label.emptyTitle} body={words.label.emptyBody} />
      </div>
    )
  if (supply.state === "cut")
    return (
      <div class="idle">
        <Empty icon="cloudOff" title={words.label.offlineTitle} body={words.label.offlineBody}>
          <TroubleNote trouble={supply.trouble} retry={work.poke} />
        </Empty>
      </div>
    )
  return <Wait text={words.label.loadingPart} />
}

/** A part without its picture: it has none, or it cannot be opened. */
export function NoPicture({ work }: { work: Labelling }) {
  const words = useWords()
  const none = work.held.value?.task.inspection.image === null
  return (
    <div class="idle">
      <Empty
        icon="image"
        title={none ? words.live.imageNone : words.label.imageFailed}
        body={words.label.imageFailedBody}
      >
        {!none && (
          <Button look="primary" onClick={() => void work.reopenPicture()}>
            {words.common.retry}
          </Button>
        )}
      </Empty>
    </div>
  )
}
