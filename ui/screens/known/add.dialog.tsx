import { useSignal } from "@preact/signals"
import { InspectionView, LabelRevision } from "#contract/labelling"
import { asTrouble, type Trouble, thumbUrl } from "../../api.ts"
import { useApp, useKindName, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { VerdictMark } from "../../parts/icon.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { VerdictTag } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"

/** Chooses judged parts whose newest label is right beyond doubt. */
export function AddKnownDialog({ known, onClose }: { known: readonly string[]; onClose: () => void }) {
  const { api } = useApp()
  const words = useWords()
  const kindName = useKindName()
  const text = words.station.known
  const parts = useResource("judged", (s) =>
    api.list("/api/inspections?labelled=true&limit=60", InspectionView, s),
  )
  const part = useSignal<InspectionView | null>(null)
  const busy = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)
  const fits = ({ id, image, label }: InspectionView) =>
    image !== null && label !== null && label.verdict !== "unsure" && !known.includes(id)

  async function add() {
    const chosen = part.value
    if (!chosen) return
    busy.value = true
    trouble.value = undefined
    try {
      const revisions = await api.list(`/api/inspections/${chosen.id}/labels`, LabelRevision)
      const newest = revisions.at(-1)
      const { verdict, kinds } = newest ?? chosen.label ?? { verdict: "ok", kinds: [] }
      const asked = { verdict, kinds, boxes: newest?.boxes ?? [] }
      await api.run("PUT", `/api/known-parts/${chosen.id}`, asked)
      onClose()
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }

  return (
    <Dialog
      title={text.add}
      onClose={onClose}
      wide
      actions={
        <>
          {part.value?.label && (
            <span class="known-chosen">
              <VerdictTag verdict={part.value.label.verdict} />{" "}
              {words.common.and(part.value.label.kinds.map(kindName))}
            </span>
          )}
          <Button
            look="primary"
            icon="star"
            busy={busy.value}
            disabled={part.value === null}
            onClick={() => void add()}
            testid="known-save"
          >
            {text.save}
          </Button>
        </>
      }
    >
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <p class="muted">{text.pick}</p>
      <Loaded resource={parts}>
        {(list) => (
          <div class="pick">
            {list.filter(fits).length === 0 && <p>{text.pickNone}</p>}
            {list.filter(fits).map((one) => (
              <button
                key={one.id}
                type="button"
                class="pick-part"
                aria-pressed={part.value?.id === one.id}
                aria-label={one.part_id ?? one.device_id}
                onClick={() => {
                  part.value = one
                }}
                data-testid="known-pick"
              >
                {one.image && <img src={thumbUrl(one.image.sha256, 160)} alt="" />}
                {one.label && (
                  <span class="batch-mark">
                    <VerdictMark verdict={one.label.verdict} size={16} />
                  </span>
                )}
              </button>
            ))}
          </div>
        )}
      </Loaded>
    </Dialog>
  )
}
