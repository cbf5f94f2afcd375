import { useSignal } from "@preact/signals"
import { Criterion, type Guide, type Product } from "#contract/catalogue"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useFormat, useKindName, useMay, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { Field, Select, TextField } from "../../parts/field.tsx"
import { KindSign } from "../../parts/kind-sign.tsx"
import { Panel } from "../../parts/page.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { useResource } from "../../resource.ts"

/** What is still good, in words: the version in force, and all before it. */
export function CriteriaPanel({
  guide,
  products,
  onPublished,
}: {
  guide: Guide
  products: readonly Product[]
  onPublished: () => void
}) {
  const { api, prefs } = useApp()
  const words = useWords()
  const format = useFormat()
  const kindName = useKindName()
  const reviewer = useMay("reviewer")
  const text = words.flow.catalogue
  const language = prefs.language.value
  const history = useResource("criteria", (s) => api.list("/api/criteria", Criterion, s), ["catalogue"])
  const editing = useSignal<Criterion | "new" | null>(null)
  const past = history.data.value?.filter(
    ({ version }) => !guide.criteria.some((criterion) => criterion.version === version),
  )
  const scope = ({ kind, product }: Criterion) =>
    words.common.and([
      kind === null ? text.everyKind : kindName(kind),
      ...(product === null ? [] : [products.find(({ key }) => key === product)?.names[language] ?? product]),
    ])
  return (
    <Panel
      title={text.criteria}
      class="catalogue-wide"
      aside={
        <>
          {guide.version > 0 && <span class="muted">{text.current(guide.version)}</span>}
          {reviewer && (
            <Button
              icon="guide"
              onClick={() => {
                editing.value = "new"
              }}
              testid="catalogue-criterion-write"
            >
              {text.writeCriterion}
            </Button>
          )}
        </>
      }
    >
      {guide.criteria.length === 0 && <p class="muted">{text.none}</p>}
      <ul class="entries">
        {guide.criteria.map((criterion) => (
          <li key={criterion.version}>
            <button
              type="button"
              class="entry"
              disabled={!reviewer}
              onClick={() => {
                editing.value = criterion
              }}
              data-testid="catalogue-criterion"
            >
              {criterion.kind !== null && <KindSign kind={criterion.kind} size={28} />}
              <span class="entry-name">
                <strong>{scope(criterion)}</strong>
                <span class="entry-text">
                  {criterion.texts[language] || criterion.texts.ko || criterion.texts.en}
                </span>
                <span class="muted small">
                  {words.flow.guide.version(criterion.version)} · {criterion.by},{" "}
                  {format.dateTime(criterion.at)} · {criterion.change}
                </span>
              </span>
            </button>
          </li>
        ))}
      </ul>
      {past !== undefined && past.length > 0 && (
        <details class="history">
          <summary>{text.history}</summary>
          <ul class="entries">
            {past.map((criterion) => (
              <li key={criterion.version} class="entry-past">
                <strong>
                  {words.flow.guide.version(criterion.version)} · {scope(criterion)}
                </strong>
                <span class="entry-text">{criterion.texts[language] || text.ended}</span>
                <span class="muted small">
                  {criterion.by}, {format.dateTime(criterion.at)} · {criterion.change}
                </span>
              </li>
            ))}
          </ul>
        </details>
      )}
      {editing.value && (
        <CriterionDialog
          entry={editing.value === "new" ? null : editing.value}
          next={guide.version + 1}
          products={products}
          onClose={() => {
            editing.value = null
          }}
          onPublished={() => {
            editing.value = null
            history.reload()
            onPublished()
          }}
        />
      )}
    </Panel>
  )
}

function CriterionDialog({
  entry,
  next,
  products,
  onClose,
  onPublished,
}: {
  entry: Criterion | null
  next: number
  products: readonly Product[]
  onClose: () => void
  onPublished: () => void
}) {
  const { api, kinds, prefs } = useApp()
  const words = useWords()
  const text = words.flow.catalogue
  const language = prefs.language.value
  const form = useSignal({
    kind: entry?.kind ?? "",
    product: entry?.product ?? "",
    ko: entry?.texts.ko ?? "",
    en: entry?.texts.en ?? "",
    change: "",
  })
  const busy = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)
  const { kind, product, ko, en, change } = form.value
  const set = (more: Partial<typeof form.value>) => {
    form.value = { ...form.value, ...more }
  }

  async function publish() {
    busy.value = true
    trouble.value = undefined
    try {
      await api.post(
        "/api/criteria",
        { kind: kind || null, product: product || null, texts: { ko, en }, change },
        Criterion,
      )
      onPublished()
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }

  return (
    <Dialog title={text.writeCriterion} onClose={onClose} wide>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <form
        class="form-two"
        onSubmit={(event) => {
          event.preventDefault()
          void publish()
        }}
      >
        <Select
          label={text.kind}
          value={kind}
          options={[
            { value: "", text: text.everyKind },
            ...kinds.value.map(({ key, names }) => ({ value: key, text: names[language] })),
          ]}
          onValue={(value) => set({ kind: value })}
        />
        <Select
          label={text.product}
          value={product}
          options={[
            { value: "", text: text.everyProduct },
            ...products.map(({ key, names }) => ({ value: key, text: names[language] })),
          ]}
          onValue={(value) => set({ product: value })}
        />
        <TextField
          label={text.textKo}
          value={ko}
          rows={5}
          maxLength={4000}
          onValue={(value) => set({ ko: value })}
          testid="catalogue-criterion"
        />
        <TextField
          label={text.textEn}
          value={en}
          rows={5}
          maxLength={4000}
          onValue={(value) => set({ en: value })}
        />
        <Field
          label={text.change}
          value={change}
          onValue={(value) => set({ change: value })}
          maxLength={500}
          required
        />
        <Button look="primary" type="submit" busy={busy.value} testid="catalogue-criterion-publish">
          {text.publish(next)}
        </Button>
      </form>
    </Dialog>
  )
}
