import { useSignal } from "@preact/signals"
import { uuidv7 } from "uuidv7"
import { LimitSample } from "#contract/catalogue"
import { InspectionView } from "#contract/labelling"
import { asTrouble, type Trouble, thumbUrl } from "../../api.ts"
import { useApp, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { Field, Segmented, Select } from "../../parts/field.tsx"
import { VerdictMark } from "../../parts/icon.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { useResource } from "../../resource.ts"

/** Chooses a judged part whose picture shows where the boundary lies. */
export function SampleDialog({ onClose }: { onClose: () => void }) {
  const { api, kinds, prefs } = useApp()
  const words = useWords()
  const text = words.flow.catalogue
  const language = prefs.language.value
  const parts = useResource("judged", (s) =>
    api.list("/api/inspections?labelled=true&limit=60", InspectionView, s),
  )
  const id = useSignal(uuidv7())
  const part = useSignal<InspectionView | null>(null)
  const form = useSignal({ kind: "", verdict: "ng" as "ok" | "ng", ko: "", en: "" })
  const busy = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)
  const { kind, verdict, ko, en } = form.value
  const set = (change: Partial<typeof form.value>) => {
    form.value = { ...form.value, ...change }
  }

  async function add() {
    const chosen = part.value
    if (!chosen) return
    busy.value = true
    trouble.value = undefined
    const box = chosen.findings.find((finding) => finding.kind === kind)?.box
    try {
      await api.post(
        "/api/limit-samples",
        {
          id: id.value,
          kind: kind || null,
          product: null,
          verdict,
          inspection_id: chosen.id,
          ...(box && { box }),
          notes: { ko, en },
        },
        LimitSample,
      )
      onClose()
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }

  return (
    <Dialog
      title={text.addSample}
      onClose={onClose}
      wide
      actions={
        <Button
          look="primary"
          busy={busy.value}
          disabled={part.value === null}
          onClick={() => void add()}
          testid="catalogue-sample-save"
        >
          {text.add}
        </Button>
      }
    >
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <p class="muted">{text.pick}</p>
      <Loaded resource={parts}>
        {(list) => (
          <div class="pick">
            {list.length === 0 && <p>{text.pickNone}</p>}
            {list.map((one) =>
              one.image ? (
                <button
                  key={one.id}
                  type="button"
                  class="pick-part"
                  aria-pressed={part.value?.id === one.id}
                  aria-label={one.part_id ?? one.device_id}
                  onClick={() => {
                    part.value = one
                    set({
                      kind: one.label?.kinds[0] ?? kind,
                      verdict: one.label?.verdict === "ok" ? "ok" : "ng",
                    })
                  }}
                  data-testid="catalogue-sample-part"
                >
                  <img src={thumbUrl(one.image.sha256, 160)} alt="" />
                  {one.label && (
                    <span class="batch-mark">
                      <VerdictMark verdict={one.label.verdict} size={16} />
                    </span>
                  )}
                </button>
              ) : null,
            )}
          </div>
        )}
      </Loaded>
      <div class="form-two">
        <Select
          label={text.kind}
          value={kind}
          options={[
            { value: "", text: text.everyKind },
            ...kinds.value.map(({ key, names }) => ({ value: key, text: names[language] })),
          ]}
          onValue={(value) => set({ kind: value })}
        />
        <Segmented
          label={text.boundary}
          value={verdict}
          options={[
            { value: "ok", text: text.okSample },
            { value: "ng", text: text.ngSample },
          ]}
          onValue={(value) => set({ verdict: value })}
        />
        <Field label={text.noteKo} value={ko} onValue={(value) => set({ ko: value })} maxLength={200} />
        <Field label={text.noteEn} value={en} onValue={(value) => set({ en: value })} maxLength={200} />
      </div>
    </Dialog>
  )
}
