import { useSignal } from "@preact/signals"
import { uuidv7 } from "uuidv7"
import { type PartLook, PartView } from "#contract/parts"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { Field } from "../../parts/field.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { Tag } from "../../parts/tag.tsx"
import { useResource } from "../../resource.ts"

/** Filters that are kept, and keeping the one on the screen. */
export function ViewsDialog({
  filter,
  look,
  onOpen,
  onClose,
}: {
  filter: string
  look: PartLook
  onOpen: (view: PartView) => void
  onClose: () => void
}) {
  const { api, session } = useApp()
  const words = useWords()
  const name = useSignal("")
  const shared = useSignal(false)
  const trouble = useSignal<Trouble | undefined>(undefined)
  const views = useResource("part views", (s) => api.list("/api/parts/views", PartView, s))
  async function change(work: () => Promise<unknown>) {
    trouble.value = undefined
    try {
      await work()
      name.value = ""
      views.reload()
    } catch (error) {
      trouble.value = asTrouble(error)
    }
  }
  const save = () =>
    change(() =>
      api.put(
        `/api/parts/views/${uuidv7()}`,
        { name: name.value, filter, look, shared: shared.value },
        PartView,
      ),
    )
  return (
    <Dialog title={words.parts.views} onClose={onClose}>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <Loaded resource={views}>
        {(list) =>
          list.length === 0 ? (
            <p class="muted">{words.parts.viewEmpty}</p>
          ) : (
            <ul class="rows">
              {list.map((view) => (
                <li key={view.id} class="row">
                  <button
                    type="button"
                    class="parts-view"
                    onClick={() => onOpen(view)}
                    data-testid="parts-view"
                  >
                    <span class="row-title">{view.name}</span>
                    <code class="small muted">{view.filter}</code>
                  </button>
                  {view.shared && <Tag icon="people">{view.by.name}</Tag>}
                  {view.by.id === session.value?.user.id && (
                    <Button
                      look="quiet"
                      icon="trash"
                      onClick={() => void change(() => api.run("DELETE", `/api/parts/views/${view.id}`))}
                    >
                      {words.parts.viewDrop}
                    </Button>
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
      <form
        class="parts-keep"
        onSubmit={(event) => {
          event.preventDefault()
          void save()
        }}
      >
        <Field
          label={words.parts.viewName}
          value={name.value}
          required
          maxLength={80}
          onValue={(value) => {
            name.value = value
          }}
          testid="parts-view-name"
        />
        <label class="check">
          <input
            type="checkbox"
            checked={shared.value}
            onChange={(event) => {
              shared.value = event.currentTarget.checked
            }}
          />
          <span>{words.parts.viewShared}</span>
        </label>
        <Button type="submit" look="primary" disabled={name.value.trim() === ""} testid="parts-view-save">
          {words.parts.viewSave}
        </Button>
      </form>
    </Dialog>
  )
}
