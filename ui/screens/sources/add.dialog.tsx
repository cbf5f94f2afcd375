import { useSignal } from "@preact/signals"
import type * as v from "valibot"
import { SourcePreset, SourceWithToken } from "#contract/source"
import { asTrouble, type Trouble } from "../../api.ts"
import { useApp } from "../../context.ts"
import { useDeskWords } from "../../desk-words.ts"
import { Button, LinkButton } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { Field } from "../../parts/field.tsx"
import { Loaded } from "../../parts/loaded.tsx"
import { TroubleNote } from "../../parts/states.tsx"
import { useResource } from "../../resource.ts"
import { Connect } from "./connect.tsx"
import { useSourceWords } from "./words.ts"

/** Three steps: which camera, its name, and what to type into it. The token is shown once. */
export function AddDialog({ onClose }: { onClose: () => void }) {
  const { api } = useApp()
  const texts = useDeskWords().sources
  const say = useSourceWords()
  const presets = useResource("presets", (s) => api.list("/api/source-presets", SourcePreset, s))
  const chosen = useSignal<SourcePreset | null>(null)
  const id = useSignal("")
  const name = useSignal("")
  const busy = useSignal(false)
  const made = useSignal<v.InferOutput<typeof SourceWithToken> | null>(null)
  const trouble = useSignal<Trouble | undefined>(undefined)

  async function make(preset: SourcePreset) {
    busy.value = true
    trouble.value = undefined
    try {
      made.value = await api.post(
        "/api/sources",
        {
          id: id.value,
          name: name.value,
          preset: preset.key,
          profile: preset.profile,
          foreign_topics: preset.foreign_topics,
        },
        SourceWithToken,
      )
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }

  if (made.value)
    return (
      <Dialog
        title={texts.madeTitle}
        onClose={onClose}
        wide
        actions={
          <LinkButton href={`/sources/${made.value.source.id}`} look="primary" icon="live">
            {texts.watch}
          </LinkButton>
        }
      >
        <p>{made.value.source.profile.kind === "folder" ? texts.dropHint : texts.tokenOnce}</p>
        <Connect source={made.value.source} token={made.value.token} />
      </Dialog>
    )
  if (!chosen.value)
    return (
      <Dialog title={texts.chooseTitle} onClose={onClose} wide>
        <Loaded resource={presets}>
          {(list) => (
            <ul class="source-presets">
              {list.map((preset) => (
                <li key={preset.key}>
                  <button
                    type="button"
                    class="source-preset"
                    data-testid="source-preset"
                    data-preset={preset.key}
                    onClick={() => {
                      chosen.value = preset
                    }}
                  >
                    <strong>{say.preset(preset.key)}</strong>
                    <span class="muted">{texts.kindHints[preset.profile.kind]}</span>
                  </button>
                </li>
              ))}
            </ul>
          )}
        </Loaded>
      </Dialog>
    )
  const preset = chosen.value
  return (
    <Dialog title={say.preset(preset.key)} onClose={onClose}>
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          void make(preset)
        }}
      >
        <Field
          label={texts.id}
          hint={texts.idHint}
          value={id.value}
          onValue={(value) => {
            id.value = value
          }}
          pattern="[a-z0-9][a-z0-9\-]{0,31}"
          autocapitalize="none"
          spellcheck={false}
          required
          testid="source-id"
        />
        <Field
          label={texts.name}
          value={name.value}
          onValue={(value) => {
            name.value = value
          }}
          maxLength={64}
          required
          testid="source-name"
        />
        <Button look="primary" type="submit" icon="plus" busy={busy.value} testid="source-make">
          {texts.make}
        </Button>
      </form>
    </Dialog>
  )
}
