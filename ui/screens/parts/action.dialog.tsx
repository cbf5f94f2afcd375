import { useSignal } from "@preact/signals"
import { useEffect } from "preact/hooks"
import { uuidv7 } from "uuidv7"
import { PartAction, type PartChoice, type PartDeed, PartPreview } from "#contract/parts"
import { asTrouble, type Trouble, thumbUrl } from "../../api.ts"
import { useApp, useFormat, useWords } from "../../context.ts"
import { Button } from "../../parts/button.tsx"
import { Dialog } from "../../parts/dialog.tsx"
import { Field, Segmented } from "../../parts/field.tsx"
import { KindSign } from "../../parts/kind-sign.tsx"
import { Progress } from "../../parts/progress.tsx"
import { TroubleNote, Wait } from "../../parts/states.tsx"

const againMs = 700
type Kind = PartDeed["kind"]

/** One thing done to many parts: what exactly, what it would change, and afterwards the way back. */
export function ActionDialog({
  kind,
  choice,
  onClose,
}: {
  kind: Kind
  choice: PartChoice
  onClose: (changed: boolean) => void
}) {
  const { api, kinds } = useApp()
  const words = useWords()
  const [place, side, verdict] = [
    useSignal<"first" | "usual" | "out">("first"),
    useSignal<"golden" | "training" | "out">("golden"),
    useSignal<"ok" | "ng">("ok"),
  ]
  const chosen = useSignal<string[]>([])
  const reason = useSignal("")
  const preview = useSignal<PartPreview | undefined>(undefined)
  const action = useSignal<PartAction | undefined>(undefined)
  const trouble = useSignal<Trouble | undefined>(undefined)
  const busy = useSignal(false)
  // One id for one intention: pressing twice, or trying again after a lost answer, does nothing twice.
  const id = useSignal(uuidv7())

  const deed: PartDeed =
    kind === "queue"
      ? { kind, place: place.value }
      : kind === "dataset"
        ? { kind, side: side.value }
        : kind === "hold"
          ? { kind, reason: reason.value.trim() }
          : { kind, verdict: verdict.value, kinds: verdict.value === "ng" ? chosen.value : [] }
  const isWhole =
    deed.kind === "hold"
      ? deed.reason !== ""
      : deed.kind !== "label" || deed.verdict === "ok" || deed.kinds.length > 0
  // Why pictures are kept changes nothing about which.
  const asked = JSON.stringify(deed.kind === "hold" ? "hold" : deed)

  useEffect(() => {
    const own = new AbortController()
    preview.value = undefined
    trouble.value = undefined
    id.value = uuidv7()
    if (!isWhole && deed.kind !== "hold") return
    const body = { deed: deed.kind === "hold" ? { ...deed, reason: deed.reason || "-" } : deed, choice }
    api.post("/api/parts/actions/preview", body, PartPreview, { signal: own.signal }).then(
      (found) => {
        preview.value = found
      },
      (error: unknown) => {
        if (!own.signal.aborted) trouble.value = asTrouble(error)
      },
    )
    return () => own.abort()
  }, [asked])

  async function follow(start: Promise<PartAction>): Promise<void> {
    busy.value = true
    trouble.value = undefined
    try {
      action.value = await start
      while (action.value.state === "running" || action.value.state === "undoing") {
        await new Promise((resolve) => setTimeout(resolve, againMs))
        action.value = await api.get(`/api/parts/actions/${action.value.id}`, PartAction)
      }
    } catch (error) {
      trouble.value = asTrouble(error)
    } finally {
      busy.value = false
    }
  }
  const go = () => {
    const of = choice.of === "filter" ? { ...choice, through: preview.value?.through ?? 0 } : choice
    void follow(api.post("/api/parts/actions", { id: id.value, deed, choice: of }, PartAction))
  }
  const undo = () =>
    void follow(api.post(`/api/parts/actions/${action.value?.id}/undo`, undefined, PartAction))
  const done = action.value
  const found = preview.value
  return (
    <Dialog
      title={words.parts.deed[kind] ?? kind}
      onClose={() => onClose(done !== undefined)}
      wide
      actions={
        done ? (
          <>
            {done.state === "done" && done.changed > 0 && (
              <Button icon="undo" busy={busy.value} onClick={undo} testid="parts-undo">
                {words.parts.undo}
              </Button>
            )}
            <Button look="primary" onClick={() => onClose(true)}>
              {words.common.close}
            </Button>
          </>
        ) : (
          <>
            <Button onClick={() => onClose(false)}>{words.common.cancel}</Button>
            <Button
              look="primary"
              busy={busy.value}
              disabled={!isWhole || !found || found.changes === 0 || found.too_many}
              onClick={go}
              testid="parts-go"
            >
              {words.parts.go}
            </Button>
          </>
        )
      }
    >
      {trouble.value && <TroubleNote trouble={trouble.value} />}
      {done ? (
        <div role="status" data-testid="parts-done" data-state={done.state}>
          {done.state === "running" || done.state === "undoing" ? (
            <Progress
              value={done.parts === 0 ? null : done.changed / done.parts}
              label={words.parts.running}
            />
          ) : (
            <p class="parts-will">
              {done.state === "undone" ? words.parts.undone(done.kept) : words.parts.done(done.changed)}
            </p>
          )}
        </div>
      ) : (
        <>
          {kind === "queue" && (
            <Segmented
              label={words.parts.place}
              value={place.value}
              options={(["first", "usual", "out"] as const).map((value) => ({
                value,
                text: words.parts.places[value],
              }))}
              onValue={(value) => {
                place.value = value
              }}
            />
          )}
          {kind === "dataset" && (
            <Segmented
              label={words.parts.side}
              value={side.value}
              options={(["golden", "training", "out"] as const).map((value) => ({
                value,
                text: words.parts.sides[value],
              }))}
              onValue={(value) => {
                side.value = value
              }}
            />
          )}
          {kind === "hold" && (
            <Field
              label={words.parts.reason}
              value={reason.value}
              maxLength={300}
              onValue={(value) => {
                reason.value = value
              }}
            />
          )}
          {kind === "label" && (
            <>
              <Segmented
                label={words.parts.columns.label}
                value={verdict.value}
                options={[
                  { value: "ok", text: words.verdict.ok },
                  { value: "ng", text: words.verdict.ng },
                ]}
                onValue={(value) => {
                  verdict.value = value
                }}
              />
              {verdict.value === "ng" && (
                <fieldset class="field">
                  <legend>{words.parts.kinds}</legend>
                  <div class="parts-kinds">
                    {kinds.value.map(({ key }) => (
                      <KindTick
                        key={key}
                        kind={key}
                        on={chosen.value.includes(key)}
                        onToggle={() => {
                          chosen.value = chosen.value.includes(key)
                            ? chosen.value.filter((one) => one !== key)
                            : [...chosen.value, key]
                        }}
                      />
                    ))}
                  </div>
                </fieldset>
              )}
            </>
          )}
          {found ? <Will preview={found} /> : !trouble.value && isWhole && <Wait />}
        </>
      )}
    </Dialog>
  )
}

