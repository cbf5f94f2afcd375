import { useSignal } from "@preact/signals"
import { useEffect } from "preact/hooks"
import { useWords } from "../../context.ts"
import type { Words } from "../../i18n/ko.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { type ActionId, actions, chordsOf, chordText, groups } from "./keys.ts"
import type { OwnKeys } from "./own-keys.ts"

/** What an action is called; tools and kinds have their names from elsewhere. */
function nameOf(id: ActionId, words: Words): string {
  const { actions, tools, kindKey } = words.editor
  const { name } = words.flow
  const kind = /^kind(\d)$/.exec(id)?.[1]
  if (kind) return kindKey(Number(kind))
  if (id === "alike") return words.station.alike.name
  if (id in name) return name[id as keyof typeof name]
  if (id in actions) return actions[id as keyof typeof actions]
  return tools[id as keyof typeof tools]
}

/** How to judge, and every action with its key, which can be changed here. */
export function HelpDialog({ keys, onClose }: { keys: OwnKeys; onClose: () => void }) {
  const words = useWords()
  /** The action that waits for its new key. */
  const asking = useSignal<ActionId | null>(null)
  const taken = useSignal<{ id: ActionId; chord: string; owner: ActionId } | null>(null)
  const bindings = keys.bindings.value

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const id = asking.value
      if (id === null || event.isComposing) return
      const [chord] = chordsOf(event)
      if (chord === undefined) return
      event.preventDefault()
      event.stopPropagation()
      if (event.code === "Escape") {
        asking.value = null
        return
      }
      const owner = keys.set(id, chord)
      taken.value = owner === null ? null : { id, chord, owner }
      if (owner === null) asking.value = null
    }
    // Before the dialog and the screen behind it.
    addEventListener("keydown", onKey, true)
    return () => removeEventListener("keydown", onKey, true)
  }, [keys])

  return (
    <Dialog title={words.label.helpTitle} onClose={onClose} wide>
      <div class="help">
        <section>
          <h3>{words.label.helpTouch}</h3>
          <ol class="help-touch">
            {words.label.touchHints.map((hint) => (
              <li key={hint}>{hint}</li>
            ))}
          </ol>
          <p class="muted small">{words.editor.keysOwn}</p>
          {keys.hasOwn.value && (
            <Button
              onClick={() => {
                keys.reset()
                taken.value = null
              }}
              testid="editor-keys-reset"
            >
              {words.editor.keysReset}
            </Button>
          )}
        </section>
        <section>
          {groups.map((group) => (
            <div key={group} class="help-group">
              <h3>{words.editor.groups[group]}</h3>
              <dl class="help-keys">
                {actions
                  .filter((action) => action.group === group)
                  .map(({ id }) => (
                    <div key={id} data-testid="editor-key" data-action={id}>
                      <dt>{nameOf(id, words)}</dt>
                      <dd>
                        <button
                          type="button"
                          class="help-key"
                          aria-pressed={asking.value === id}
                          onClick={() => {
                            taken.value = null
                            asking.value = asking.value === id ? null : id
                          }}
                          data-testid="editor-key-change"
                        >
                          <span class="visually-hidden">
                            {words.editor.keyChange}: {nameOf(id, words)}
                          </span>
                          {bindings[id].map((chord: string) => (
                            <kbd key={chord} class="key">
                              {chordText(chord)}
                            </kbd>
                          ))}
                        </button>
                      </dd>
                      {asking.value === id && (
                        <dd class="help-asking">
                          <span role="status">
                            {taken.value?.id === id ? (
                              <strong data-testid="editor-key-taken">
                                {words.editor.keyTaken(
                                  chordText(taken.value.chord),
                                  nameOf(taken.value.owner, words),
                                )}
                              </strong>
                            ) : (
                              words.editor.keyPress
                            )}
                          </span>
                        </dd>
                      )}
                    </div>
                  ))}
              </dl>
            </div>
          ))}
        </section>
      </div>
    </Dialog>
  )
}