function KindTick({ kind, on, onToggle }: { kind: string; on: boolean; onToggle: () => void }) {
  const { kinds, prefs } = useApp()
  const name = kinds.value.find(({ key }) => key === kind)?.names[prefs.language.value] ?? kind
  return (
    <label class="check">
      <input type="checkbox" checked={on} onChange={onToggle} />
      <KindSign kind={kind} />
      <span>{name}</span>
    </label>
  )
}

function Will({ preview }: { preview: PartPreview }) {
  const words = useWords()
  const format = useFormat()
  const { parts, changes, skips, too_many, sample } = preview
  return (
    <div data-testid="parts-will">
      <p class="parts-will num">{words.parts.will(changes, parts)}</p>
      {too_many && <p class="note note-trouble">{words.parts.tooMany}</p>}
      {Object.keys(skips).length > 0 && (
        <p class="muted">
          {words.parts.leaves}:{" "}
          {words.common.and(
            Object.entries(skips).map(
              ([why, count]) => `${words.parts.skip[why] ?? why} ${format.number(count)}`,
            ),
          )}
        </p>
      )}
      <div class="change-pictures">
        {sample.map(({ id, image }) =>
          image ? (
            <img key={id} src={thumbUrl(image.sha256, 160)} alt="" width={72} height={72} loading="lazy" />
          ) : null,
        )}
      </div>
    </div>
  )
}
